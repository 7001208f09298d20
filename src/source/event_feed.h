// Events of GitHub's Events API. docs.github.com/rest/activity/events
//
// A feed holds up to 300 events of the last weeks, newest first, in pages of up to 100. It says how
// often it may be asked (X-Poll-Interval), and an answer that has not changed costs nothing (ETag).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "event/json_index.h"
#include "source/github_client.h"

namespace octolake::source {

// "repos/OWNER/REPOSITORY", "orgs/ORGANISATION", "users/USER" or "public"; in lower case, as GitHub
// does not tell cases apart.
struct Feed {
  std::string name;
  std::string path;  // in the API
};

// kInvalidArgument, saying what was expected.
Result<Feed> ParseFeed(const std::string& name);

// What is known of a feed from earlier polls.
struct FeedState {
  std::string etag;    // of the first page
  std::string newest;  // the greatest created_at, as it was sent; "": none
  // Of the events that it held, newest first. An id that is no short plain word is here as a
  // digest; so is an event that has none.
  std::vector<std::string> ids;
};

// As JSON text, to be kept with the events. kCorruption for what is no such text; "" gives an empty
// state.
std::string FeedStateText(const FeedState& state);
Result<FeedState> ParseFeedState(const std::string& text);

// Between these times there may be events that were never seen.
struct FeedGap {
  std::string after;   // created_at of the newest event known before
  std::string before;  // of the oldest that was read now
};

struct FeedPoll {
  bool not_modified = false;
  int64_t pages = 0;
  int64_t known = 0;                        // events that an earlier poll had
  std::vector<std::string> events;          // all others as received, oldest first
  std::optional<FeedGap> gap;               // none was known: more came than a feed holds
  FeedState state;                          // once the events are stored
  std::optional<int64_t> interval_seconds;  // to wait before the next poll, at least
};

// Used by one thread.
class EventFeed {
 public:
  // The client must outlive it.
  EventFeed(GitHubClient& github, Feed feed);

  const Feed& feed() const { return feed_; }
  // Reads pages until one holds known events only, all or nothing: what is behind a page that
  // failed would be taken for known by the next poll. Errors as of GitHubClient::Get; kCorruption
  // if a page is no list.
  Result<FeedPoll> Poll(const FeedState& known);

 private:
  struct Reading;

  Result<bool> TakePage(std::string body, Reading& reading);

  GitHubClient& github_;
  const Feed feed_;
  event::JsonIndex json_;
};

}  // namespace octolake::source
