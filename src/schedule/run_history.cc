#include "schedule/run_history.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "io/local_file_system.h"
#include "io/owned_file.h"
#include "schedule/log_tail.h"

namespace octolake::schedule {
namespace {

constexpr const char* kName = "run history";
constexpr int64_t kSchemaVersion = 1;

constexpr const char* kCreateSchema[] = {
    "CREATE TABLE jobs (name TEXT PRIMARY KEY, known_since INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE runs ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, reason TEXT NOT NULL, "
    "scheduled_for INTEGER, attempt INTEGER NOT NULL, started_at INTEGER NOT NULL, "
    "ended_at INTEGER, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '', "
    "figures TEXT NOT NULL DEFAULT '', log TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX runs_of_job ON runs (job, id)",
    "CREATE INDEX runs_by_due_time ON runs (job, scheduled_for)",
    "CREATE INDEX running_runs ON runs (job) WHERE state = 'running'",
    "PRAGMA user_version = 1",
};

// In the order that ReadRun reads.
constexpr const char* kColumns =
    "id, job, reason, scheduled_for, attempt, started_at, ended_at, state, message, figures";

Result<RunRecord> ReadRun(const io::SqliteStatement& row) {
  RunRecord run;
  run.id = row.Integer(0).value_or(0);
  run.job = row.Text(1).value_or("");
  const auto reason = ParseRunReason(row.Text(2).value_or(""));
  const auto state = ParseRunState(row.Text(7).value_or(""));
  if (!reason || !state) {
    return MakeError(ErrorKind::kCorruption, std::string(kName) + ": run " +
                                                 std::to_string(run.id) + " of job '" + run.job +
                                                 "' has reason '" + row.Text(2).value_or("NULL") +
                                                 "' and state '" + row.Text(7).value_or("NULL") +
                                                 "', which this program does not write");
  }
  run.start = {*reason, row.Integer(3), static_cast<int>(row.Integer(4).value_or(1))};
  run.started_at = row.Integer(5).value_or(0);
  run.ended_at = row.Integer(6);
  run.state = *state;
  run.message = row.Text(8).value_or("");
  run.figures = row.Text(9).value_or("");
  return run;
}

// The beginning, cut at a character.
std::string FirstBytes(const std::string& text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

Status CheckOptions(const RunHistoryOptions& options) {
  if (!std::filesystem::path(options.path).is_absolute()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     std::string(kName) + " '" + options.path + "': expected an absolute path");
  }
  if (options.kept_runs < 1 || options.kept_runs > kMaxKeptRuns) {
    return MakeError(ErrorKind::kInvalidArgument, std::string(kName) + ": expected to keep 1 to " +
                                                      std::to_string(kMaxKeptRuns) +
                                                      " runs of a job, found " +
                                                      std::to_string(options.kept_runs));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RunHistory>> RunHistory::Open(RunHistoryOptions options) {
  OCTO_TRY(CheckOptions(options));
  OCTO_ASSIGN(auto database,
              io::SqliteDatabase::Open({options.path, kName, options.create,
                                        options.busy_timeout_ms, io::SqliteJournal::kWal}));
  OCTO_TRY(io::CreateLocalDirectory(options.path + ".locks"));
  std::unique_ptr<RunHistory> history(new RunHistory(std::move(database), std::move(options)));
  OCTO_TRY(history->CreateOrCheckSchema());
  return history;
}

Result<int64_t> RunHistory::SchemaVersion() {
  OCTO_ASSIGN(auto query, database_->Prepare("PRAGMA user_version"));
  OCTO_TRY(query.Step());
  return query.Integer(0).value_or(0);
}

Status RunHistory::CreateOrCheckSchema() {
  OCTO_ASSIGN(int64_t version, SchemaVersion());
  if (version == 0) {
    OCTO_ASSIGN(auto transaction, io::SqliteTransaction::Begin(*database_));
    OCTO_ASSIGN(version, SchemaVersion());  // another process may have come first
    if (version == 0) {
      OCTO_ASSIGN(auto others, database_->Prepare("SELECT name FROM sqlite_master LIMIT 1"));
      OCTO_ASSIGN(const bool foreign, others.Step());
      if (foreign) {
        return MakeError(ErrorKind::kCorruption,
                         std::string(kName) + " " + database_->path() + " is a database of " +
                             "another kind (it has '" + others.Text(0).value_or("") +
                             "'); move it away, and a new one is made");
      }
      for (const char* statement : kCreateSchema) OCTO_TRY(database_->Execute(statement));
      return transaction.Commit();
    }
  }
  if (version == kSchemaVersion) return {};
  return MakeError(ErrorKind::kUnsupported,
                   std::string(kName) + " " + database_->path() + " has version " +
                       std::to_string(version) + ", this program knows version " +
                       std::to_string(kSchemaVersion) +
                       "; use the newer octolake that wrote it, or move the file away");
}

std::string RunHistory::LockPath(const std::string& job) const {
  return options_.path + ".locks/" + job + ".lock";
}

Result<TimestampMicros> RunHistory::Know(const std::string& job, TimestampMicros now) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto insert, database_->Prepare("INSERT OR IGNORE INTO jobs VALUES (?, ?)"));
  OCTO_TRY(insert.Bind(1, job).Bind(2, now).Finish());
  OCTO_ASSIGN(auto query, database_->Prepare("SELECT known_since FROM jobs WHERE name = ?"));
  OCTO_TRY(query.Bind(1, job).Step());
  return query.Integer(0).value_or(now);
}

Result<bool> RunHistory::IsHandled(const std::string& job, const RunStart& start) {
  if (!start.scheduled_for) return false;
  OCTO_ASSIGN(
      auto query,
      database_->Prepare("SELECT 1 FROM runs WHERE job = ? AND scheduled_for = ? AND attempt >= ? "
                         "AND state <> 'skipped'"));
  query.Bind(1, job).Bind(2, *start.scheduled_for).Bind(3, int64_t{start.attempt});
  return query.Step();
}

Result<int> RunHistory::MarkInterrupted(const std::string& job) {
  OCTO_ASSIGN(auto update,
              database_->Prepare("UPDATE runs SET state = 'interrupted', message = "
                                 "'the process or the machine died in the middle of it' "
                                 "WHERE job = ? AND state = 'running'"));
  OCTO_TRY(update.Bind(1, job).Finish());
  return static_cast<int>(database_->changed_rows());
}

Result<int64_t> RunHistory::Insert(const RunRecord& run) {
  OCTO_ASSIGN(auto insert,
              database_->Prepare("INSERT INTO runs (job, reason, scheduled_for, attempt, "
                                 "started_at, ended_at, state, message) "
                                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.Bind(1, run.job).Bind(2, RunReasonName(run.start.reason)).Bind(3, run.start.scheduled_for);
  insert.Bind(4, int64_t{run.start.attempt}).Bind(5, run.started_at).Bind(6, run.ended_at);
  insert.Bind(7, RunStateName(run.state)).Bind(8, FirstBytes(run.message, kMaxMessageBytes));
  OCTO_TRY(insert.Finish());
  return database_->last_inserted_id();
}

Status RunHistory::Prune(const std::string& job) {
  OCTO_ASSIGN(auto remove,
              database_->Prepare("DELETE FROM runs WHERE job = ?1 AND id <= (SELECT id FROM runs "
                                 "WHERE job = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)"));
  return remove.Bind(1, job).Bind(2, int64_t{options_.kept_runs}).Finish();
}

Result<RunRecord> RunHistory::Begin(const std::string& job, const RunStart& start,
                                    TimestampMicros now) {
  RunRecord run;
  run.job = job;
  run.start = start;
  run.started_at = now;
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto transaction, io::SqliteTransaction::Begin(*database_));
  OCTO_TRY(MarkInterrupted(job));
  OCTO_ASSIGN(const bool handled, IsHandled(job, start));
  if (handled) {
    OCTO_TRY(transaction.Commit());
    return MakeError(ErrorKind::kAlreadyExists,
                     "job '" + job + "': that run at its due time is in the history already");
  }
  OCTO_ASSIGN(run.id, Insert(run));
  OCTO_TRY(Prune(job));
  OCTO_TRY(transaction.Commit());
  return run;
}

Status RunHistory::End(const RunRecord& run) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto update,
              database_->Prepare("UPDATE runs SET state = ?, ended_at = ?, message = ?, "
                                 "figures = ?, log = ? WHERE id = ? AND state = 'running'"));
  update.Bind(1, RunStateName(run.state)).Bind(2, run.ended_at);
  update.Bind(3, FirstBytes(run.message, kMaxMessageBytes));
  update.Bind(4, run.figures.size() <= kMaxFiguresBytes ? run.figures : "");  // a part is no JSON
  update.Bind(5, LastLines(run.log, kMaxLogBytes)).Bind(6, run.id);
  OCTO_TRY(update.Finish());
  if (database_->changed_rows() == 1) return {};
  return MakeError(ErrorKind::kNotFound, std::string(kName) + ": run " + std::to_string(run.id) +
                                             " of job '" + run.job + "' is not going on");
}

Status RunHistory::Skip(const std::string& job, TimestampMicros due, const std::string& message,
                        TimestampMicros now) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto transaction, io::SqliteTransaction::Begin(*database_));
  OCTO_ASSIGN(auto again,
              database_->Prepare("UPDATE runs SET attempt = attempt + 1, scheduled_for = ?2, "
                                 "ended_at = ?3, message = ?4 WHERE state = 'skipped' AND "
                                 "id = (SELECT max(id) FROM runs WHERE job = ?1)"));
  again.Bind(1, job).Bind(2, due).Bind(3, now).Bind(4, FirstBytes(message, kMaxMessageBytes));
  OCTO_TRY(again.Finish());
  if (database_->changed_rows() == 0) {
    RunRecord run;
    run.job = job;
    run.start = {RunReason::kScheduled, due, 1};
    run.started_at = now;
    run.ended_at = now;
    run.state = RunState::kSkipped;
    run.message = message;
    OCTO_TRY(Insert(run));
    OCTO_TRY(Prune(job));
  }
  return transaction.Commit();
}

