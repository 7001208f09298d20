#include <algorithm>
#include <memory>
#include <string>

#include "base/sha256.h"
#include "iceberg/history_line.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "model/model_run.h"
#include "model/page_check.h"

namespace octolake::model {
namespace {

using Action = ModelReport::Action;

bool SameColumns(const iceberg::Schema& have, const iceberg::Schema& want) {
  return std::equal(have.fields.begin(), have.fields.end(), want.fields.begin(), want.fields.end(),
                    [](const iceberg::Field& a, const iceberg::Field& b) {
                      return a.name == b.name && *a.type == *b.type;
                    });
}

// "day(event_date), ..."
std::string PartitionText(const iceberg::Schema& schema, const iceberg::PartitionSpec& spec) {
  std::string text;
  for (const iceberg::PartitionField& field : spec.fields) {
    const iceberg::Field* source = schema.FindById(field.source_id);
    const std::string column = source == nullptr ? "a column that is gone" : source->name;
    text += (text.empty() ? "" : ", ") + field.transform.ToString() + "(" + column + ")";
  }
  return text.empty() ? "nothing" : text;
}

// An increment rewrites the partitions of the model: they must be those of the table.
Status CheckPartitions(const iceberg::Table& table, const iceberg::NewTable& definition) {
  const std::string have =
      PartitionText(table.metadata->CurrentSchema(), table.metadata->DefaultSpec());
  const std::string want = PartitionText(definition.schema, definition.spec);
  if (have == want) return {};
  return MakeError(ErrorKind::kUnsupported, "table " + table.identifier.ToString() +
                                                " is partitioned by " + have + ", its model by " +
                                                want +
                                                ": drop the table and run again to build it anew");
}

Status OpenTarget(lake::Warehouse& warehouse, const Model& model, Plan& plan) {
  const iceberg::TableIdentifier id = TableOf(model.relation, warehouse.namespaces());
  OCTO_ASSIGN(iceberg::NewTable definition, ModelTable(model));
  definition.location = warehouse.catalog().DefaultTableLocation(id);
  definition.properties = lake::CommonTableProperties();
  OCTO_ASSIGN(iceberg::Table table,
              iceberg::CreateTableIfMissing(warehouse.catalog(), warehouse.update_context(), id,
                                            definition));
  OCTO_TRY(lake::CheckVersion(table));
  OCTO_TRY(CheckPartitions(table, definition));
  lake::TableDefinition target{std::move(definition), {}};
  if (SameColumns(table.metadata->CurrentSchema(), target.table.schema)) {
    OCTO_ASSIGN(plan.target, lake::OpenForWriting(warehouse, std::move(table), target));
    return {};
  }
  auto evolved = std::make_shared<iceberg::TableMetadata>(*table.metadata);
  OCTO_TRY(lake::UpgradeTable(id, target, lake::kRowsAreReplaced)
               ->Apply(warehouse.update_context(), *evolved));
  table.metadata = std::move(evolved);
  plan.target = std::move(table);
  plan.new_columns = std::move(target);
  return {};
}

bool ReadsChangesOf(const Model& model, const Relation& relation) {
  const sql::RelationName name = ChangesName(relation);
  const std::string text =
      sql::QuoteIdentifier(name.name_space) + "." + sql::QuoteIdentifier(name.name);
  return model.incremental_sql.find(text) != std::string::npos;
}

// Adds what `unique_id` stands for: a table, or a view and all that it reads.
Status AddInput(lake::Warehouse& warehouse, const Bundle& bundle, const Model& model,
                const std::string& unique_id, Plan& plan) {
  const Model* view = bundle.FindModel(unique_id);
  if (view != nullptr && view->materialization == Materialization::kView) {
    if (std::find(plan.views.begin(), plan.views.end(), view) != plan.views.end()) return {};
    for (const std::string& id : view->depends_on) {
      OCTO_TRY(AddInput(warehouse, bundle, model, id, plan));
    }
    plan.views.push_back(view);
    return {};
  }
  Input input;
  OCTO_ASSIGN(input.relation, FindRelation(bundle, unique_id));
  const bool known = std::any_of(plan.inputs.begin(), plan.inputs.end(), [&](const Input& other) {
    return other.relation == input.relation;
  });
  if (known) return {};
  const iceberg::TableIdentifier id = TableOf(input.relation, warehouse.namespaces());
  OCTO_ASSIGN(input.table, LoadInput(warehouse, id));
  input.tracked = ReadsChangesOf(model, input.relation);
  if (input.tracked) {
    OCTO_ASSIGN(input.position, lake::ReadPosition(plan.target, id));
  }
  plan.inputs.push_back(std::move(input));
  return {};
}

// The position stays where it is when somebody rolls the table back, but the rows are gone. Empty
// if they are there.
std::string LostRowsReason(const iceberg::Table& target, const Input& input) {
  const std::string name = target.identifier.ToString();
  const std::string source = input.table.identifier.ToString();
  const auto tagged = input.position.tagged_snapshot;
  switch (tagged ? iceberg::CurrentCameFrom(*target.metadata, *tagged) : iceberg::Descent::kNo) {
    case iceberg::Descent::kYes:
      return "";
    case iceberg::Descent::kNo:
      return name + " was rolled back behind what it had of " + source;
    case iceberg::Descent::kUnknown:
      break;
  }
  return "snapshots of " + name + " after what it had of " + source +
         " have expired, so that it may have been rolled back behind that";
}

// Why the model cannot be run incrementally; empty if it can. Fills in what was appended.
Result<std::string> FullRefreshReason(lake::Warehouse& warehouse, const Model& model, Plan& plan) {
  const iceberg::Properties& properties = plan.target.metadata->properties;
  const auto digest = properties.find(kDigestProperty);
  if (digest == properties.end() || digest->second != DefinitionDigest(model)) {
    return "the model's definition changed";
  }
  for (Input& input : plan.inputs) {
    if (!input.tracked) continue;
    const std::string source = input.table.identifier.ToString();
    if (!input.position.consumed_snapshot) return "no position of " + source + " is known";
    std::string lost = LostRowsReason(plan.target, input);
    if (!lost.empty()) return lost;
    const auto current = input.table.metadata->current_snapshot_id;
    if (!current) return source + " has lost its snapshots";
    auto appended = iceberg::PlanAppendsBetween(warehouse.file_system(), *input.table.metadata,
                                                input.position.consumed_snapshot, *current, {});
    if (!appended) {
      const ErrorKind kind = appended.error().kind;
      if (kind != ErrorKind::kNotFound && kind != ErrorKind::kUnsupported) {
        return tl::unexpected<Error>(appended.error());
      }
      return source + ": " + appended.error().message;
    }
    input.appended = std::move(*appended);
  }
  return std::string();
}

bool NothingNew(const Plan& plan) {
  bool tracks_any = false;
  for (const Input& input : plan.inputs) {
    if (!input.tracked) continue;
    tracks_any = true;
    if (input.position.consumed_snapshot != input.table.metadata->current_snapshot_id) return false;
  }
  return tracks_any;
}

}  // namespace

std::string DefinitionDigest(const Model& model) {
  Sha256 digest;
  digest.Update(model.full_sql);
  digest.Update(std::string_view("\0", 1));
  digest.Update(model.incremental_sql);
  return digest.FinishHex().substr(0, 16);
}

Result<Plan> PlanModel(lake::Warehouse& warehouse, const Bundle& bundle, const Model& model,
                       bool full_refresh) {
  Plan plan;
  OCTO_TRY(OpenTarget(warehouse, model, plan));
  for (const std::string& unique_id : model.depends_on) {
    OCTO_TRY(AddInput(warehouse, bundle, model, unique_id, plan));
  }
  plan.action = Action::kFullRefresh;
  if (full_refresh || model.materialization == Materialization::kTable) return plan;

  if (plan.new_columns) {
    plan.reason = "the model's columns changed";
    return plan;
  }
  bool any_rows = false;
  bool first_run = true;
  for (const Input& input : plan.inputs) {
    any_rows = any_rows || input.table.metadata->current_snapshot_id.has_value();
    first_run = first_run && !input.position.tagged_snapshot;
  }
  if (!any_rows) {
    plan.action = Action::kUpToDate;
    return plan;
  }
  if (first_run && !plan.target.metadata->current_snapshot_id) return plan;

  OCTO_ASSIGN(plan.reason, FullRefreshReason(warehouse, model, plan));
  if (!plan.reason.empty()) return plan;
  if (NothingNew(plan)) {
    plan.action = Action::kUpToDate;
    return plan;
  }
  if (model.strategy == IncrementalStrategy::kAppend) {
    plan.action = Action::kAppended;
    return plan;
  }
  OCTO_ASSIGN(plan.reason, DamageOfTarget(warehouse, plan.target));
  if (plan.reason.empty()) plan.action = Action::kOverwritten;
  return plan;
}

}  // namespace octolake::model
