// Takes the events of GitHub's feeds to Bronze, each feed at its own interval.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/pause.h"
#include "base/result.h"
#include "lake/feed_committer.h"
#include "lake/warehouse.h"
#include "source/event_feed.h"

namespace octolake::cli {

// What one poll of one feed came to.
struct FeedReport {
  std::string feed;
  bool not_modified = false;
  int64_t pages = 0;
  int64_t events = 0;  // rows of Bronze
  int64_t rejected = 0;
  int64_t known = 0;                   // events that were there before
  std::optional<source::FeedGap> gap;  // events may have been missed
  std::string error;                   // empty: none
};

// Used by one thread.
class FeedPoller {
 public:
  using Clock = std::chrono::steady_clock;

  // All that is given must outlive it. Nobody is asked before `interval` is over. What is known of
  // a feed is kept for the server that it is read from, `api_url`.
  FeedPoller(lake::Warehouse& warehouse, source::GitHubClient& github, const std::string& api_url,
             const std::vector<source::Feed>& feeds, lake::FeedCommitOptions options,
             std::chrono::microseconds interval, Logger logger);

  // All feeds, one after another; what goes wrong with one stops no other.
  std::vector<FeedReport> PollAll();
  // Feeds as they are due, until the pause is ended.
  void Run(Pause& pause);

 private:
  struct Entry {
    Entry(source::GitHubClient& github, const source::Feed& what, std::string kept_as)
        : feed(github, what), key(std::move(kept_as)) {}

    source::EventFeed feed;
    const std::string key;
    bool position_known = false;
    lake::FeedPosition position;
    source::FeedState state;
    Clock::time_point due{};
    std::string last_error;
  };

  FeedReport Poll(Entry& entry);
  Status PollOnce(Entry& entry, FeedReport& report);
  Status Commit(Entry& entry, source::FeedPoll& poll, FeedReport& report);
  void Say(Entry& entry, const FeedReport& report);

  lake::Warehouse& warehouse_;
  const lake::FeedCommitOptions options_;
  const std::chrono::microseconds interval_;
  Logger logger_;
  std::deque<Entry> entries_;
};

}  // namespace octolake::cli
