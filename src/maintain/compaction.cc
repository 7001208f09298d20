#include "maintain/compaction.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "base/civil_time.h"
#include "base/thread.h"
#include "datafile/idle_memory.h"
#include "iceberg/expire_snapshots.h"
#include "iceberg/rewrite_files.h"
#include "iceberg/transaction.h"
#include "lake/table_version.h"

namespace octolake::maintain {
namespace {

using DataFiles = std::vector<iceberg::DataFile>;

// How often a plan is made of a snapshot that expires meanwhile.
constexpr int kMostPlans = 10;

constexpr char kStrategyProperty[] = "octolake.compaction";

const char* NameOf(CompactionStrategy strategy) {
  switch (strategy) {
    case CompactionStrategy::kBinPack:
      return "binpack";
    case CompactionStrategy::kSort:
      return "sort";
    case CompactionStrategy::kZOrder:
      return "zorder";
  }
  return "";
}

// A group whose new files are written and not yet committed.
struct Rewritten {
  const CompactionGroup* group;
  DataFiles files;
};

class Compaction {
 public:
  Compaction(lake::Warehouse& warehouse, iceberg::TableIdentifier table,
             const CompactionOptions& options, std::stop_token stop, ProgressListener& progress)
      : warehouse_(warehouse),
        name_(std::move(table)),
        options_(options),
        stop_(std::move(stop)),
        progress_(progress) {}

  Result<CompactionReport> Run();

 private:
  bool works_alone() const { return options_.concurrency == 0; }
  Result<std::vector<iceberg::Field>> SortColumns() const;
  Status Plan();
  // Whether the snapshot that was read is not there any more.
  bool HasExpired();
  Status StartWorkers(std::vector<std::jthread>& threads);
  void Work();
  // Whether there is a group to be rewritten; if not, one worker less is at work. With the lock.
  bool IsLeft();
  // Rewrites a group, if there is one; whether there is another.
  bool WorkOnce();
  void RewriteNext(const CompactionGroup& group);
  void OnRows(int64_t rows);
  // Takes what the workers have finished, until they are all done.
  Status CommitAsTheyCome();
  Status CommitBatch(std::vector<Rewritten> batch);
  // kCommitConflict: nothing of the batch is committed, its files are still there.
  Status TryCommit(const std::vector<Rewritten>& batch);
  void Discard(const std::vector<Rewritten>& batch);

  lake::Warehouse& warehouse_;
  const iceberg::TableIdentifier name_;
  const CompactionOptions& options_;
  const std::stop_token stop_;
  ProgressListener& progress_;
  iceberg::Table table_;
  std::vector<iceberg::Field> columns_;
  std::vector<CompactionGroup> groups_;
  int64_t rows_total_ = 0;
  CompactionReport report_;

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t next_group_ = 0;
  int workers_ = 0;  // still at work
  bool given_up_ = false;
  int64_t rows_done_ = 0;
  std::vector<Rewritten> finished_;
};

Result<std::vector<iceberg::Field>> Compaction::SortColumns() const {
  std::vector<iceberg::Field> columns;
  if (options_.strategy == CompactionStrategy::kBinPack) return columns;
  if (options_.columns.empty()) {
    return MakeError(ErrorKind::kInvalidArgument, std::string("a compaction by ") +
                                                      NameOf(options_.strategy) +
                                                      " needs columns to order the rows by");
  }
  std::set<std::string> names;
  for (const std::string& name : options_.columns) {
    const iceberg::Field* field = table_.metadata->CurrentSchema().FindByName(name);
    if (field == nullptr || !field->type->is_primitive()) {
      return MakeError(
          ErrorKind::kInvalidArgument,
          "table " + name_.ToString() + " has no column " + name + " whose values have an order");
    }
    if (!names.insert(name).second) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "column " + name + " is named twice in the order of a compaction");
    }
    columns.push_back(*field);
  }
  return columns;
}

bool Compaction::HasExpired() {
  const auto snapshot_id = table_.metadata->current_snapshot_id;
  const auto now = warehouse_.catalog().LoadTable(name_);
  return now && snapshot_id && now->metadata->FindSnapshot(*snapshot_id) == nullptr;
}

