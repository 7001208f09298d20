#include "lake/silver_plan.h"

#include <set>
#include <utility>

namespace octolake::lake {
namespace {

// Cuts files where those of a snapshot end.
class Cutter {
 public:
  Cutter(io::FileSystem& fs, const iceberg::TableMetadata& metadata, const iceberg::Filter& filter,
         std::optional<int64_t> begin)
      : fs_(fs), metadata_(metadata), filter_(filter), begin_(begin) {}

  Result<SilverPlan> Cut(std::vector<iceberg::ScanTask> files, int64_t commit_rows);

 private:
  Status SetPosition(SilverChunk& chunk);

  io::FileSystem& fs_;
  const iceberg::TableMetadata& metadata_;
  const iceberg::Filter& filter_;
  std::optional<int64_t> begin_;  // the last position
  std::set<std::string> since_;   // paths of the files after it
};

// The chunk's last snapshot is its position if what came since the last position up to that
// snapshot is what was cut since. It is not where files were rewritten or replaced, since rewritten
// files are newer than some of their rows; and not where nobody could begin there, since the
// snapshot has expired.
Status Cutter::SetPosition(SilverChunk& chunk) {
  for (const iceberg::ScanTask& task : chunk.files) since_.insert(task.file.file_path);
  const int64_t snapshot = chunk.files.back().snapshot_id;
  if (metadata_.FindSnapshot(snapshot) == nullptr) return {};
  auto tasks = iceberg::PlanAppendsBetween(fs_, metadata_, begin_, snapshot, filter_);
  if (!tasks) {
    const ErrorKind kind = tasks.error().kind;
    const bool cannot_begin = kind == ErrorKind::kNotFound || kind == ErrorKind::kUnsupported;
    return cannot_begin ? Status() : tl::unexpected(std::move(tasks).error());
  }
  std::set<std::string> paths;
  for (iceberg::ScanTask& task : *tasks) paths.insert(std::move(task.file.file_path));
  if (paths != since_) return {};
  chunk.position = begin_ = snapshot;
  since_.clear();
  return {};
}

Result<SilverPlan> Cutter::Cut(std::vector<iceberg::ScanTask> files, int64_t commit_rows) {
  SilverPlan plan;
  for (size_t begin = 0; begin < files.size();) {
    size_t end = begin;
    int64_t rows = 0;
    while (end < files.size() && files[end].sequence_number == files[begin].sequence_number) {
      rows += files[end++].file.record_count;
    }
    if (plan.chunks.empty() || plan.chunks.back().rows + rows > commit_rows) {
      if (!plan.chunks.empty()) OCTO_TRY(SetPosition(plan.chunks.back()));
      plan.chunks.emplace_back();
    }
    SilverChunk& chunk = plan.chunks.back();
    chunk.rows += rows;
    plan.rows += rows;
    for (; begin < end; ++begin) chunk.files.push_back(std::move(files[begin]));
  }
  if (plan.chunks.empty()) plan.chunks.emplace_back();
  plan.chunks.back().position = metadata_.current_snapshot_id;
  return plan;
}

iceberg::Filter SourceFilter(const SourceSelection& sources) {
  if (sources.empty()) return {};
  iceberg::Predicate predicate{"source", iceberg::Predicate::Op::kIn, {}};
  for (const std::string& source : sources) predicate.values.emplace_back(source);
  return {std::move(predicate)};
}

}  // namespace

Result<SilverPlan> PlanSilver(io::FileSystem& fs, const iceberg::Table& bronze,
                              const SilverPlanRequest& request) {
  const iceberg::TableMetadata& metadata = *bronze.metadata;
  const int64_t current = *metadata.current_snapshot_id;
  const std::optional<int64_t> consumed = request.position.consumed_snapshot;
  const iceberg::Filter filter = SourceFilter(request.sources);
  std::string reason;
  if (consumed) {
    reason =
        request.rescan ? "asked for" : ReasonToReadAgain(request.sources_before, request.sources);
  }
  const bool rescan = request.rescan || !reason.empty();
  if (!rescan && consumed == current) return SilverPlan{};

  if (consumed && !rescan) {
    auto files = iceberg::PlanAppendsBetween(fs, metadata, consumed, current, filter);
    if (files) {
      return Cutter(fs, metadata, filter, consumed)
          .Cut(std::move(files).value(), request.commit_rows);
    }
    const ErrorKind kind = files.error().kind;
    if (kind != ErrorKind::kNotFound && kind != ErrorKind::kUnsupported) {
      return tl::unexpected(std::move(files).error());
    }
    reason = std::move(files).error().message;
  }
  OCTO_ASSIGN(auto files, iceberg::PlanScan(fs, metadata, current, filter));
  OCTO_ASSIGN(
      SilverPlan plan,
      Cutter(fs, metadata, filter, std::nullopt).Cut(std::move(files), request.commit_rows));
  plan.rescan_reason = std::move(reason);
  return plan;
}

}  // namespace octolake::lake
