// Reads one JSON document as an event of the Events API (2015 and later, some of 2011 and 2012) or
// of the timeline (2012 and before). The shape is told by the document's fields, not by its date.
//
// extra: what has no column of its own is kept as the members of one JSON object, under the same
// keys and objects as in the document, each value as received. So is a value that does not fit its
// column (a wrong type, a number beyond 64 bits, null): the column is NULL and extra has the value;
// absent stays absent from both. An integer id and a public of 0 or 1 fill the column and extra.
// A document that cannot be put together again from columns and extra is kept whole under
// "$document" in addition: one with a repeated key (the last value fills the column) or a key with
// escapes, one with a member "$document", and a timeline event with an id or without one of
// repository.owner and repository.name. See rebuild.h.
#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "event/event_row.h"
#include "event/json_index.h"

namespace octolake::event {

// Why a document is not an event. The texts are kept in rejected_events and stay as they are.
inline constexpr const char kNotAnObject[] = "not a JSON object";
inline constexpr const char kNoType[] = "no type: expected a string";
inline constexpr const char kNoCreatedAt[] = "no created_at";
inline constexpr const char kBadCreatedAt[] = "created_at is not a date";
inline constexpr const char kNoId[] = "no id";

// The key of extra that holds a whole document.
inline constexpr std::string_view kDocumentKey = "$document";

// 'h' and 32 hex digits: the id given to timeline events, from the SHA-256 of their canonical JSON.
bool IsDerivedId(std::string_view id);

// Not thread-safe; reused for one document after another.
class EventParser {
 public:
  // Fills `row` from the document in `index`, whose Parse has succeeded. The row's text belongs to
  // the document and to the parser, until the next call. nullptr, or why it is not an event: one
  // of the constants above.
  const char* Read(const JsonIndex& index, EventRow* row);

 private:
  struct Slot {
    std::string_view key;
    Text* text = nullptr;
    std::optional<int64_t>* integer = nullptr;
  };
  // The top-level members with a meaning; raw is empty for those the document does not have.
  struct Known {
    JsonValue id, type, is_public, created_at, payload, actor, repo, org, repository,
        actor_attributes;
  };

  JsonValue* Find(std::string_view key);
  void SortMembers(const JsonIndex& index);
  bool IsTimeline() const;
  const char* ReadCommon(EventRow* row);
  bool ReadId(bool timeline, EventRow* row);
  void ReadEventsShape(const JsonIndex& index, EventRow* row);
  void ReadTimelineShape(const JsonIndex& index, EventRow* row);
  void ReadObject(const JsonIndex& index, std::string_view name, const JsonValue& object,
                  std::initializer_list<Slot> slots);
  bool ReadSlot(std::initializer_list<Slot> slots, const JsonMember& member);
  void ReadRepositoryName(const Text& owner, const Text& name, EventRow* row);
  void CheckKeys(const std::vector<JsonMember>& members);
  std::string_view DeriveId(const JsonIndex& index);
  Text TextOf(const JsonValue& value);
  std::string* Scratch();
  void AddExtra(std::string_view key, std::string_view raw);

  std::vector<JsonMember> top_;
  std::vector<JsonMember> nested_;
  Known known_;
  std::vector<const JsonMember*> unknown_;
  std::string extra_;
  std::string nested_extra_;
  bool keep_document_ = false;
  std::deque<std::string> scratch_;  // unescaped and composed texts of the row
  size_t scratch_used_ = 0;
};

}  // namespace octolake::event