Status Compaction::Plan() {
  Result<std::vector<iceberg::ScanTask>> files;
  for (int attempt = 1; attempt <= kMostPlans; ++attempt) {
    OCTO_ASSIGN(table_, lake::LoadForWriting(warehouse_, name_));
    OCTO_ASSIGN(columns_, SortColumns());
    files =
        iceberg::PlanScan(warehouse_.file_system(), *table_.metadata, std::nullopt, options_.where);
    if (files || !HasExpired()) break;
  }
  OCTO_TRY(files);
  CompactionScope scope = options_.scope;
  scope.file_by_file = options_.strategy == CompactionStrategy::kBinPack;
  OCTO_ASSIGN(groups_, PlanCompaction(*table_.metadata, *std::move(files), scope,
                                      DaysOfMicros(warehouse_.clock().Now())));
  for (const CompactionGroup& group : groups_) rows_total_ += group.rows;
  return {};
}

void Compaction::OnRows(int64_t rows) {
  const std::lock_guard lock(mutex_);
  rows_done_ += rows;
  progress_.OnProgress({"compact " + name_.ToString(), "rows", rows_done_, rows_total_});
}

void Compaction::RewriteNext(const CompactionGroup& group) {
  // Where there are fewer groups than may be worked on at once, each gets more.
  const int concurrency = std::max(options_.concurrency, 1);
  const int at_once = static_cast<int>(std::min<std::ptrdiff_t>(concurrency, std::ssize(groups_)));
  // Most of it for rows, the rest for what is being encoded.
  const int64_t share = options_.memory_bytes / at_once;
  const int64_t encoded_share = share / 4;
  RewriteRequest request{.group = group,
                         .strategy = options_.strategy,
                         .columns = columns_,
                         .sort_memory_bytes = share - encoded_share,
                         .temp_directory = warehouse_.temp_directory(),
                         .threads = works_alone() ? 0 : concurrency / at_once,
                         .writer = options_.writer,
                         .stop = stop_,
                         .on_rows = [this](int64_t rows) { OnRows(rows); }};
  const FileSizes& sizes = options_.scope.sizes;
  request.one_file =
      options_.strategy == CompactionStrategy::kBinPack && group.bytes <= MostOfAFile(sizes);
  request.writer.target_file_bytes = request.one_file ? MostOfAFile(sizes) : sizes.target;
  request.writer.threads = request.threads;
  request.writer.max_buffered_bytes = std::min(request.writer.max_buffered_bytes, encoded_share);
  auto files =
      RewriteGroup(warehouse_.file_system(), warehouse_.random(), *table_.metadata, request);
  const bool expired = !files && HasExpired();
  const std::lock_guard lock(mutex_);
  if (expired) {
    ++report_.conflicts;
    report_.warnings.push_back("not rewritten, the snapshot that was read has expired: " +
                               files.error().message);
  } else if (!files) {
    report_.failures.push_back(std::move(files).error());
  } else if (*files) {
    finished_.push_back({&group, **std::move(files)});
  }
}

bool Compaction::IsLeft() {
  if (next_group_ < groups_.size() && !given_up_ && !stop_.stop_requested()) return true;
  --workers_;
  return false;
}

bool Compaction::WorkOnce() {
  const CompactionGroup* group = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (IsLeft()) group = &groups_[next_group_++];
  }
  bool more = false;
  if (group != nullptr) {
    RewriteNext(*group);
    const std::lock_guard lock(mutex_);
    more = IsLeft();
  }
  changed_.notify_all();
  // Threads end with a group, and what was theirs stays with the allocators: the next group's would
  // take as much again. That of the last goes while its files are committed.
  if (group != nullptr) datafile::ReleaseFreeMemory();
  return more;
}

void Compaction::Work() {
  while (WorkOnce()) {
  }
}

Status Compaction::TryCommit(const std::vector<Rewritten>& batch) {
  iceberg::FileRewrite rewrite;
  rewrite.start_sequence_number = table_.metadata->CurrentSnapshot()->sequence_number;
  for (const Rewritten& one : batch) {
    const CompactionGroup& group = *one.group;
    rewrite.replaced.insert(rewrite.replaced.end(), group.files.begin(), group.files.end());
    rewrite.added.insert(rewrite.added.end(), one.files.begin(), one.files.end());
  }
  iceberg::Transaction transaction(warehouse_.catalog(), warehouse_.update_context());
  transaction.Add(name_, iceberg::AssertTableUuid(table_.metadata->table_uuid));
  transaction.Add(name_, iceberg::RewriteFiles(std::move(rewrite),
                                               {{kStrategyProperty, NameOf(options_.strategy)}}));
  transaction.Add(name_, iceberg::ExpireSnapshots(options_.retention));
  OCTO_TRY(transaction.Commit());
  for (const Error& error : transaction.left_behind()) report_.warnings.push_back(error.message);
  ++report_.commits;
  for (const Rewritten& one : batch) {
    ++report_.groups;
    report_.files_before += std::ssize(one.group->files);
    report_.bytes_before += one.group->bytes;
    report_.rows += one.group->rows;
    report_.files_after += std::ssize(one.files);
    for (const iceberg::DataFile& file : one.files) report_.bytes_after += file.file_size_in_bytes;
  }
  return {};
}

