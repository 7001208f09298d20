// Commits a journal to where it goes (Bronze, Kafka) at an interval or a size, for as long as the
// program runs.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/logging.h"
#include "base/result.h"
#include "lake/journal_committer.h"

namespace octolake::lake {

// Whether what takes events to Bronze, and failed so, may succeed when it is done again; if not,
// only mending it helps.
bool MayHelpToTryAgain(ErrorKind kind);

struct CommitLoopOptions {
  // A commit begins this long after the one before began, at the earliest, unless max_bytes of
  // bodies (JournalCommitOptions) wait.
  int64_t interval_micros = 30'000'000;
  // After a failure: the first wait, which doubles up to the longest.
  int64_t first_retry_micros = 500'000;
  int64_t longest_retry_micros = 30'000'000;
  // Stop begins no further commit after this long; what is left stays in the journal.
  int64_t drain_micros = 5'000'000;
  JournalCommitOptions commit;
  // So many records that wait do not wait for the interval either.
  int64_t max_records = std::numeric_limits<int64_t>::max();
  // In messages: where the records go.
  std::string target = "Bronze";
  // Called by the loop's thread with the last record that is in the target: after each attempt that
  // succeeded, and every idle_micros while there is nothing to do. May take its time, but must not
  // call the loop.
  std::function<void(uint64_t sequence)> on_position;
  int64_t idle_micros = 30'000'000;
  // Called by Stop when drain_micros have passed and an attempt still goes on, to have it end soon.
  std::function<void()> cancel;
};

struct CommitLoopState {
  uint64_t committed_sequence = 0;
  uint64_t durable_sequence = 0;
  // What is durable and not in the target yet. lag_records is exact; lag_bytes counts envelopes and
  // is about right; lag_micros is since the oldest of it was received.
  int64_t lag_records = 0;
  int64_t lag_bytes = 0;
  int64_t lag_micros = 0;
  TimestampMicros last_commit_at = 0;  // 0: none since the start
  int64_t last_commit_micros = 0;      // how long it took
  int64_t commits = 0;                 // since the start, as are the next four
  int64_t events = 0;
  int64_t rejected = 0;
  int64_t bytes = 0;
  int64_t failures = 0;
  int64_t failures_in_a_row = 0;    // 0: the last attempt succeeded
  std::optional<Error> last_error;  // of the last attempt, if it failed
  // Trying again does not help (kCorruption, kUnsupported, kInvalidArgument): the loop has ended,
  // and nothing more is committed until the next start. The journal keeps everything.
  bool stopped_for_good = false;
};

// Gives a committer, or why there is none.
using OpenCommitter = std::function<Result<std::unique_ptr<JournalCommitter>>()>;

// Thread-safe; works in a thread of its own.
class CommitLoop {
 public:
  // Creates the tables that are missing, opens the committer, whose errors it returns, and begins
  // with what the journal holds. It is the journal's listener (OnDurable). Warehouse and journal
  // must outlive the loop.
  static Result<std::unique_ptr<CommitLoop>> Start(Warehouse& warehouse, journal::Journal& journal,
                                                   CommitLoopOptions options, Logger logger);
  // The same with committers that `open` gives: one now, and others after a kNotFound. Journal and
  // clock must outlive the loop.
  static Result<std::unique_ptr<CommitLoop>> Start(OpenCommitter open, journal::Journal& journal,
                                                   const Clock& clock, CommitLoopOptions options,
                                                   Logger logger);
  // Stops.
  virtual ~CommitLoop() = default;

  // Has what is durable now committed without waiting for the interval. Returns when it is in
  // the target, or the error of an attempt that failed (the loop goes on trying).
  virtual Status CommitNow() = 0;
  // Commits what is durable, within drain_micros, and ends. What fails then is not tried again.
  virtual void Stop() = 0;

  virtual CommitLoopState State() const = 0;
};

}  // namespace octolake::lake