Result<std::vector<std::string>> RunHistory::JobsThatRun() {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto query,
              database_->Prepare("SELECT DISTINCT job FROM runs WHERE state = 'running'"));
  std::vector<std::string> jobs;
  while (true) {
    OCTO_ASSIGN(const bool row, query.Step());
    if (!row) return jobs;
    jobs.push_back(query.Text(0).value_or(""));
  }
}

Result<int> RunHistory::MarkDead() {
  OCTO_ASSIGN(const std::vector<std::string> jobs, JobsThatRun());
  int marked = 0;
  for (const std::string& job : jobs) {
    if (!IsJobName(job)) continue;  // nothing that this program wrote
    OCTO_ASSIGN(const auto held, io::OwnedFile::Hold(LockPath(job)));
    if (!held) continue;
    const std::lock_guard lock(mutex_);
    OCTO_ASSIGN(const int count, MarkInterrupted(job));
    marked += count;
  }
  return marked;
}

Result<std::optional<RunRecord>> RunHistory::SelectOne(io::SqliteStatement query) {
  OCTO_ASSIGN(const bool row, query.Step());
  if (!row) return std::nullopt;
  OCTO_ASSIGN(RunRecord run, ReadRun(query));
  return run;
}

Result<std::optional<RunRecord>> RunHistory::Latest(const std::string& job) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto query, database_->Prepare(std::string("SELECT ") + kColumns +
                                             " FROM runs WHERE job = ? ORDER BY id DESC LIMIT 1"));
  query.Bind(1, job);
  return SelectOne(std::move(query));
}

