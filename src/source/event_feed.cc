#include "source/event_feed.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/sha256.h"
#include "base/string_util.h"
#include "source/http_text.h"
#include "source/path_names.h"

namespace octolake::source {
namespace {

// Deeper than what becomes a row, so that one such event is rejected rather than its page.
constexpr int kMaxPageDepth = 4096;
// More than a feed holds, since it moves on while its pages are read.
constexpr size_t kMaxIds = 500;
constexpr int kMaxPages = 10;

// What is kept of a feed is written anew with every commit to Bronze.
constexpr size_t kMaxPlainIdBytes = 40;
constexpr size_t kMaxTimeBytes = 40;
constexpr size_t kMaxEtagBytes = 256;
constexpr size_t kDigestDigits = 32;
constexpr size_t kShownStateBytes = 100;

constexpr std::string_view kBotMark = "[bot]";

constexpr std::string_view kPlainIdCharacters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

std::string_view IfShort(std::string_view text, size_t most) {
  return text.size() <= most ? text : std::string_view();
}

// What an event is known by, and when it happened.
struct Known {
  std::string id;
  std::string_view created_at;
};

Known Describe(const event::JsonIndex& json, const event::JsonValue& value) {
  std::string_view id;
  std::string_view created_at;
  std::vector<event::JsonMember> members;
  if (value.IsObject()) json.Members(value, &members);
  for (const event::JsonMember& member : members) {
    const bool is_scalar = !member.value.IsObject() && !member.value.IsArray();
    if (member.key == "id" && is_scalar && !member.value.IsNull()) {
      id = member.value.IsString() ? member.value.Inner() : member.value.raw;
    }
    if (member.key == "created_at" && member.value.IsString()) {
      created_at = IfShort(member.value.Inner(), kMaxTimeBytes);
    }
  }
  const bool is_plain = !id.empty() && id.size() <= kMaxPlainIdBytes &&
                        id.find_first_not_of(kPlainIdCharacters) == std::string_view::npos;
  if (is_plain) return {std::string(id), created_at};
  return {"sha256:" + Sha256Hex(id.empty() ? value.raw : id).substr(0, kDigestDigits), created_at};
}

std::optional<int64_t> IntervalOf(const HttpResponse& response) {
  const std::optional<int64_t> seconds = NumberIn(response.Header("X-Poll-Interval"));
  return seconds.value_or(0) > 0 ? std::optional(std::min<int64_t>(*seconds, 86'400))
                                 : std::nullopt;
}

// Users of Apps are called NAME[bot].
std::string_view WithoutBotMark(std::string_view name) {
  return name.ends_with(kBotMark) ? name.substr(0, name.size() - kBotMark.size()) : name;
}

Feed FeedOf(const std::vector<std::string>& parts) {
  Feed feed;
  for (const std::string& part : parts) feed.name += (feed.name.empty() ? "" : "/") + part;
  feed.path = "/" + std::string(WithoutBotMark(feed.name));
  if (feed.name.ends_with(kBotMark)) feed.path += "%5Bbot%5D";
  feed.path += "/events";
  return feed;
}

}  // namespace

Result<Feed> ParseFeed(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (lower == "public") return Feed{lower, "/events"};
  const std::vector<std::string> parts = SplitList(lower, '/');
  const bool organisation = parts.size() == 2 && parts[0] == "orgs" && IsPathName(parts[1]);
  const bool user =
      parts.size() == 2 && parts[0] == "users" && IsPathName(WithoutBotMark(parts[1]));
  const bool repository =
      parts.size() == 3 && parts[0] == "repos" && IsPathName(parts[1]) && IsPathName(parts[2]);
  if (organisation || user || repository) return FeedOf(parts);
  return MakeError(
      ErrorKind::kInvalidArgument,
      "feed " + name +
          ": expected repos/OWNER/REPOSITORY, orgs/ORGANISATION, users/USER or public");
}

std::string FeedStateText(const FeedState& state) {
  const nlohmann::ordered_json json = {
      {"etag", state.etag}, {"newest", state.newest}, {"ids", state.ids}};
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<FeedState> ParseFeedState(const std::string& text) {
  FeedState state;
  if (text.empty()) return state;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto is_text = [](const nlohmann::json& value) { return value.is_string(); };
  const bool is_state = json.is_object() && json.contains("etag") && json["etag"].is_string() &&
                        json.contains("ids") && json["ids"].is_array() &&
                        std::all_of(json["ids"].begin(), json["ids"].end(), is_text);
  if (!is_state) {
    return MakeError(
        ErrorKind::kCorruption,
        "what is known of the feed should be a JSON object with etag and ids, but is '" +
            text.substr(0, kShownStateBytes) +
            "'; put it back, or remove it and have the feed's events stored again");
  }
  state.etag = json["etag"];
  state.newest = json.value("newest", "");
  state.ids = json["ids"].get<std::vector<std::string>>();
  return state;
}

// What the pages of one poll came to so far.
struct EventFeed::Reading {
  explicit Reading(const FeedState& before)
      : known_ids(before.ids.begin(), before.ids.end()), newest(before.newest) {}

  // Whether it was not known before the poll.
  bool Take(Known event, std::string_view text) {
    newest = std::max(newest, std::string(event.created_at));
    if (oldest.empty() || (!event.created_at.empty() && event.created_at < oldest)) {
      oldest = event.created_at;
    }
    if (known_ids.contains(event.id)) {
      ++known;
      return false;
    }
    // The feed moves on while its pages are read: what was at the end of one begins the next.
    if (taken.insert(event.id).second) {
      ids.push_back(std::move(event.id));
      events.emplace_back(text);
    }
    return true;
  }

  const std::unordered_set<std::string> known_ids;
  std::unordered_set<std::string> taken;
  std::vector<std::string> ids;     // of the new events
  std::vector<std::string> events;  // newest first
  int64_t known = 0;
  std::string newest;
  std::string oldest;
};

EventFeed::EventFeed(GitHubClient& github, Feed feed)
    : github_(github), feed_(std::move(feed)), json_(kMaxPageDepth) {}

Result<FeedPoll> EventFeed::Poll(const FeedState& known) {
  FeedPoll poll;
  Reading reading(known);
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
      if (poll.not_modified) return poll;
      poll.state.etag = IfShort(response.Header("ETag"), kMaxEtagBytes);
    }
    OCTO_ASSIGN(page, github_.NextPage(response));
    OCTO_ASSIGN(const bool all_known, TakePage(std::move(response.body), reading));
    if (all_known) break;
  }
  if (!known.ids.empty() && !reading.events.empty() && reading.known == 0) {
    poll.gap = FeedGap{known.newest, reading.oldest};
  }
  poll.known = reading.known;
  poll.events = std::move(reading.events);
  std::reverse(poll.events.begin(), poll.events.end());
  poll.state.newest = std::move(reading.newest);
  poll.state.ids = std::move(reading.ids);
  poll.state.ids.insert(poll.state.ids.end(), known.ids.begin(), known.ids.end());
  if (poll.state.ids.size() > kMaxIds) poll.state.ids.resize(kMaxIds);
  return poll;
}

// Whether there was something, and all of it was known. A page that repeats what this poll has read
// already is not the end of what is new, and neither is one of which nothing may be seen.
Result<bool> EventFeed::TakePage(std::string body, Reading& reading) {
  const size_t size = body.size();
  body.append(event::kJsonPadding, ' ');
  if (json_.Parse(std::string_view(body).substr(0, size)) || !json_.only_root() ||
      !json_.root().IsArray()) {
    return MakeError(ErrorKind::kCorruption, feed_.path + ": GitHub's answer is no list");
  }
  std::vector<event::JsonValue> elements;
  json_.Elements(json_.root(), &elements);
  bool all_known = !elements.empty();
  for (const event::JsonValue& element : elements) {
    all_known = !reading.Take(Describe(json_, element), element.raw) && all_known;
  }
  return all_known;
}

}  // namespace octolake::source
