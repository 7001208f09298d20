// Any text as a payload: the same fields with and without padding, again, and from its canonical
// form. The first byte picks the event's type.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fuzz.h"
#include "event/canonical_json.h"
#include "event/json_index.h"
#include "lake/payload.h"

namespace octolake::lake {
namespace {

constexpr std::string_view kTypes[] = {
    "PushEvent",         "PullRequestEvent",   "IssuesEvent",
    "IssueCommentEvent", "CreateEvent",        "DeleteEvent",
    "ForkEvent",         "ForkApplyEvent",     "ReleaseEvent",
    "MemberEvent",       "WatchEvent",         "PullRequestReviewEvent",
    "GollumEvent",       "CommitCommentEvent", "PullRequestReviewCommentEvent",
    "PublicEvent"};

// The fields in a fixed order as text, to be compared and shown.
class Listing {
 public:
  explicit Listing(const PayloadFields& f) {
    Add(f.payload_action, f.payload_ref, f.payload_ref_type, f.push_size, f.push_distinct_size,
        f.push_head_sha, f.push_before_sha, f.pull_request_id, f.pull_request_number,
        f.pull_request_state, f.pull_request_title, f.pull_request_merged, f.pull_request_merged_at,
        f.pull_request_author_login, f.pull_request_created_at, f.pull_request_closed_at,
        f.pull_request_additions, f.pull_request_deletions, f.pull_request_changed_files,
        f.pull_request_commits, f.pull_request_base_ref, f.issue_number, f.issue_title,
        f.issue_state, f.issue_author_login, f.issue_created_at, f.issue_closed_at,
        f.issue_comments, f.issue_is_pull_request, f.review_state, f.comment_id, f.fork_id,
        f.fork_full_name, f.release_tag, f.member_login);
  }
  const std::string& text() const { return text_; }

 private:
  static std::string Text(std::string_view value) { return std::string(value); }
  static std::string Text(int64_t value) { return std::to_string(value); }
  static std::string Text(bool value) { return value ? "true" : "false"; }
  static std::string Text(const Instant& value) { return std::to_string(value.micros); }

  template <typename... Fields>
  void Add(const Fields&... fields) {
    ((text_ += fields ? "<" + Text(*fields) + ">" : "-"), ...);
  }

  std::string text_;
};

// 1.0 and 1 are the same number, but only one is written as an integer.
bool HasRealNumber(std::string_view json) {
  for (size_t i = 1; i < json.size(); ++i) {
    const bool mark = json[i] == '.' || json[i] == 'e' || json[i] == 'E';
    if (mark && json[i - 1] >= '0' && json[i - 1] <= '9') return true;
  }
  return false;
}

void CheckPayload(std::string_view type, const std::string& json) {
  PayloadParser parser;
  std::string padded = json;
  padded.append(event::kJsonPadding, '\0');
  const Listing unpadded(parser.Parse(type, json, json.size()));
  const Listing in_padding(
      parser.Parse(type, std::string_view(padded.data(), json.size()), padded.size()));
  fuzz::Check(unpadded.text() == in_padding.text(), "other fields with padding", unpadded.text());
  const auto canonical = event::CanonicalJson(json);
  if (!canonical || HasRealNumber(json)) return;
  const Listing of_canonical(parser.Parse(type, *canonical, canonical->size()));
  fuzz::Check(unpadded.text() == of_canonical.text(), "other fields from the canonical form",
              unpadded.text() + " and " + of_canonical.text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const std::string_view type = kTypes[input.Byte() % std::size(kTypes)];
  CheckPayload(type, std::string(input.Rest()));
  return 0;
}

}  // namespace octolake::lake
