// Commits a journal to Bronze at an interval or a size, for as long as the program runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/logging.h"
#include "base/result.h"
#include "lake/journal_committer.h"

namespace octolake::lake {

struct CommitLoopOptions {
  // A commit begins this long after the one before at the earliest, unless max_bytes of bodies
  // (JournalCommitOptions) wait.
  int64_t interval_micros = 30'000'000;
  // After a failure: the first wait, which doubles up to the longest.
  int64_t first_retry_micros = 500'000;
  int64_t longest_retry_micros = 30'000'000;
  // Stop begins no further commit after this long; what is left stays in the journal.
  int64_t drain_micros = 5'000'000;
  JournalCommitOptions commit;
};

struct CommitLoopState {
  uint64_t committed_sequence = 0;
  uint64_t durable_sequence = 0;
  // What is durable and not in Bronze yet: lag_records is exact, lag_bytes (of the journal, with
  // envelopes) about right, lag_micros since the oldest of it was received.
  int64_t lag_records = 0;
  int64_t lag_bytes = 0;
  int64_t lag_micros = 0;
  TimestampMicros last_commit_at = 0;  // 0: none since the start
  int64_t last_commit_micros = 0;      // how long it took
  int64_t commits = 0;                 // since the start, as are the next three
  int64_t events = 0;
  int64_t rejected = 0;
  int64_t bytes = 0;
  int64_t failures = 0;             // since the start
  int64_t failures_in_a_row = 0;    // 0: the last attempt succeeded
  std::optional<Error> last_error;  // of the last attempt, if it failed
  // The journal or the table needs mending (kCorruption, kUnsupported): the loop has ended and
  // commits nothing more until the next start; the journal keeps everything.
  bool stopped_for_good = false;
};

// Its own thread, and thread-safe.
class CommitLoop {
 public:
  // Opens the committer, whose errors it returns, and begins. All must outlive the loop.
  static Result<std::unique_ptr<CommitLoop>> Start(Warehouse& warehouse, journal::Journal& journal,
                                                   const CommitLoopOptions& options, Logger logger);
  // Stops.
  virtual ~CommitLoop() = default;

  // Commits what is durable now without waiting for the interval. Returns when that is in Bronze,
  // or with the error of the attempt (the loop goes on trying).
  virtual Status CommitNow() = 0;
  // Commits what is durable, within drain_micros, and ends. A failure is not tried again then.
  virtual void Stop() = 0;

  virtual CommitLoopState State() const = 0;
};

}  // namespace octolake::lake
