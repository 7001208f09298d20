#include "event/message_schema.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <variant>

namespace octolake::event {
namespace {

using avro::Schema;
using avro::SchemaPtr;
using avro::Type;

constexpr size_t kMostDescription = 256;  // bytes, of a union in a message

using Target = std::variant<Text MessageRecord::*, std::optional<int64_t> MessageRecord::*,
                            std::optional<bool> MessageRecord::*>;

// Where a field of a GitHubEvent stands, and what it fills.
struct Slot {
  const char* object;  // nullptr: a field of the event itself
  const char* field;
  Target target;
  bool required = false;
};

using TextTarget = Text MessageRecord::*;
using IntegerTarget = std::optional<int64_t> MessageRecord::*;
using FlagTarget = std::optional<bool> MessageRecord::*;

const std::vector<Slot>& Slots() {
  static const std::vector<Slot> slots = {
      {nullptr, "id", TextTarget(&MessageRecord::id), true},
      {nullptr, "type", TextTarget(&MessageRecord::type), true},
      {"actor", "id", IntegerTarget(&MessageRecord::actor_id)},
      {"actor", "login", TextTarget(&MessageRecord::actor_login)},
      {"actor", "gravatar_id", TextTarget(&MessageRecord::actor_gravatar_id)},
      {"actor", "url", TextTarget(&MessageRecord::actor_url)},
      {"actor", "avatar_url", TextTarget(&MessageRecord::actor_avatar_url)},
      {"repo", "id", IntegerTarget(&MessageRecord::repo_id)},
      {"repo", "name", TextTarget(&MessageRecord::repo_name)},
      {"repo", "url", TextTarget(&MessageRecord::repo_url)},
      {nullptr, "payload", TextTarget(&MessageRecord::payload)},
      {nullptr, "public", FlagTarget(&MessageRecord::is_public)},
      {nullptr, "created_at", TextTarget(&MessageRecord::created_at), true},
      {"org", "id", IntegerTarget(&MessageRecord::org_id)},
      {"org", "login", TextTarget(&MessageRecord::org_login)},
      {nullptr, "trace_id", TextTarget(&MessageRecord::trace_id)},
      {nullptr, "source", TextTarget(&MessageRecord::source)},
      {nullptr, "delivery_id", TextTarget(&MessageRecord::delivery_id)},
      {nullptr, "received_at", IntegerTarget(&MessageRecord::received_at)},
      {nullptr, "extra", TextTarget(&MessageRecord::extra)},
  };
  return slots;
}

std::string NameOf(const Slot& slot) {
  return slot.object == nullptr ? slot.field : std::string(slot.object) + "." + slot.field;
}

const char* ExpectedType(const Target& target) {
  return std::holds_alternative<TextTarget>(target)      ? "string"
         : std::holds_alternative<IntegerTarget>(target) ? "long"
                                                         : "boolean";
}

// Whether a datum of the type can be read as the target: the promotions of the specification.
bool Fits(const Schema& schema, const Target& target) {
  if (std::holds_alternative<TextTarget>(target)) {
    return schema.type == Type::kString || schema.type == Type::kBytes;
  }
  if (std::holds_alternative<FlagTarget>(target)) return schema.type == Type::kBoolean;
  return schema.type == Type::kInt || schema.type == Type::kLong;
}

// Applies `test` to the schema, or to the branches of a union until one passes.
template <typename Test>
bool AnyBranch(const Schema& schema, const Test& test) {
  if (schema.type != Type::kUnion) return test(schema);
  return std::any_of(schema.branches.begin(), schema.branches.end(),
                     [&](const SchemaPtr& branch) { return test(*branch); });
}

// The record that the schema is, or that is the only one in a union; else nullptr. A record inside
// its own definition is another one.
const Schema* FindRecord(const Schema& schema) {
  if (schema.type != Type::kUnion) return schema.type == Type::kRecord ? &schema : nullptr;
  const Schema* found = nullptr;
  for (const SchemaPtr& branch : schema.branches) {
    if (branch->type != Type::kRecord && branch->type != Type::kNamed) continue;
    if (found != nullptr || branch->type == Type::kNamed) return nullptr;
    found = branch.get();
  }
  return found;
}

std::string Described(const Schema& schema) {
  if (schema.type != Type::kUnion) return std::string(TypeName(schema.type));
  std::string text = "a union of";
  for (const SchemaPtr& branch : schema.branches) text += " " + std::string(TypeName(branch->type));
  return text.substr(0, kMostDescription);
}

tl::unexpected<Error> CannotRead(const std::string& name, const std::string& expected,
                                 const std::string& found) {
  return MakeError(ErrorKind::kUnsupported, "the schema is none of a GitHubEvent: field " + name +
                                                ": expected " + expected + ", found " + found);
}

bool IsUtf8(const Text& text) {
  return !text || simdjson::validate_utf8(text->data(), text->size());
}

// False if the datum is of another type.
bool FillField(const avro::FieldView& view, const Target& target, MessageRecord* record) {
  if (const auto* text = std::get_if<TextTarget>(&target)) {
    if (view.type != Type::kString && view.type != Type::kBytes) return false;
    record->** text = view.text;
  } else if (const auto* integer = std::get_if<IntegerTarget>(&target)) {
    if (view.type != Type::kInt && view.type != Type::kLong) return false;
    record->** integer = view.integer;
  } else {
    if (view.type != Type::kBoolean) return false;
    record->*std::get<FlagTarget>(target) = view.integer != 0;
  }
  return true;
}

// The fields of a record that is wanted, or of one that is a field of it.
avro::WantedFields& WantedField(avro::WantedFields& wanted, const Schema& record, size_t field) {
  wanted.fields.resize(record.fields.size());
  return wanted.fields[field];
}

}  // namespace

const SchemaPtr& MessageSchema() {
  static const SchemaPtr schema = [] {
    const auto text = [](const char* name) {
      return avro::OptionalField(name, avro::Primitive(Type::kString));
    };
    const auto id = avro::OptionalField("id", avro::Primitive(Type::kLong));
    const auto required = [](const char* name) {
      return avro::RequiredField(name, avro::Primitive(Type::kString));
    };
    const auto instant = avro::LogicalType(Type::kLong, "timestamp-micros");
    return avro::RecordOf(
        "GitHubEvent",
        {required("id"), required("type"),
         avro::RequiredField(
             "actor", avro::RecordOf("Actor", {id, text("login"), text("gravatar_id"), text("url"),
                                               text("avatar_url")})),
         avro::RequiredField("repo", avro::RecordOf("Repo", {id, text("name"), text("url")})),
         text("payload"), avro::OptionalField("public", avro::Primitive(Type::kBoolean)),
         required("created_at"),
         avro::OptionalField("org", avro::RecordOf("Org", {id, text("login")})), text("trace_id"),
         text("source"), text("delivery_id"), avro::OptionalField("received_at", instant),
         text("extra")});
  }();
  return schema;
}

Result<MessageResolution> MessageResolution::Resolve(const SchemaPtr& writer) {
  if (writer->type != Type::kRecord) {
    return MakeError(
        ErrorKind::kUnsupported,
        "the schema is none of a GitHubEvent: expected a record, found " + Described(*writer));
  }
  MessageResolution resolution;
  const std::vector<Slot>& slots = Slots();
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    const bool nested = slot.object != nullptr;
    const auto field = avro::FindField(*writer, nested ? slot.object : slot.field);
    if (!field && slot.required) {
      return CannotRead(NameOf(slot), ExpectedType(slot.target), "no such field");
    }
    if (!field) continue;
    Source source;
    source.slot = i;
    avro::WantedFields* wanted = &WantedField(resolution.wanted_, *writer, *field);
    const Schema* schema = writer->fields[*field].schema.get();
    if (nested) {
      const Schema* record = FindRecord(*schema);
      if (record == nullptr) return CannotRead(slot.object, "one record", Described(*schema));
      const auto member = avro::FindField(*record, slot.field);
      if (!member) continue;
      source.object_view = resolution.Want(wanted);
      wanted = &WantedField(*wanted, *record, *member);
      schema = record->fields[*member].schema.get();
    }
    source.view = resolution.Want(wanted);
    const auto fits = [&](const Schema& branch) { return Fits(branch, slot.target); };
    if (!AnyBranch(*schema, fits)) {
      return CannotRead(NameOf(slot), ExpectedType(slot.target), Described(*schema));
    }
    resolution.sources_.push_back(source);
  }
  return resolution;
}

size_t MessageResolution::Want(avro::WantedFields* field) {
  if (!field->place) field->place = views_++;
  return *field->place;
}

std::string MessageResolution::Fill(std::span<const avro::FieldView> views,
                                    MessageRecord* record) const {
  *record = {};
  std::string problem;
  for (const Source& source : sources_) {
    const Slot& slot = Slots()[source.slot];
    if (source.object_view) {
      const Type type = views[*source.object_view].type;
      if (type != Type::kNull && type != Type::kRecord) {
        problem = std::string(slot.object) + " is a " + std::string(TypeName(type));
      }
    }
    const avro::FieldView& view = views[source.view];
    if (view.type == Type::kNull) continue;
    if (!FillField(view, slot.target, record)) {
      problem = NameOf(slot) + " is a " + std::string(TypeName(view.type));
    } else if (const auto* text = std::get_if<TextTarget>(&slot.target);
               text != nullptr && !IsUtf8(record->**text)) {
      problem = NameOf(slot) + " is not UTF-8";
    }
  }
  return problem;
}

}  // namespace octolake::event
