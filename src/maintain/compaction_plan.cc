#include "maintain/compaction_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/civil_time.h"
#include "iceberg/partition_summary.h"

namespace octolake::maintain {
namespace {

using iceberg::Literal;
using iceberg::PartitionField;
using iceberg::ScanTask;
using Kind = iceberg::Transform::Kind;

constexpr int64_t kHoursPerDay = 24;

int64_t Most(const FileSizes& sizes) {
  return sizes.at_most > 0 ? sizes.at_most : MostOfAFile(sizes);
}

// The last day of which a partition field with this value can hold rows; nullopt if that cannot be
// told.
std::optional<int64_t> LastDay(const iceberg::Schema& schema, const PartitionField& field,
                               const std::optional<Literal>& value) {
  if (!value) return std::nullopt;
  const auto* number = std::get_if<int32_t>(&*value);
  if (number == nullptr) return std::nullopt;
  if (field.transform.kind == Kind::kDay) return *number;
  if (field.transform.kind == Kind::kHour) return FloorDiv(*number, kHoursPerDay);
  const iceberg::Field* source = schema.FindById(field.source_id);
  const bool is_date = source != nullptr && source->type->id == iceberg::TypeId::kDate;
  if (field.transform.kind == Kind::kIdentity && is_date) return *number;
  return std::nullopt;
}

bool IsTooOld(const iceberg::TableMetadata& metadata, const CompactionGroup& group,
              int64_t first_day) {
  const iceberg::PartitionSpec* spec = metadata.FindSpec(group.spec_id);
  if (spec == nullptr) return false;
  for (size_t i = 0; i < spec->fields.size() && i < group.partition.size(); ++i) {
    const auto day = LastDay(metadata.CurrentSchema(), spec->fields[i], group.partition[i]);
    if (day && *day < first_day) return true;
  }
  return false;
}

void Add(ScanTask file, CompactionGroup& group) {
  group.bytes += file.file.file_size_in_bytes;
  group.rows += file.file.record_count;
  group.files.push_back(std::move(file));
}

// Leaves out files that outweigh all smaller ones together, and those that are to be divided; but
// none of which rows are deleted.
void KeepTier(CompactionGroup& group, const FileSizes& file_sizes) {
  std::vector<int64_t> sizes;
  int64_t smaller = 0;
  for (const ScanTask& task : group.files) {
    const int64_t bytes = task.file.file_size_in_bytes;
    if (!task.deletes.empty() || bytes > Most(file_sizes)) continue;
    sizes.push_back(bytes);
    smaller += bytes;
  }
  std::sort(sizes.begin(), sizes.end());
  while (!sizes.empty()) {
    smaller -= sizes.back();
    if (sizes.back() <= smaller || sizes.size() == 1) break;
    sizes.pop_back();
  }
  const int64_t largest = sizes.empty() ? 0 : sizes.back();  // of those kept
  CompactionGroup kept{group.spec_id, group.partition, {}, 0, 0};
  for (ScanTask& task : group.files) {
    const bool keep = !task.deletes.empty() || task.file.file_size_in_bytes <= largest;
    if (keep) Add(std::move(task), kept);
  }
  group = std::move(kept);
}

bool IsWorthIt(const CompactionGroup& group, const CompactionScope& scope) {
  if (scope.all_files) return true;
  const bool any_at_once =
      std::any_of(group.files.begin(), group.files.end(), [&](const auto& task) {
        // A single row cannot be divided.
        const bool splits =
            task.file.file_size_in_bytes > Most(scope.sizes) && task.file.record_count > 1;
        return splits || !task.deletes.empty();
      });
  if (any_at_once) return true;
  const auto count = std::ssize(group.files);
  return count >= 2 && (count >= scope.min_input_files || group.bytes >= scope.sizes.target);
}

// Parts of neighbouring files, each of at most so many bytes but for a single larger file.
std::vector<CompactionGroup> Divide(CompactionGroup group, int64_t max_bytes) {
  std::vector<CompactionGroup> parts;
  for (ScanTask& file : group.files) {
    const int64_t bytes = file.file.file_size_in_bytes;
    if (parts.empty() || (parts.back().bytes > 0 && parts.back().bytes + bytes > max_bytes)) {
      parts.push_back({group.spec_id, group.partition, {}, 0, 0});
    }
    Add(std::move(file), parts.back());
  }
  return parts;
}

// Parts of neighbouring files, each of which becomes a file of about the same size. Files larger
// than that are parts of their own.
std::vector<CompactionGroup> DivideEvenly(CompactionGroup group, const FileSizes& sizes) {
  const int64_t count = std::max<int64_t>(1, (group.bytes + sizes.target / 2) / sizes.target);
  std::vector<CompactionGroup> parts;
  int64_t done = 0;
  for (ScanTask& file : group.files) {
    const int64_t bytes = file.file.file_size_in_bytes;
    // Where the current part should end, so that what one has too much the next has less.
    const double end = static_cast<double>(group.bytes) * static_cast<double>(parts.size()) /
                       static_cast<double>(count);
    const bool full = parts.empty() || static_cast<double>(done) >= end ||
                      parts.back().bytes + bytes > MostOfAFile(sizes);
    if (full) parts.push_back({group.spec_id, group.partition, {}, 0, 0});
    done += bytes;
    Add(std::move(file), parts.back());
  }
  return parts;
}

}  // namespace

int64_t SmallBelow(const FileSizes& sizes) {
  return sizes.at_least > 0 ? sizes.at_least : sizes.target * 3 / 4;
}

Result<std::vector<CompactionGroup>> PlanCompaction(const iceberg::TableMetadata& metadata,
                                                    std::vector<ScanTask> files,
                                                    const CompactionScope& scope, int64_t today) {
  if (scope.sizes.target <= 0 || SmallBelow(scope.sizes) > scope.sizes.target ||
      Most(scope.sizes) < scope.sizes.target) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "file sizes of a compaction must be in order: at least " +
                         std::to_string(SmallBelow(scope.sizes)) + ", target " +
                         std::to_string(scope.sizes.target) + ", at most " +
                         std::to_string(Most(scope.sizes)) + " bytes");
  }
  std::map<iceberg::SpecPartition, CompactionGroup> by_partition;
  for (ScanTask& task : files) {
    const int64_t bytes = task.file.file_size_in_bytes;
    const bool wanted = scope.all_files || !task.deletes.empty() ||
                        bytes < SmallBelow(scope.sizes) || bytes > Most(scope.sizes);
    if (!wanted) continue;
    CompactionGroup& group = by_partition[{task.file.spec_id, task.file.partition}];
    group.spec_id = task.file.spec_id;
    group.partition = task.file.partition;
    Add(std::move(task), group);
  }
  std::vector<CompactionGroup> groups;
  for (auto& [partition, group] : by_partition) {
    if (scope.days_back && IsTooOld(metadata, group, today - *scope.days_back)) continue;
    if (scope.by_tiers) KeepTier(group, scope.sizes);
    if (!IsWorthIt(group, scope) || (scope.pays && !scope.pays(group))) continue;
    auto parts = scope.file_by_file ? DivideEvenly(std::move(group), scope.sizes)
                                    : Divide(std::move(group), scope.max_group_bytes);
    for (CompactionGroup& part : parts) {
      // What is left over of a divided group may be a single file, which needs no rewriting.
      if (part.files.size() > 1 || IsWorthIt(part, scope)) groups.push_back(std::move(part));
    }
  }
  return groups;
}

}  // namespace octolake::maintain
