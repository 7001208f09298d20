#include "event/event_parser.h"

#include <algorithm>

#include "base/sha256.h"
#include "base/string_util.h"
#include "event/canonical_json.h"
#include "event/event_time.h"

namespace octolake::event {
namespace {

constexpr size_t kDerivedIdDigits = 32;
// Objects with more unknown members than this are kept whole rather than searched for repeats.
constexpr size_t kMaxCheckedMembers = 64;

bool IsIntegerLiteral(std::string_view raw) {
  return raw.find_first_not_of("-0123456789") == std::string_view::npos;
}

bool Present(const JsonValue& value) { return !value.raw.empty(); }
bool PresentObject(const JsonValue& value) { return Present(value) && value.IsObject(); }
bool PresentString(const JsonValue& value) { return Present(value) && value.IsString(); }

}  // namespace

bool IsDerivedId(std::string_view id) {
  return id.size() == kDerivedIdDigits + 1 && id[0] == 'h' &&
         id.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

std::string* EventParser::Scratch() {
  if (scratch_used_ == scratch_.size()) scratch_.emplace_back();
  std::string* scratch = &scratch_[scratch_used_++];
  scratch->clear();
  return scratch;
}

// The text of a string, or nullopt for what is no string or no Unicode text.
Text EventParser::TextOf(const JsonValue& value) {
  if (!value.IsString()) return std::nullopt;
  const std::string_view inner = value.Inner();
  if (inner.find('\\') == std::string_view::npos) return inner;
  std::string* text = Scratch();
  if (!AppendUnescaped(inner, Surrogates::kRefuse, text)) return std::nullopt;
  return *text;
}

void EventParser::AddExtra(std::string_view key, std::string_view raw) {
  extra_ += extra_.empty() ? "{\"" : ",\"";
  extra_ += key;
  extra_ += "\":";
  extra_ += raw;
}

JsonValue* EventParser::Find(std::string_view key) {
  switch (key.size()) {
    case 2:
      return key == "id" ? &known_.id : nullptr;
    case 3:
      return key == "org" ? &known_.org : nullptr;
    case 4:
      return key == "type" ? &known_.type : key == "repo" ? &known_.repo : nullptr;
    case 5:
      return key == "actor" ? &known_.actor : nullptr;
    case 6:
      return key == "public" ? &known_.is_public : nullptr;
    case 7:
      return key == "payload" ? &known_.payload : nullptr;
    case 10:
      return key == "created_at"   ? &known_.created_at
             : key == "repository" ? &known_.repository
                                   : nullptr;
    case 16:
      return key == "actor_attributes" ? &known_.actor_attributes : nullptr;
    default:
      return nullptr;
  }
}

// Keeps the document whole if a key comes twice or could be another one written with escapes.
void EventParser::CheckKeys(const std::vector<JsonMember>& members) {
  if (members.size() > kMaxCheckedMembers) keep_document_ = true;
  for (size_t i = 0; i < members.size() && !keep_document_; ++i) {
    const std::string_view key = members[i].key;
    if (key.find('\\') != std::string_view::npos) keep_document_ = true;
    for (size_t k = 0; k < i; ++k) {
      if (members[k].key == key) keep_document_ = true;
    }
  }
}

void EventParser::SortMembers(const JsonIndex& index) {
  index.Members(index.root(), &top_);
  known_ = {};
  unknown_.clear();
  CheckKeys(top_);
  for (const JsonMember& member : top_) {
    std::string_view key = member.key;
    if (key.find('\\') != std::string_view::npos) {
      std::string* text = Scratch();
      AppendUnescaped(key, Surrogates::kKeep, text);
      key = *text;
    }
    if (JsonValue* value = Find(key)) {
      *value = member.value;
    } else if (key == kDocumentKey) {
      keep_document_ = true;
    } else {
      unknown_.push_back(&member);
    }
  }
}

// What only the timeline has: the actor's login in place of the actor, or "repository" beside it.
bool EventParser::IsTimeline() const {
  if (PresentObject(known_.actor) || PresentObject(known_.repo)) return false;
  return Present(known_.actor) && (known_.actor.IsString() || known_.actor.IsNull())
             ? true
             : PresentObject(known_.repository) || PresentObject(known_.actor_attributes);
}

std::string_view EventParser::DeriveId(const JsonIndex& index) {
  std::string* canonical = Scratch();
  AppendCanonicalJson(index, index.root(), canonical);
  std::string* id = Scratch();
  *id = 'h' + Sha256Hex(*canonical).substr(0, kDerivedIdDigits);
  return *id;
}

bool EventParser::ReadId(bool timeline, EventRow* row) {
  const JsonValue& id = known_.id;
  if (!Present(id)) return timeline;
  row->id = TextOf(id);
  if (row->id && row->id->empty()) row->id = std::nullopt;
  if (!row->id) {
    AddExtra("id", id.raw);
    if (IsIntegerLiteral(id.raw)) row->id = id.raw;
  }
  if (row->id && (timeline || IsDerivedId(*row->id))) keep_document_ = true;
  return row->id.has_value() || timeline;
}

const char* EventParser::ReadCommon(EventRow* row) {
  if (!PresentString(known_.type)) return kNoType;
  row->type = TextOf(known_.type);
  if (!row->type) return kNoType;
  if (!Present(known_.created_at)) return kNoCreatedAt;
  row->created_at = TextOf(known_.created_at);
  if (row->created_at) row->event_time = ParseEventTime(*row->created_at);
  if (!row->event_time) return kBadCreatedAt;
  const std::string_view is_public = known_.is_public.raw;
  if (is_public == "true" || is_public == "1") row->is_public = true;
  if (is_public == "false" || is_public == "0") row->is_public = false;
  if (Present(known_.is_public) && is_public.size() < 4) AddExtra("public", is_public);
  if (is_public.size() >= 4 && !row->is_public) AddExtra("public", is_public);
  if (Present(known_.payload) && !known_.payload.IsNull()) {
    row->payload = known_.payload.raw;
  } else if (Present(known_.payload)) {
    AddExtra("payload", known_.payload.raw);
  }
  return nullptr;
}

const char* EventParser::Read(const JsonIndex& index, EventRow* row) {
  *row = {};
  scratch_used_ = 0;
  extra_.clear();
  keep_document_ = false;
  if (!index.root().IsObject()) return kNotAnObject;
  SortMembers(index);
  if (const char* reason = ReadCommon(row)) return reason;
  const bool timeline = IsTimeline();
  if (!ReadId(timeline, row)) return kNoId;
  if (timeline) {
    if (!row->id) row->id = DeriveId(index);
    ReadTimelineShape(index, row);
  } else {
    ReadEventsShape(index, row);
  }
  for (const JsonMember* member : unknown_) AddExtra(member->key, member->value.raw);
  if (keep_document_) AddExtra(kDocumentKey, index.root().raw);
  if (!extra_.empty()) {
    extra_ += '}';
    row->extra = extra_;
  }
  return nullptr;
}

bool EventParser::ReadSlot(std::initializer_list<Slot> slots, const JsonMember& member) {
  for (const Slot& slot : slots) {
    if (slot.key != member.key) continue;
    if (slot.text != nullptr) {
      *slot.text = TextOf(member.value);
      return slot.text->has_value();
    }
    *slot.integer = ParseNumber<int64_t>(member.value.raw);
    return slot.integer->has_value();
  }
  return false;
}

// Fills the slots from the object's members and adds the rest of it to extra.
void EventParser::ReadObject(const JsonIndex& index, std::string_view name, const JsonValue& object,
                             std::initializer_list<Slot> slots) {
  if (!Present(object)) return;
  if (!object.IsObject()) return AddExtra(name, object.raw);
  index.Members(object, &nested_);
  CheckKeys(nested_);
  nested_extra_.clear();
  bool filled = false;
  for (const JsonMember& member : nested_) {
    if (ReadSlot(slots, member)) {
      filled = true;
      continue;
    }
    nested_extra_ += nested_extra_.empty() ? "{\"" : ",\"";
    nested_extra_ += member.key;
    nested_extra_ += "\":";
    nested_extra_ += member.value.raw;
  }
  if (filled && nested_extra_.empty()) return;
  nested_extra_ += nested_extra_.empty() ? "{}" : "}";
  AddExtra(name, nested_extra_);
}

void EventParser::ReadEventsShape(const JsonIndex& index, EventRow* row) {
  ReadObject(index, "actor", known_.actor,
             {{"id", nullptr, &row->actor_id},
              {"login", &row->actor_login},
              {"gravatar_id", &row->actor_gravatar_id},
              {"url", &row->actor_url},
              {"avatar_url", &row->actor_avatar_url}});
  ReadObject(index, "repo", known_.repo,
             {{"id", nullptr, &row->repo_id}, {"name", &row->repo_name}, {"url", &row->repo_url}});
  ReadObject(index, "org", known_.org, {{"id", nullptr, &row->org_id}, {"login", &row->org_login}});
  if (Present(known_.repository)) AddExtra("repository", known_.repository.raw);
  if (Present(known_.actor_attributes)) AddExtra("actor_attributes", known_.actor_attributes.raw);
}

void EventParser::ReadTimelineShape(const JsonIndex& index, EventRow* row) {
  if (Present(known_.actor)) {
    row->actor_login = TextOf(known_.actor);
    if (!row->actor_login) AddExtra("actor", known_.actor.raw);
  }
  ReadObject(index, "actor_attributes", known_.actor_attributes,
             {{"gravatar_id", &row->actor_gravatar_id}});
  Text owner;
  Text name;
  ReadObject(index, "repository", known_.repository,
             {{"id", nullptr, &row->repo_id},
              {"url", &row->repo_url},
              {"organization", &row->org_login},
              {"owner", &owner},
              {"name", &name}});
  ReadRepositoryName(owner, name, row);
  if (Present(known_.repo)) AddExtra("repo", known_.repo.raw);
  if (Present(known_.org)) AddExtra("org", known_.org.raw);
}

void EventParser::ReadRepositoryName(const Text& owner, const Text& name, EventRow* row) {
  if (!owner && !name) return;
  // Taken apart again at the first slash, the name must give both.
  if (!owner || !name || owner->find('/') != std::string_view::npos) keep_document_ = true;
  const std::string_view first = owner.value_or("");
  const std::string_view second = name.value_or("");
  if (first.empty() && second.empty()) {
    keep_document_ = true;
    return;
  }
  std::string* full = Scratch();
  full->append(first).append("/").append(second);
  row->repo_name = *full;
}

}  // namespace octolake::event
