#include "lake/silver_plan.h"

#include <utility>

namespace octolake::lake {
namespace {

// Whether the table's history is complete and only ever added rows: then the files of the current
// snapshot are those its snapshots added, and what lies before one of them can be named by it. A
// rewritten file is newer than some of its rows.
bool OnlyAppended(const iceberg::TableMetadata& metadata) {
  const iceberg::Snapshot* snapshot = metadata.CurrentSnapshot();
  while (snapshot != nullptr) {
    const auto operation = snapshot->summary.find("operation");
    if (operation == snapshot->summary.end() || operation->second != "append") return false;
    if (!snapshot->parent_snapshot_id) return true;
    snapshot = metadata.FindSnapshot(*snapshot->parent_snapshot_id);
  }
  return false;
}

// Cuts where a snapshot's files end. `by_snapshot`: intermediate chunks have a position, unless
// their last snapshot has expired, so that nobody could begin there.
SilverPlan Cut(const iceberg::TableMetadata& metadata, std::vector<iceberg::ScanTask> files,
               int64_t commit_rows, bool by_snapshot, int64_t last_snapshot) {
  SilverPlan plan;
  for (size_t begin = 0; begin < files.size();) {
    size_t end = begin;
    int64_t rows = 0;
    while (end < files.size() && files[end].sequence_number == files[begin].sequence_number) {
      rows += files[end++].file.record_count;
    }
    if (plan.chunks.empty() || plan.chunks.back().rows + rows > commit_rows) {
      plan.chunks.emplace_back();
    }
    SilverChunk& chunk = plan.chunks.back();
    chunk.position.reset();
    if (by_snapshot && metadata.FindSnapshot(files[begin].snapshot_id) != nullptr) {
      chunk.position = files[begin].snapshot_id;
    }
    chunk.rows += rows;
    plan.rows += rows;
    for (; begin < end; ++begin) chunk.files.push_back(std::move(files[begin]));
  }
  if (plan.chunks.empty()) plan.chunks.emplace_back();
  plan.chunks.back().position = last_snapshot;
  return plan;
}

iceberg::Filter SourceFilter(const std::vector<std::string>& sources) {
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
  if (!request.rescan && consumed == current) return SilverPlan{};

  std::string reason;
  if (consumed && !request.rescan) {
    auto files = iceberg::PlanAppendsBetween(fs, metadata, consumed, current, filter);
    if (files) {
      constexpr bool kBySnapshot = true;
      return Cut(metadata, std::move(files).value(), request.commit_rows, kBySnapshot, current);
    }
    const ErrorKind kind = files.error().kind;
    if (kind != ErrorKind::kNotFound && kind != ErrorKind::kUnsupported) {
      return tl::unexpected(std::move(files).error());
    }
    reason = std::move(files).error().message;
  }
  if (consumed && request.rescan) reason = "asked for";
  OCTO_ASSIGN(auto files, iceberg::PlanScan(fs, metadata, current, filter));
  SilverPlan plan =
      Cut(metadata, std::move(files), request.commit_rows, OnlyAppended(metadata), current);
  plan.rescan_reason = std::move(reason);
  return plan;
}

}  // namespace octolake::lake
