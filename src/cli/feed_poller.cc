#include "cli/feed_poller.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace octolake::cli {
namespace {

// How often a poll starts over because another process polled the same feed. Each time that one
// has got on.
constexpr int kMaxLostRaces = 10;

}  // namespace

FeedPoller::FeedPoller(lake::Warehouse& warehouse, source::GitHubClient& github,
                       const std::string& api_url, const std::vector<source::Feed>& feeds,
                       lake::FeedCommitOptions options, std::chrono::microseconds interval,
                       Logger logger)
    : warehouse_(warehouse),
      options_(std::move(options)),
      interval_(interval),
      logger_(std::move(logger)) {
  const bool is_github = api_url == source::GitHubOptions().api_url;
  for (const source::Feed& feed : feeds) {
    entries_.emplace_back(github, feed, (is_github ? "" : api_url + "/") + feed.name);
  }
}

std::vector<FeedReport> FeedPoller::PollAll() {
  std::vector<FeedReport> reports;
  for (Entry& entry : entries_) reports.push_back(Poll(entry));
  return reports;
}

void FeedPoller::Run(Pause& pause) {
  while (true) {
    const auto next =
        std::min_element(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.due < b.due; });
    const auto wait = std::max(next->due - Clock::now(), Clock::duration(0));
    if (!pause.For(std::chrono::duration_cast<std::chrono::microseconds>(wait).count())) return;
    Poll(*next);
  }
}

FeedReport FeedPoller::Poll(Entry& entry) {
  FeedReport report;
  report.feed = entry.feed.feed().name;
  entry.due = Clock::now() + interval_;
  for (int lost_races = 0;; ++lost_races) {
    const Status done = PollOnce(entry, report);
    if (done) {
      report.error.clear();
      break;
    }
    report.error = done.error().message;
    entry.position_known = false;
    if (done.error().kind != ErrorKind::kCommitConflict || lost_races == kMaxLostRaces) break;
  }
  Say(entry, report);
  return report;
}

Status FeedPoller::PollOnce(Entry& entry, FeedReport& report) {
  if (!entry.position_known) {
    OCTO_ASSIGN(entry.position, lake::ReadFeedPosition(warehouse_, entry.key));
    OCTO_ASSIGN(entry.state, source::ParseFeedState(entry.position.state));
    entry.position_known = true;
  }
  OCTO_ASSIGN(source::FeedPoll poll, entry.feed.Poll(entry.state));
  if (poll.interval_seconds) {
    const std::chrono::seconds asked(*poll.interval_seconds);
    entry.due = std::max(entry.due, Clock::now() + asked);
  }
  report.not_modified = poll.not_modified;
  report.pages = poll.pages;
  report.known = poll.known;
  if (poll.not_modified) return {};
  return Commit(entry, poll, report);
}

Status FeedPoller::Commit(Entry& entry, source::FeedPoll& poll, FeedReport& report) {
  if (!poll.events.empty()) {
    OCTO_ASSIGN(const lake::FeedCommitReport committed,
                lake::CommitFeed(warehouse_, entry.key, poll.events,
                                 source::FeedStateText(poll.state), options_, &entry.position));
    entry.position_known = entry.position.tagged_snapshot.has_value();
    report.events = committed.events;
    report.rejected = committed.rejected;
    report.gap = std::move(poll.gap);
    for (const std::string& warning : committed.warnings) logger_->warn("{}", warning);
  }
  entry.state = std::move(poll.state);
  return {};
}

// Errors once, until something else happens.
void FeedPoller::Say(Entry& entry, const FeedReport& report) {
  if (!report.error.empty() && report.error != entry.last_error) {
    logger_->error("{}: {}", report.feed, report.error);
  }
  if (report.error.empty() && !entry.last_error.empty()) {
    logger_->info("{}: polled again", report.feed);
  }
  entry.last_error = report.error;
  if (report.events + report.rejected > 0) {
    logger_->info("{}: {} new events, {} rejected", report.feed, report.events, report.rejected);
  }
  if (report.gap) {
    logger_->warn(
        "{}: more events came than a feed shows, so some between {} and {} may be missing; poll "
        "more often, or load the hours of GH Archive for public ones",
        report.feed, report.gap->after, report.gap->before);
  }
}

}  // namespace octolake::cli
