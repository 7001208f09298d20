#include <algorithm>

#include "model/model_rows.h"
#include "model/model_run.h"

namespace octolake::model {
namespace {

// Each costs a computation of the model. Whoever loses so many in a row computes for longer than
// its neighbours leave between two of their commits, and would go on losing.
constexpr int kMaxLostRaces = 10;

Status CheckNames(const std::vector<std::string>& names, const std::vector<std::string>& known,
                  const std::string& kind) {
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string all;
    for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
    return MakeError(ErrorKind::kInvalidArgument,
                     "no " + kind + " '" + name + "'; there are: " + all);
  }
  return {};
}

std::vector<std::string> ModelNames(const Bundle& bundle) {
  std::vector<std::string> names;
  for (const Model& model : bundle.models) names.push_back(model.relation.name);
  return names;
}

Result<std::vector<const Model*>> Selected(const Bundle& bundle,
                                           const std::vector<std::string>& names) {
  OCTO_TRY(CheckModelNames(bundle, names));
  std::vector<const Model*> models;
  for (const Model& model : bundle.models) {
    const bool wanted =
        names.empty() || std::find(names.begin(), names.end(), model.relation.name) != names.end();
    if (wanted) models.push_back(&model);
  }
  return models;
}

// False if there is no way left.
bool UseLessMemory(const Model& model, RunOptions& options) {
  if (CanSplitFurther(model, options)) {
    options.pass_factor *= 4;
    return true;
  }
  const bool spilled = options.session.spill_always;
  options.session.spill_always = true;
  return !spilled;
}

tl::unexpected<Error> GaveUp(Error last) {
  return WithContext(std::move(last),
                     "gave up after " + std::to_string(kMaxLostRaces) +
                         " races lost in a row to others that commit to its table, and left it as "
                         "it is; run again when they have ended");
}

Result<ModelReport> RunModel(lake::Warehouse& warehouse, const Bundle& bundle, const Model& model,
                             const RunOptions& options, ProgressListener& progress) {
  RunOptions attempt_options = options;
  int lost_races = 0;
  while (true) {
    OCTO_ASSIGN(Plan plan, PlanModel(warehouse, bundle, model, options.full_refresh));
    auto report = ExecutePlan(warehouse, model, plan, attempt_options, progress);
    if (report) return report;
    const ErrorKind kind = report.error().kind;
    if (kind == ErrorKind::kCommitConflict) {
      if (++lost_races == kMaxLostRaces) return GaveUp(std::move(report).error());
      continue;
    }
    if (kind != ErrorKind::kResourceExhausted || !UseLessMemory(model, attempt_options)) {
      return report;
    }
  }
}

}  // namespace

Status CheckModelNames(const Bundle& bundle, const std::vector<std::string>& names) {
  return CheckNames(names, ModelNames(bundle), "model");
}

Status CheckTestNames(const Bundle& bundle, const std::vector<std::string>& names) {
  std::vector<std::string> known = ModelNames(bundle);
  for (const Source& source : bundle.sources) known.push_back(source.relation.name);
  return CheckNames(names, known, "model or source");
}

Status CheckVersions(lake::Warehouse& warehouse, const Bundle& bundle,
                     const std::vector<std::string>& select) {
  OCTO_ASSIGN(const std::vector<const Model*> models, Selected(bundle, select));
  const auto check = [&](const Relation& relation) -> Status {
    const auto table = warehouse.catalog().LoadTable(TableOf(relation, warehouse.namespaces()));
    return table ? lake::CheckVersion(*table) : Status();
  };
  for (const Model* model : models) {
    OCTO_TRY(check(model->relation));
    for (const std::string& unique_id : model->depends_on) {
      OCTO_ASSIGN(const Relation input, FindRelation(bundle, unique_id));
      OCTO_TRY(check(input));
    }
  }
  return {};
}

Result<std::vector<ModelReport>> RunModels(lake::Warehouse& warehouse, const Bundle& bundle,
                                           const RunOptions& options, ProgressListener& progress) {
  OCTO_ASSIGN(std::vector<const Model*> models, Selected(bundle, options.select));
  std::vector<ModelReport> reports;
  for (const Model* model : models) {
    const TimestampMicros start = warehouse.clock().Now();
    if (model->materialization == Materialization::kView) {
      const iceberg::TableIdentifier id = TableOf(model->relation, warehouse.namespaces());
      ModelReport view;
      view.name = id.ToString();
      view.action = ModelReport::Action::kView;
      reports.push_back(std::move(view));
      continue;
    }
    auto report = RunModel(warehouse, bundle, *model, options, progress);
    if (!report) return WithContext(report.error(), "model " + model->relation.name);
    report->seconds = static_cast<double>(warehouse.clock().Now() - start) / 1e6;
    reports.push_back(std::move(*report));
  }
  return reports;
}

}  // namespace octolake::model
