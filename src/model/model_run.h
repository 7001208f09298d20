// One model's run: decides between full refresh and increment, executes, commits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/scan.h"
#include "lake/position.h"
#include "lake/table_version.h"
#include "model/relations.h"
#include "model/run.h"

namespace octolake::model {

// A table the model reads, as pinned for this run.
struct Input {
  Relation relation;
  iceberg::Table table;
  // Only of an input that the incremental SQL reads through changes():
  bool tracked = false;
  lake::SourcePosition position;
  std::vector<iceberg::ScanTask> appended;  // since the position
};

// What a run will do, decided from pinned snapshots alone.
struct Plan {
  iceberg::Table target;  // with the columns that will be written
  // The model's columns, if the table has others until the full refresh is committed.
  std::optional<lake::TableDefinition> new_columns;
  std::vector<Input> inputs;
  std::vector<const Model*> views;  // among the inputs, each after those it reads
  ModelReport::Action action = ModelReport::Action::kFullRefresh;
  std::string reason;  // why a full refresh, if it was not asked for
};

Result<Plan> PlanModel(lake::Warehouse& warehouse, const Bundle& bundle, const Model& model,
                       bool full_refresh);

// Executes a plan. kCommitConflict if another commit came first; nothing is left behind then.
Result<ModelReport> ExecutePlan(lake::Warehouse& warehouse, const Model& model, const Plan& plan,
                                const RunOptions& options, ProgressListener& progress);

// A model's definition in one line: a table whose property octolake.model.digest differs was made
// by another definition and is refreshed in full.
std::string DefinitionDigest(const Model& model);
inline constexpr char kDigestProperty[] = "octolake.model.digest";

}  // namespace octolake::model
