// What Silver takes from an event's payload, in one pass over its JSON text, whatever the era.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace octolake::lake {

struct Instant {
  TimestampMicros micros = 0;
  friend bool operator==(const Instant&, const Instant&) = default;
};

using OptionalText = std::optional<std::string_view>;
using OptionalLong = std::optional<int64_t>;
using OptionalFlag = std::optional<bool>;
using OptionalInstant = std::optional<Instant>;

// Named as the columns of silver.github_events_parsed. What the payload does not carry, or carries
// as another kind of value than the column's, is nullopt.
struct PayloadFields {
  OptionalText payload_action;
  OptionalText payload_ref;
  OptionalText payload_ref_type;
  OptionalLong push_size;
  OptionalLong push_distinct_size;
  OptionalText push_head_sha;
  OptionalText push_before_sha;
  OptionalLong pull_request_id;
  OptionalLong pull_request_number;
  OptionalText pull_request_state;
  OptionalText pull_request_title;
  OptionalFlag pull_request_merged;
  OptionalInstant pull_request_merged_at;
  OptionalText pull_request_author_login;
  OptionalInstant pull_request_created_at;
  OptionalInstant pull_request_closed_at;
  OptionalLong pull_request_additions;
  OptionalLong pull_request_deletions;
  OptionalLong pull_request_changed_files;
  OptionalLong pull_request_commits;
  OptionalText pull_request_base_ref;
  OptionalLong issue_number;
  OptionalText issue_title;
  OptionalText issue_state;
  OptionalText issue_author_login;
  OptionalInstant issue_created_at;
  OptionalInstant issue_closed_at;
  OptionalLong issue_comments;
  OptionalFlag issue_is_pull_request;
  OptionalText review_state;
  OptionalLong comment_id;
  OptionalLong fork_id;
  OptionalText fork_full_name;
  OptionalText release_tag;
  OptionalText member_login;
};

// Not thread-safe; reused for one payload after another.
class PayloadParser {
 public:
  PayloadParser();
  ~PayloadParser();

  // `readable` is how many bytes from the text's first may be read (at least its size): with
  // simdjson's padding after the text it is not copied. The fields' texts are good until the next
  // call. Text that is no JSON object gives no fields; so does invalid JSON, which event/ never
  // lets into Bronze.
  PayloadFields Parse(std::string_view event_type, std::string_view text, size_t readable);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octolake::lake
