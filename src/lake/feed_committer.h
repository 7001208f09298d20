// From a feed of events to Bronze: the rows and what is known of the feed move in one commit, so
// that events which a feed shows again, to this process or another, are stored once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "datafile/table_writer.h"
#include "lake/retention.h"
#include "lake/warehouse.h"

namespace octolake::lake {

// The tag octolake.feed.<name> is at the feed's last commit. What is known is text of whoever
// polls, the table property of the same name: of all commits only the last one's counts.
struct FeedPosition {
  std::optional<int64_t> tagged_snapshot;  // nullopt: nothing of the feed was ever committed
  std::string state;
};

// Bronze is made again if it was dropped.
Result<FeedPosition> ReadFeedPosition(Warehouse& warehouse, const std::string& feed);

struct FeedCommitOptions {
  iceberg::RetentionPolicy retention = DefaultRetention();
  datafile::WriterOptions writer;
};

struct FeedCommitReport {
  int64_t events = 0;    // rows of Bronze
  int64_t rejected = 0;  // rows of rejected_events
  std::vector<std::string> warnings;
};

// Commits events of source "events_api", received now, and the feed's new state; `position` is
// brought up to date, or has no snapshot if somebody else got on meanwhile: it is to be read again.
// kCommitConflict if the feed was committed to since the position was read:
// nothing was stored. After any other error the position is to be read again.
Result<FeedCommitReport> CommitFeed(Warehouse& warehouse, const std::string& feed,
                                    const std::vector<std::string>& events,
                                    const std::string& state, const FeedCommitOptions& options,
                                    FeedPosition* position);

}  // namespace octolake::lake