Result<std::optional<RunRecord>> RunHistory::LatestDue(const std::string& job,
                                                       TimestampMicros until) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto query, database_->Prepare(std::string("SELECT ") + kColumns +
                                             " FROM runs WHERE job = ? AND scheduled_for <= ? "
                                             "ORDER BY scheduled_for DESC, id DESC LIMIT 1"));
  query.Bind(1, job).Bind(2, until);
  return SelectOne(std::move(query));
}

Result<std::vector<RunRecord>> RunHistory::Runs(const RunFilter& filter) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto query, database_->Prepare(std::string("SELECT ") + kColumns +
                                             " FROM runs WHERE (?1 IS NULL OR job = ?1) AND "
                                             "(?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"));
  query.Bind(1, filter.job).Bind(2, filter.before_id);
  query.Bind(3, int64_t{std::clamp(filter.limit, 0, kMaxListedRuns)});
  std::vector<RunRecord> runs;
  while (true) {
    OCTO_ASSIGN(const bool row, query.Step());
    if (!row) return runs;
    OCTO_ASSIGN(RunRecord run, ReadRun(query));
    runs.push_back(std::move(run));
  }
}

Result<RunRecord> RunHistory::Find(int64_t id) {
  const std::lock_guard lock(mutex_);
  OCTO_ASSIGN(auto query, database_->Prepare(std::string("SELECT ") + kColumns +
                                             ", log FROM runs WHERE id = ?"));
  OCTO_ASSIGN(const bool row, query.Bind(1, id).Step());
  if (!row) {
    return MakeError(ErrorKind::kNotFound, std::string(kName) + " has no run " +
                                               std::to_string(id) +
                                               "; old ones are removed, list those that are there");
  }
  OCTO_ASSIGN(RunRecord run, ReadRun(query));
  run.log = query.Text(10).value_or("");
  return run;
}

}  // namespace octolake::schedule
