// One JSON document: parsed into a row, put into a batch and rebuilt from it, it is the same
// document, and the rebuilt one gives the same row.
#include <arrow/record_batch.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/fuzz.h"
#include "event/canonical_json.h"
#include "event/event_parser.h"
#include "event/json_index.h"
#include "event/rebuild.h"
#include "event/row_builder.h"

namespace octolake::event {
namespace {

constexpr int kMaxDepth = 32;

// Keeps a document and the row that was read from it.
class Parsed {
 public:
  explicit Parsed(std::string_view json) : text_(json), index_(kMaxDepth) {
    const size_t size = text_.size();
    text_.append(kJsonPadding, '\0');
    if (index_.Parse({text_.data(), size}) || !index_.only_root()) return;
    is_event_ = parser_.Read(index_, &row_) == nullptr;
  }
  bool is_event() const { return is_event_; }
  const EventRow& row() const { return row_; }

 private:
  std::string text_;
  JsonIndex index_;
  EventParser parser_;
  EventRow row_;
  bool is_event_ = false;
};

std::string Canonical(std::string_view json) {
  return fuzz::Value(CanonicalJson(json), "no JSON where there must be");
}

std::optional<std::string> CanonicalExtra(const EventRow& row) {
  if (!row.extra) return std::nullopt;
  return Canonical(*row.extra);
}
std::optional<std::string> CanonicalPayload(const EventRow& row) {
  if (!row.payload) return std::nullopt;
  return Canonical(*row.payload);
}

void CheckSame(const EventRow& a, const EventRow& b) {
  fuzz::Check(a.id == b.id && a.type == b.type && a.is_public == b.is_public &&
                  a.created_at == b.created_at && a.event_time == b.event_time,
              "other common columns after a rebuild");
  fuzz::Check(a.actor_id == b.actor_id && a.actor_login == b.actor_login &&
                  a.actor_gravatar_id == b.actor_gravatar_id && a.actor_url == b.actor_url &&
                  a.actor_avatar_url == b.actor_avatar_url,
              "another actor after a rebuild");
  fuzz::Check(a.repo_id == b.repo_id && a.repo_name == b.repo_name && a.repo_url == b.repo_url &&
                  a.org_id == b.org_id && a.org_login == b.org_login,
              "another repository or organisation after a rebuild");
  fuzz::Check(CanonicalPayload(a) == CanonicalPayload(b), "another payload after a rebuild");
  fuzz::Check(CanonicalExtra(a) == CanonicalExtra(b), "another extra after a rebuild",
              b.extra.value_or("none"));
}

std::string RebuildThroughArrow(const EventRow& row) {
  EventRowBuilder builder(RowOrigin{});
  fuzz::Check(builder.Append(row).has_value(), "a row cannot be appended");
  const auto batch = fuzz::Value(builder.Finish(), "a batch cannot be finished");
  return fuzz::Value(RebuildEvent(EventRowAt(*batch, 0)), "an event cannot be rebuilt");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const Parsed parsed(json);
  if (!parsed.is_event()) return 0;
  const std::string rebuilt = RebuildThroughArrow(parsed.row());
  fuzz::Check(Canonical(rebuilt) == Canonical(json), "rebuilt as another document", rebuilt);
  const Parsed again(rebuilt);
  fuzz::Check(again.is_event(), "what was rebuilt is no event", rebuilt);
  CheckSame(parsed.row(), again.row());
  return 0;
}

}  // namespace octolake::event
