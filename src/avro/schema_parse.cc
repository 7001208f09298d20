#include <charconv>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "avro/schema.h"
#include "base/json_nesting.h"
#include "base/json_text.h"

namespace octolake::avro {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;

std::optional<Type> TypeOfName(std::string_view name) {
  for (int i = 0; i < static_cast<int>(Type::kUnion); ++i) {
    if (TypeName(static_cast<Type>(i)) == name) return static_cast<Type>(i);
  }
  // Of protocols; encoded like a record.
  if (name == "error") return Type::kRecord;
  return std::nullopt;
}

bool IsPrimitive(Type type) { return type <= Type::kString; }

bool IsName(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  if (text.empty() || !letter(text.front())) return false;
  for (const char c : text) {
    if (!letter(c) && (c < '0' || c > '9')) return false;
  }
  return true;
}

// Names with dots between.
bool IsFullName(std::string_view text) {
  for (;;) {
    const size_t dot = text.find('.');
    if (!IsName(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::string NamespaceOf(const std::string& full_name) {
  const size_t dot = full_name.rfind('.');
  return dot == std::string::npos ? "" : full_name.substr(0, dot);
}

std::string Qualify(const std::string& name, const std::string& space) {
  return space.empty() || name.find('.') != std::string::npos ? name : space + "." + name;
}

std::optional<int32_t> AsInt32(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<uint64_t>() > std::numeric_limits<int32_t>::max()) {
    return std::nullopt;
  }
  const int64_t value = json.get<int64_t>();
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int32_t>(value);
}

class Parser {
 public:
  Result<SchemaPtr> Parse(const Json& json, const std::string& space, int depth) {
    if (depth > kMaxDepth) {
      return MakeError(ErrorKind::kResourceExhausted,
                       "Avro schema is nested more than " + std::to_string(kMaxDepth) + " deep");
    }
    if (json.is_string()) return ParseName(json.get<std::string>(), space);
    if (json.is_array()) return ParseUnion(json, space, depth);
    if (!json.is_object()) return Refuse("expected a name, an object or an array");
    const auto type = json.find("type");
    if (type == json.end()) return Refuse("an object without \"type\"");
    if (!type->is_string()) {
      if (json.size() == 1) return Parse(*type, space, depth + 1);
      return Refuse("\"type\" is not a name");
    }
    const auto name = type->get<std::string>();
    const std::optional<Type> known = TypeOfName(name);
    if (!known) return ParseName(name, space);
    return ParseTyped(*known, json, space, depth);
  }

 private:
  using Mutable = std::shared_ptr<Schema>;

  tl::unexpected<Error> Refuse(const std::string& what) const {
    return MakeError(ErrorKind::kInvalidArgument,
                     "Avro schema" + (path_.empty() ? "" : " at " + path_) + ": " + what);
  }

  // A primitive type or a type named before.
  Result<SchemaPtr> ParseName(const std::string& name, const std::string& space) {
    if (const auto type = TypeOfName(name)) {
      if (IsPrimitive(*type)) return Primitive(*type);
      return Refuse("type \"" + name + "\" needs an object");
    }
    const std::string full_name = Qualify(name, space);
    if (const auto found = known_.find(full_name); found != known_.end()) return found->second;
    if (const auto open = open_.find(full_name); open != open_.end()) {
      auto use = std::make_shared<Schema>();
      use->type = Type::kNamed;
      use->name = full_name;
      open->second.push_back(use);
      return use;
    }
    return Refuse("unknown type \"" + full_name + "\"");
  }

  Result<SchemaPtr> ParseUnion(const Json& json, const std::string& space, int depth) {
    auto schema = std::make_shared<Schema>();
    schema->type = Type::kUnion;
    std::set<std::string> seen;
    for (const Json& item : json) {
      OCTO_ASSIGN(SchemaPtr branch, Parse(item, space, depth + 1));
      if (branch->type == Type::kUnion) return Refuse("a union directly inside a union");
      const std::string name =
          branch->name.empty() ? std::string(TypeName(branch->type)) : branch->name;
      if (!seen.insert(name).second) return Refuse("a union with two branches of " + name);
      schema->branches.push_back(std::move(branch));
    }
    if (schema->branches.empty()) return Refuse("a union without branches");
    return schema;
  }

  Result<SchemaPtr> ParseTyped(Type type, const Json& json, const std::string& space, int depth) {
    auto schema = std::make_shared<Schema>();
    schema->type = type;
    std::string inner_space = space;
    if (type == Type::kRecord || type == Type::kEnum || type == Type::kFixed) {
      OCTO_TRY(ParseOwnName(json, space, *schema));
      inner_space = NamespaceOf(schema->name);
    }
    OCTO_TRY(ParseContent(json, inner_space, depth, *schema));
    ParseAttributes(json, *schema);
    if (!schema->name.empty()) {
      for (const Mutable& use : open_[schema->name]) use->named = schema;
      open_.erase(schema->name);
      known_.emplace(schema->name, schema);
    }
    return schema;
  }

  Status ParseOwnName(const Json& json, const std::string& space, Schema& schema) {
    OCTO_ASSIGN(const std::string name, Text(json, "name"));
    std::string own_space = space;
    if (const auto given = json.find("namespace"); given != json.end() && given->is_string()) {
      own_space = given->get<std::string>();
    }
    schema.name = Qualify(name, own_space);
    if (!IsFullName(schema.name)) return Refuse("\"" + schema.name + "\" is no valid name");
    if (TypeOfName(schema.name)) return Refuse("\"" + schema.name + "\" is the name of a type");
    if (known_.contains(schema.name) || open_.contains(schema.name)) {
      return Refuse("type \"" + schema.name + "\" is defined twice");
    }
    open_.emplace(schema.name, std::vector<Mutable>());
    return {};
  }

  Status ParseContent(const Json& json, const std::string& space, int depth, Schema& schema) {
    switch (schema.type) {
      case Type::kRecord:
        return ParseFields(json, space, depth, schema);
      case Type::kEnum:
        return ParseSymbols(json, schema);
      case Type::kFixed: {
        const auto size = json.find("size");
        const auto value = size == json.end() ? std::nullopt : AsInt32(*size);
        if (!value || *value < 0) return Refuse("fixed \"" + schema.name + "\" without a size");
        schema.size = *value;
        return {};
      }
      case Type::kArray:
        return ParseItems(json, "items", "[]", space, depth, schema);
      case Type::kMap:
        return ParseItems(json, "values", "{}", space, depth, schema);
      default:
        return {};
    }
  }

  Status ParseItems(const Json& json, const char* key, const char* step, const std::string& space,
                    int depth, Schema& schema) {
    const auto items = json.find(key);
    if (items == json.end()) {
      return Refuse(std::string(TypeName(schema.type)) + " without \"" + key + "\"");
    }
    const size_t length = path_.size();
    path_ += step;
    OCTO_ASSIGN(schema.items, Parse(*items, space, depth + 1));
    path_.resize(length);
    return {};
  }

  Status ParseFields(const Json& json, const std::string& space, int depth, Schema& schema) {
    const auto fields = json.find("fields");
    if (fields == json.end() || !fields->is_array()) {
      return Refuse("record \"" + schema.name + "\" without \"fields\"");
    }
    std::set<std::string> seen;
    const size_t length = path_.size();
    for (const Json& item : *fields) {
      if (!item.is_object()) return Refuse("a field of \"" + schema.name + "\" is no object");
      Field field;
      OCTO_ASSIGN(field.name, Text(item, "name"));
      if (!seen.insert(field.name).second) return Refuse("two fields \"" + field.name + "\"");
      path_ += (path_.empty() ? "" : ".") + field.name;
      const auto type = item.find("type");
      if (type == item.end()) return Refuse("a field without \"type\"");
      OCTO_ASSIGN(field.schema, Parse(*type, space, depth + 1));
      ParseFieldAttributes(item, field);
      path_.resize(length);
      schema.fields.push_back(std::move(field));
    }
    return {};
  }

  Status ParseSymbols(const Json& json, Schema& schema) {
    const auto symbols = json.find("symbols");
    if (symbols == json.end() || !symbols->is_array()) {
      return Refuse("enum \"" + schema.name + "\" without \"symbols\"");
    }
    std::set<std::string> seen;
    for (const Json& symbol : *symbols) {
      if (!symbol.is_string()) return Refuse("a symbol that is no string");
      schema.symbols.push_back(symbol.get<std::string>());
      if (!seen.insert(schema.symbols.back()).second) {
        return Refuse("symbol \"" + schema.symbols.back() + "\" comes twice");
      }
    }
    return {};
  }

  Result<std::string> Text(const Json& json, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string() ||
        found->get_ref<const std::string&>().empty()) {
      return Refuse(std::string("no \"") + key + "\", or it is no text");
    }
    return found->get<std::string>();
  }

  static bool TakeText(const Json& value, std::string& out) {
    if (!value.is_string()) return false;
    out = value.get<std::string>();
    return true;
  }
  static bool TakeInt(const Json& value, std::optional<int32_t>& out) {
    out = AsInt32(value);
    return out.has_value();
  }
  static bool TakeTexts(const Json& value, std::vector<std::string>& out) {
    if (!value.is_array()) return false;
    for (const Json& item : value) {
      if (!item.is_string()) return false;
    }
    out = value.get<std::vector<std::string>>();
    return true;
  }

  static void ParseFieldAttributes(const Json& json, Field& field) {
    for (const auto& [key, value] : json.items()) {
      if (key == "name" || key == "type") continue;
      if (key == "default") {
        field.default_json = JsonText(value);
      } else if ((key == "doc" && TakeText(value, field.doc)) ||
                 (key == "field-id" && TakeInt(value, field.field_id)) ||
                 (key == "aliases" && TakeTexts(value, field.aliases))) {
        continue;
      } else {
        field.attributes.push_back({key, JsonText(value)});
      }
    }
  }

  // An attribute whose value has not the expected type is kept like an unknown one, as the
  // specification asks of logical types.
  static bool TakeKnown(const std::string& key, const Json& value, Schema& schema) {
    const bool named = !schema.name.empty();
    if (key == "logicalType") return TakeText(value, schema.logical_type);
    if (key == "precision") return TakeInt(value, schema.precision);
    if (key == "scale") return TakeInt(value, schema.scale);
    if (key == "adjust-to-utc" && value.is_boolean()) {
      schema.adjust_to_utc = value.get<bool>();
      return true;
    }
    if (named && key == "doc") return TakeText(value, schema.doc);
    if (named && key == "aliases") return TakeTexts(value, schema.aliases);
    if (schema.type == Type::kEnum && key == "default") {
      return TakeText(value, schema.default_symbol);
    }
    if (schema.type == Type::kArray && key == "element-id")
      return TakeInt(value, schema.element_id);
    if (schema.type == Type::kMap && key == "key-id") return TakeInt(value, schema.key_id);
    if (schema.type == Type::kMap && key == "value-id") return TakeInt(value, schema.value_id);
    return false;
  }

  static void ParseAttributes(const Json& json, Schema& schema) {
    static const std::set<std::string> kStructure = {"type",    "name",  "namespace", "fields",
                                                     "symbols", "items", "values",    "size"};
    for (const auto& [key, value] : json.items()) {
      if (kStructure.contains(key) || TakeKnown(key, value, schema)) continue;
      schema.attributes.push_back({key, JsonText(value)});
    }
  }

  std::string path_;  // of the field being parsed, for errors
  std::map<std::string, SchemaPtr> known_;
  std::map<std::string, std::vector<Mutable>> open_;  // uses inside definitions not yet closed
};

}  // namespace

Result<SchemaPtr> ParseSchema(std::string_view json) {
  if (IsNestedTooDeeply(json)) {
    return MakeError(ErrorKind::kResourceExhausted, "Avro schema: its JSON is nested more than " +
                                                        std::to_string(kMaxJsonNesting) +
                                                        " levels deep");
  }
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "Avro schema is no valid JSON: '" + std::string(json.substr(0, 64)) + "'");
  }
  return Parser().Parse(parsed, "", 0);
}

}  // namespace octolake::avro
