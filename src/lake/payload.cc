#include "lake/payload.h"

#include <simdjson.h>

#include <cstring>
#include <string>

#include "event/event_time.h"

namespace octolake::lake {
namespace {

namespace ondemand = simdjson::ondemand;

// 2^31 - 1, far beyond what git can push at once.
constexpr int64_t kMaxPushSize = 2147483647;

// What the columns are derived from when the fields themselves are not enough.
struct RawPayload {
  PayloadFields fields;
  OptionalLong number;      // payload.number
  OptionalLong comment_id;  // payload.comment_id, before 2013
  OptionalText after;       // a push seen through a webhook
  OptionalLong commits;     // length of payload.commits
  int64_t distinct_commits = 0;
  bool has_pull_request = false;     // as an object
  bool pull_request_trimmed = true;  // without state, title and merged
};

void Read(ondemand::value value, OptionalText* out) {
  out->reset();
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS || type != ondemand::json_type::string) return;
  std::string_view text;
  // An unpaired surrogate becomes U+FFFD: it cannot stand in UTF-8.
  constexpr bool kReplace = true;
  if (value.get_string(kReplace).get(text) == simdjson::SUCCESS) *out = text;
}

void Read(ondemand::value value, OptionalLong* out) {
  out->reset();
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS || type != ondemand::json_type::number) return;
  int64_t number = 0;
  if (value.get_int64().get(number) == simdjson::SUCCESS) *out = number;
}

// A size no push can have is none: a made-up one must not overflow the sums computed from it.
void ReadPushSize(ondemand::value value, OptionalLong* out) {
  Read(value, out);
  if (*out && (**out < 0 || **out > kMaxPushSize)) out->reset();
}

void Read(ondemand::value value, OptionalFlag* out) {
  out->reset();
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS || type != ondemand::json_type::boolean) return;
  bool flag = false;
  if (value.get_bool().get(flag) == simdjson::SUCCESS) *out = flag;
}

void Read(ondemand::value value, OptionalInstant* out) {
  out->reset();
  OptionalText text;
  Read(value, &text);
  if (!text) return;
  if (const auto micros = event::ParseEventTime(*text)) *out = Instant{*micros};
}

bool IsNull(ondemand::value value) {
  bool null = false;
  return value.is_null().get(null) == simdjson::SUCCESS && null;
}

// Calls member(key, value) for every member if the value is an object; false if it is none, or if
// its text is broken.
template <typename Member>
bool ForEachMember(ondemand::value value, const Member& member) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS || type != ondemand::json_type::object) {
    return false;
  }
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return false;
  for (auto entry : object) {
    ondemand::field field;
    std::string_view key;
    if (std::move(entry).get(field) != simdjson::SUCCESS) return false;
    if (field.unescaped_key(true).get(key) != simdjson::SUCCESS) return false;
    member(key, field.value());
  }
  return true;
}

// One member of an object as a scalar: user.login, base.ref, release.tag_name.
template <typename Out>
void ReadMember(ondemand::value value, std::string_view name, Out* out) {
  out->reset();
  ForEachMember(value, [&](std::string_view key, ondemand::value member) {
    if (key == name) Read(member, out);
  });
}

void ReadPullRequest(ondemand::value value, RawPayload* out) {
  PayloadFields& f = out->fields;
  out->has_pull_request = ForEachMember(value, [&](std::string_view key, ondemand::value member) {
    if (key == "state" || key == "title" || key == "merged") out->pull_request_trimmed = false;
    if (key == "id")
      Read(member, &f.pull_request_id);
    else if (key == "number")
      Read(member, &f.pull_request_number);
    else if (key == "state")
      Read(member, &f.pull_request_state);
    else if (key == "title")
      Read(member, &f.pull_request_title);
    else if (key == "merged")
      Read(member, &f.pull_request_merged);
    else if (key == "merged_at")
      Read(member, &f.pull_request_merged_at);
    else if (key == "user")
      ReadMember(member, "login", &f.pull_request_author_login);
    else if (key == "created_at")
      Read(member, &f.pull_request_created_at);
    else if (key == "closed_at")
      Read(member, &f.pull_request_closed_at);
    else if (key == "additions")
      Read(member, &f.pull_request_additions);
    else if (key == "deletions")
      Read(member, &f.pull_request_deletions);
    else if (key == "changed_files")
      Read(member, &f.pull_request_changed_files);
    else if (key == "commits")
      Read(member, &f.pull_request_commits);
    else if (key == "base")
      ReadMember(member, "ref", &f.pull_request_base_ref);
  });
}

// Before 2013 every issue had a member pull_request, with addresses that were null if it was none.
bool HasAddress(ondemand::value pull_request) {
  bool found = false;
  ForEachMember(pull_request, [&](std::string_view key, ondemand::value member) {
    if (key.ends_with("url") && !IsNull(member)) found = true;
  });
  return found;
}

void ReadIssue(ondemand::value value, RawPayload* out) {
  PayloadFields& f = out->fields;
  bool is_pull_request = false;
  const bool object = ForEachMember(value, [&](std::string_view key, ondemand::value member) {
    if (key == "number")
      Read(member, &f.issue_number);
    else if (key == "title")
      Read(member, &f.issue_title);
    else if (key == "state")
      Read(member, &f.issue_state);
    else if (key == "user")
      ReadMember(member, "login", &f.issue_author_login);
    else if (key == "created_at")
      Read(member, &f.issue_created_at);
    else if (key == "closed_at")
      Read(member, &f.issue_closed_at);
    else if (key == "comments")
      Read(member, &f.issue_comments);
    else if (key == "pull_request")
      is_pull_request = HasAddress(member);
  });
  if (object) f.issue_is_pull_request = is_pull_request;
}

