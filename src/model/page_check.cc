#include "model/page_check.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "datafile/file_check.h"
#include "iceberg/scan.h"

namespace octolake::model {
namespace {

using Action = ModelReport::Action;
using ScanTasks = std::vector<iceberg::ScanTask>;

Status CheckFiles(lake::Warehouse& warehouse, const ScanTasks& files) {
  std::set<std::string> known_deletes;
  for (const iceberg::ScanTask& task : files) {
    OCTO_TRY(datafile::CheckPages(warehouse.file_system(), task.file));
    for (const iceberg::DataFile& deletes : task.deletes) {
      if (!known_deletes.insert(deletes.file_path).second) continue;
      OCTO_TRY(datafile::CheckPages(warehouse.file_system(), deletes));
    }
  }
  return {};
}

// Takes out the files of partitions before the first of those of `appended`. The rows from which an
// increment computes a changed row anew are of that row's partition or later ones: files before the
// first partition in which something is new are skipped by its SQL. Files of another partition spec
// may hold anything.
void LeaveOutEarlier(const ScanTasks& appended, ScanTasks& files) {
  if (appended.empty()) return files.clear();
  const iceberg::DataFile& one = appended.front().file;
  if (one.partition.empty()) return;
  auto first = one.partition.front();
  for (const iceberg::ScanTask& task : appended) {
    if (task.file.spec_id != one.spec_id) return;
    first = std::min(first, task.file.partition.front());
  }
  std::erase_if(files, [&](const iceberg::ScanTask& task) {
    return task.file.spec_id == one.spec_id && task.file.partition.front() < first;
  });
}

Result<ScanTasks> FilesToRead(lake::Warehouse& warehouse, const Input& input, Action action) {
  if (input.tracked && action == Action::kAppended) return input.appended;
  const auto snapshot = input.table.metadata->current_snapshot_id;
  if (!snapshot) return ScanTasks{};
  OCTO_ASSIGN(ScanTasks files,
              iceberg::PlanScan(warehouse.file_system(), *input.table.metadata, snapshot, {}));
  if (!input.tracked || action != Action::kOverwritten) return files;
  LeaveOutEarlier(input.appended, files);
  // A file that was new may be rewritten already; it is read all the same.
  std::set<std::string> paths;
  for (const iceberg::ScanTask& task : files) paths.insert(task.file.file_path);
  for (const iceberg::ScanTask& task : input.appended) {
    if (!paths.contains(task.file.file_path)) files.push_back(task);
  }
  return files;
}

}  // namespace

Status CheckInputs(lake::Warehouse& warehouse, const Plan& plan) {
  for (const Input& input : plan.inputs) {
    OCTO_ASSIGN(const ScanTasks files, FilesToRead(warehouse, input, plan.action));
    Status checked = CheckFiles(warehouse, files);
    if (checked) continue;
    Error error = std::move(checked).error();
    if (error.kind == ErrorKind::kCorruption && input.relation.IsModel()) {
      error.message += "; 'octolake run --full-refresh' computes the table anew";
    }
    return WithContext(std::move(error), input.table.identifier.ToString());
  }
  return {};
}

Result<std::string> DamageOfTarget(lake::Warehouse& warehouse, const iceberg::Table& target) {
  const auto snapshot = target.metadata->current_snapshot_id;
  if (!snapshot) return std::string();
  OCTO_ASSIGN(const ScanTasks files,
              iceberg::PlanScan(warehouse.file_system(), *target.metadata, snapshot, {}));
  Status checked = CheckFiles(warehouse, files);
  if (checked) return std::string();
  if (checked.error().kind != ErrorKind::kCorruption) {
    return WithContext(std::move(checked).error(), target.identifier.ToString());
  }
  return std::move(checked).error().message;
}

}  // namespace octolake::model
