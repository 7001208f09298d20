// The runs of all jobs, in one SQLite file (docs/formats/jobs.md) that several processes may use at
// once. What was recorded is on the disk.
//
// Whoever begins a run of a job holds the job's lock (LockPath) from before Begin until after End.
// The kernel lets go of it when the process dies, so a run that is recorded as going on while
// nobody holds the lock is one that died.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/sqlite.h"
#include "schedule/run.h"

namespace octolake::schedule {

inline constexpr int kDefaultKeptRuns = 1'000;
inline constexpr int kMaxKeptRuns = 100'000;

// What is kept of a run; the rest is cut.
inline constexpr size_t kMaxMessageBytes = 4 << 10;
inline constexpr size_t kMaxFiguresBytes = 16 << 10;
inline constexpr size_t kMaxLogBytes = 16 << 10;

struct RunHistoryOptions {
  std::string path;  // absolute; beside it <path>.locks/ is made
  bool create = true;
  int kept_runs = kDefaultKeptRuns;  // of each job; 1 to kMaxKeptRuns
  int64_t busy_timeout_ms = 10'000;
};

struct RunFilter {
  std::optional<std::string> job;
  std::optional<int64_t> before_id;  // to page on
  int limit = 100;                   // at most kMaxListedRuns
};
inline constexpr int kMaxListedRuns = 1'000;

// Thread-safe. Must not be carried over a fork.
class RunHistory {
 public:
  // kUnsupported for the file of a newer version, kCorruption for another kind of file, kNotFound
  // if there is none and it shall not be made, kInvalidArgument.
  static Result<std::unique_ptr<RunHistory>> Open(RunHistoryOptions options);

  // The file to hold while a run of the job goes on.
  std::string LockPath(const std::string& job) const;

  // Since when a job is known: `now` if it was not.
  Result<TimestampMicros> Know(const std::string& job, TimestampMicros now);

  // Records that a run begins, and marks as interrupted what died before. The caller holds the
  // lock. kAlreadyExists if that attempt at that due time, or a later one, is recorded already. A
  // skipped one does not count: this may be the very run for which another process skipped it.
  Result<RunRecord> Begin(const std::string& job, const RunStart& start, TimestampMicros now);
  // Records how a run ended: state, ended_at, message, figures and log. kNotFound if it is not
  // going on.
  Status End(const RunRecord& run);
  // Records that a due time was left out. Several in a row are one row.
  Status Skip(const std::string& job, TimestampMicros due, const std::string& message,
              TimestampMicros now);
  // Marks as interrupted what died, of all jobs; how many there were. Holds for a moment the lock
  // of each job that has such a run.
  Result<int> MarkDead();

  // The newest run; without its log, as all below but Find.
  Result<std::optional<RunRecord>> Latest(const std::string& job);
  // Of the latest due time until `until`: its newest run.
  Result<std::optional<RunRecord>> LatestDue(const std::string& job, TimestampMicros until);
  // The newest first.
  Result<std::vector<RunRecord>> Runs(const RunFilter& filter);
  // kNotFound
  Result<RunRecord> Find(int64_t id);

 private:
  RunHistory(std::unique_ptr<io::SqliteDatabase> database, RunHistoryOptions options)
      : database_(std::move(database)), options_(std::move(options)) {}

  Status CreateOrCheckSchema();
  Result<int64_t> SchemaVersion();
  Result<bool> IsHandled(const std::string& job, const RunStart& start);
  Result<int> MarkInterrupted(const std::string& job);
  Result<std::vector<std::string>> JobsThatRun();
  Status Prune(const std::string& job);
  Result<int64_t> Insert(const RunRecord& run);
  Result<std::optional<RunRecord>> SelectOne(io::SqliteStatement query);

  std::mutex mutex_;
  std::unique_ptr<io::SqliteDatabase> database_;
  const RunHistoryOptions options_;
};

}  // namespace octolake::schedule
