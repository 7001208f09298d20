#include <algorithm>

#include "model/model_run.h"

namespace octolake::model {
namespace {

// A model that loses this many races in a row has a busy neighbour that must be looked at.
constexpr int kMaxAttempts = 10;

Result<std::vector<const Model*>> Selected(const Bundle& bundle,
                                           const std::vector<std::string>& names) {
  std::vector<const Model*> models;
  for (const Model& model : bundle.models) {
    const bool wanted =
        names.empty() || std::find(names.begin(), names.end(), model.relation.name) != names.end();
    if (wanted) models.push_back(&model);
  }
  for (const std::string& name : names) {
    const bool known = std::any_of(models.begin(), models.end(), [&](const Model* model) {
      return model->relation.name == name;
    });
    if (known) continue;
    std::string all;
    for (const Model& model : bundle.models) all += " " + model.relation.name;
    return MakeError(ErrorKind::kInvalidArgument, "no model '" + name + "'; there are:" + all);
  }
  return models;
}

Result<ModelReport> RunModel(lake::Warehouse& warehouse, const Bundle& bundle, const Model& model,
                             const RunOptions& options, ProgressListener& progress) {
  for (int attempt = 1;; ++attempt) {
    OCTO_ASSIGN(Plan plan, PlanModel(warehouse, bundle, model, options.full_refresh));
    auto report = ExecutePlan(warehouse, model, plan, options, progress);
    const bool lost = !report && report.error().kind == ErrorKind::kCommitConflict;
    if (!lost || attempt == kMaxAttempts) return report;
  }
}

}  // namespace

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
