#include "source/event_feed.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/sha256.h"
#include "base/string_util.h"
#include "event/event_reader.h"
#include "source/path_names.h"

namespace octolake::source {
namespace {

// The list around the events.
constexpr int kMoreDepth = 1;
// More than a feed holds, since it moves on while its pages are read.
constexpr size_t kMaxIds = 500;
constexpr int kMaxPages = 10;

// An event's id as text; for what has none, a digest of all of it.
std::string IdOf(const event::JsonIndex& json, const event::JsonValue& value) {
  if (value.IsObject()) {
    std::vector<event::JsonMember> members;
    json.Members(value, &members);
    const auto id = std::find_if(members.rbegin(), members.rend(),
                                 [](const auto& member) { return member.key == "id"; });
    if (id != members.rend() && id->value.IsString()) return std::string(id->value.Inner());
    if (id != members.rend() && !id->value.IsNull()) return std::string(id->value.raw);
  }
  Sha256 hash;
  hash.Update(value.raw);
  return "sha256:" + hash.FinishHex();
}

std::optional<int64_t> IntervalOf(const HttpResponse& response) {
  const std::string_view text = response.Header("X-Poll-Interval");
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && seconds > 0 ? std::optional(std::min<int64_t>(seconds, 86'400)) : std::nullopt;
}

}  // namespace

Result<Feed> ParseFeed(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (lower == "public") return Feed{lower, "/events"};
  const std::vector<std::string> parts = SplitList(lower, '/');
  const bool one =
      parts.size() == 2 && (parts[0] == "orgs" || parts[0] == "users") && IsPathName(parts[1]);
  const bool repository =
      parts.size() == 3 && parts[0] == "repos" && IsPathName(parts[1]) && IsPathName(parts[2]);
  if (one || repository) return Feed{lower, "/" + lower + "/events"};
  return MakeError(
      ErrorKind::kInvalidArgument,
      "feed " + name +
          ": expected repos/OWNER/REPOSITORY, orgs/ORGANISATION, users/USER or public");
}

std::string FeedStateText(const FeedState& state) {
  const nlohmann::ordered_json json = {{"etag", state.etag}, {"ids", state.ids}};
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

FeedState ParseFeedState(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  FeedState state;
  if (!json.is_object() || !json.contains("ids") || !json["ids"].is_array()) return state;
  if (json.contains("etag") && json["etag"].is_string()) state.etag = json["etag"];
  for (const auto& id : json["ids"]) {
    if (id.is_string()) state.ids.push_back(id);
  }
  return state;
}

EventFeed::EventFeed(GitHubClient& github, Feed feed)
    : github_(github), feed_(std::move(feed)), json_(event::ReadOptions().max_depth + kMoreDepth) {}

Result<FeedPoll> EventFeed::Poll(const FeedState& known) {
  FeedPoll poll;
  const std::unordered_set<std::string> before(known.ids.begin(), known.ids.end());
  std::unordered_set<std::string> taken;
  std::vector<std::string> headers;
  if (!known.etag.empty()) headers.push_back("If-None-Match: " + known.etag);
  std::optional<std::string> page = feed_.path + "?per_page=100";
  poll.state.etag = known.etag;
  while (page && poll.pages < kMaxPages) {
    OCTO_ASSIGN(HttpResponse response, github_.Get(*page, headers));
    headers.clear();
    if (poll.pages++ == 0) {
      poll.interval_seconds = IntervalOf(response);
      poll.not_modified = response.status == 304;
      if (poll.not_modified) break;
      poll.state.etag = response.Header("ETag");
    }
    OCTO_ASSIGN(page, github_.NextPage(response));
    OCTO_ASSIGN(const bool anything_new, TakePage(std::move(response.body), before, taken, poll));
    if (!anything_new) break;
  }
  std::reverse(poll.events.begin(), poll.events.end());
  poll.may_have_missed = !known.ids.empty() && !poll.events.empty() && poll.known == 0;
  poll.state.ids.insert(poll.state.ids.end(), known.ids.begin(), known.ids.end());
  if (poll.state.ids.size() > kMaxIds) poll.state.ids.resize(kMaxIds);
  return poll;
}

Result<bool> EventFeed::TakePage(std::string body, const std::unordered_set<std::string>& known,
                                 std::unordered_set<std::string>& taken, FeedPoll& poll) {
  const size_t size = body.size();
  body.append(event::kJsonPadding, ' ');
  if (json_.Parse(std::string_view(body).substr(0, size)) || !json_.root().IsArray()) {
    return MakeError(ErrorKind::kCorruption, feed_.path + ": GitHub's answer is no list");
  }
  std::vector<event::JsonValue> elements;
  json_.Elements(json_.root(), &elements);
  bool anything_new = false;
  for (const event::JsonValue& element : elements) {
    std::string id = IdOf(json_, element);
    if (known.contains(id)) {
      ++poll.known;
      continue;
    }
    // The feed moves on while its pages are read: what was at the end of one begins the next.
    if (!taken.insert(id).second) continue;
    anything_new = true;
    poll.state.ids.push_back(std::move(id));
    poll.events.emplace_back(element.raw);
  }
  return anything_new;
}

}  // namespace octolake::source