void Compaction::Discard(const std::vector<Rewritten>& batch) {
  for (const Rewritten& one : batch) {
    datafile::RemoveFiles(warehouse_.file_system(), one.files);
  }
}

// What concerns one group must not keep the others from their commit.
Status Compaction::CommitBatch(std::vector<Rewritten> batch) {
  if (batch.empty()) return {};
  // Groups finish in any order; neighbours are to be neighbours in the manifest, too.
  std::sort(batch.begin(), batch.end(),
            [](const Rewritten& a, const Rewritten& b) { return a.group < b.group; });
  Status committed = TryCommit(batch);
  if (committed) return {};
  if (committed.error().kind == ErrorKind::kCommitStateUnknown) return committed;
  if (committed.error().kind != ErrorKind::kCommitConflict) {
    Discard(batch);
    return committed;
  }
  if (batch.size() == 1) {
    Discard(batch);
    ++report_.conflicts;
    report_.warnings.push_back("not rewritten, try again later: " + committed.error().message);
    return {};
  }
  while (!batch.empty()) {
    std::vector<Rewritten> one;
    one.push_back(std::move(batch.back()));
    batch.pop_back();
    committed = CommitBatch(std::move(one));
    if (committed) continue;
    Discard(batch);
    return committed;
  }
  return {};
}

Status Compaction::CommitAsTheyCome() {
  std::vector<Rewritten> batch;
  int64_t batch_bytes = 0;
  Status status;
  while (true) {
    bool last = false;
    if (works_alone()) {
      while (workers_ > 0 && finished_.empty()) WorkOnce();
    }
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !finished_.empty() || workers_ == 0; });
      for (Rewritten& one : finished_) {
        batch_bytes += one.group->bytes;
        batch.push_back(std::move(one));
      }
      finished_.clear();
      last = workers_ == 0;
    }
    if (!status) Discard(std::exchange(batch, {}));
    if (status && (last || batch_bytes >= options_.commit_bytes)) {
      batch_bytes = 0;
      status = CommitBatch(std::exchange(batch, {}));
      const std::lock_guard lock(mutex_);
      given_up_ = !status;
    }
    if (last) return status;
  }
}

// Fewer than wanted will do, if there is one.
Status Compaction::StartWorkers(std::vector<std::jthread>& threads) {
  const auto wanted =
      std::min(std::ssize(groups_), std::max<std::ptrdiff_t>(1, options_.concurrency));
  workers_ = static_cast<int>(wanted);
  if (works_alone()) return {};
  while (std::ssize(threads) < wanted) {
    auto thread = StartThread("to compact a table", [this] { Work(); });
    if (thread) {
      threads.push_back(*std::move(thread));
      continue;
    }
    const std::lock_guard lock(mutex_);
    workers_ -= static_cast<int>(wanted - std::ssize(threads));
    if (threads.empty()) return tl::unexpected<Error>(std::move(thread).error());
    return {};
  }
  return {};
}

Result<CompactionReport> Compaction::Run() {
  OCTO_TRY(Plan());
  if (options_.dry_run) {
    for (const CompactionGroup& group : groups_) {
      ++report_.groups;
      report_.files_before += std::ssize(group.files);
      report_.bytes_before += group.bytes;
      report_.rows += group.rows;
    }
    return std::move(report_);
  }
  std::vector<std::jthread> threads;
  OCTO_TRY(StartWorkers(threads));
  Status committed = CommitAsTheyCome();
  // What was committed before is to be told.
  if (!committed && report_.commits == 0) return tl::unexpected<Error>(committed.error());
  if (!committed) report_.failures.push_back(std::move(committed).error());
  report_.stopped = stop_.stop_requested();
  return std::move(report_);
}

}  // namespace

Result<CompactionReport> Compact(lake::Warehouse& warehouse, const iceberg::TableIdentifier& table,
                                 const CompactionOptions& options, std::stop_token stop,
                                 ProgressListener& progress) {
  return Compaction(warehouse, table, options, std::move(stop), progress).Run();
}

}  // namespace octolake::maintain