void ReadForkee(ondemand::value value, PayloadFields* out) {
  ForEachMember(value, [&](std::string_view key, ondemand::value member) {
    if (key == "id")
      Read(member, &out->fork_id);
    else if (key == "full_name")
      Read(member, &out->fork_full_name);
  });
}

void CountCommits(ondemand::value value, RawPayload* out) {
  ondemand::json_type type;
  ondemand::array commits;
  if (value.type().get(type) != simdjson::SUCCESS || type != ondemand::json_type::array) return;
  if (value.get_array().get(commits) != simdjson::SUCCESS) return;
  int64_t count = 0;
  for (auto entry : commits) {
    ondemand::value commit;
    if (std::move(entry).get(commit) != simdjson::SUCCESS) return;
    ++count;
    OptionalFlag distinct;
    ReadMember(commit, "distinct", &distinct);
    if (distinct == true) ++out->distinct_commits;
  }
  out->commits = count;
}

void ReadTopLevel(std::string_view key, ondemand::value value, bool push, RawPayload* out) {
  PayloadFields& f = out->fields;
  if (key == "action")
    Read(value, &f.payload_action);
  else if (key == "ref")
    Read(value, &f.payload_ref);
  else if (key == "ref_type")
    Read(value, &f.payload_ref_type);
  else if (key == "number")
    Read(value, &out->number);
  else if (key == "pull_request")
    ReadPullRequest(value, out);
  else if (key == "issue")
    ReadIssue(value, out);
  else if (key == "comment")
    ReadMember(value, "id", &f.comment_id);
  else if (key == "comment_id")
    Read(value, &out->comment_id);
  else if (key == "review")
    ReadMember(value, "state", &f.review_state);
  else if (key == "forkee")
    ReadForkee(value, &f);
  else if (key == "release")
    ReadMember(value, "tag_name", &f.release_tag);
  else if (key == "member")
    ReadMember(value, "login", &f.member_login);
  else if (!push)
    return;
  else if (key == "size")
    ReadPushSize(value, &f.push_size);
  else if (key == "distinct_size")
    ReadPushSize(value, &f.push_distinct_size);
  else if (key == "head")
    Read(value, &f.push_head_sha);
  else if (key == "before")
    Read(value, &f.push_before_sha);
  else if (key == "after")
    Read(value, &out->after);
  else if (key == "commits")
    CountCommits(value, out);
}

// A webhook names the head "after" and lists all commits. The Events API lists at most 20 of them,
// so that there the length of the list says nothing.
void DerivePush(const RawPayload& raw, PayloadFields* out) {
  if (!raw.after || out->push_head_sha) return;
  out->push_head_sha = raw.after;
  if (!raw.commits) return;
  if (!out->push_size) out->push_size = raw.commits;
  if (!out->push_distinct_size) out->push_distinct_size = raw.distinct_commits;
}

// Since October 2025 a pull request is only base, head, id, number and url; what happened to it is
// in the action.
void DerivePullRequest(std::string_view event_type, const RawPayload& raw, PayloadFields* out) {
  if (!out->pull_request_number && event_type.starts_with("PullRequest")) {
    out->pull_request_number = raw.number;
  }
  if (!raw.has_pull_request || !raw.pull_request_trimmed) return;
  const std::string_view action = out->payload_action.value_or("");
  if (action == "merged") {
    out->pull_request_merged = true;
    out->pull_request_state = "closed";
  } else if (action == "closed") {
    out->pull_request_merged = false;
    out->pull_request_state = "closed";
  } else if (action == "opened" || action == "reopened") {
    out->pull_request_state = "open";
  }
}

}  // namespace

struct PayloadParser::State {
  ondemand::parser parser;
  std::string padded;
};

PayloadParser::PayloadParser() : state_(std::make_unique<State>()) {}
PayloadParser::~PayloadParser() = default;

PayloadFields PayloadParser::Parse(std::string_view event_type, std::string_view text,
                                   size_t readable) {
  if (readable < text.size() + simdjson::SIMDJSON_PADDING) {
    state_->padded.assign(text);
    state_->padded.append(simdjson::SIMDJSON_PADDING, '\0');
    text = std::string_view(state_->padded.data(), text.size());
    readable = state_->padded.size();
  }
  ondemand::document document;
  ondemand::value root;
  const simdjson::padded_string_view json(text.data(), text.size(), readable);
  if (state_->parser.iterate(json).get(document) != simdjson::SUCCESS) return {};
  // A scalar document has no value to walk.
  if (document.get_value().get(root) != simdjson::SUCCESS) return {};

  RawPayload raw;
  const bool push = event_type == "PushEvent";
  const bool complete = ForEachMember(root, [&](std::string_view key, ondemand::value value) {
    ReadTopLevel(key, value, push, &raw);
  });
  if (!complete) return {};
  PayloadFields fields = raw.fields;
  if (push) DerivePush(raw, &fields);
  DerivePullRequest(event_type, raw, &fields);
  if (!fields.issue_number && event_type == "IssuesEvent") fields.issue_number = raw.number;
  if (!fields.comment_id) fields.comment_id = raw.comment_id;
  return fields;
}

}  // namespace octolake::lake
