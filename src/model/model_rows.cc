#include "model/model_rows.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/relations.h"

namespace octolake::model {
namespace {

using Action = ModelReport::Action;

// Measured with Gold, whose aggregates are wide, where every event makes a row of its own: 1.6 KB
// of DuckDB's memory for each event. The rest is for what else is held at the same time.
constexpr int64_t kMemoryOfRow = 4096;
// A bucket is a scan of the source, and the largest actor is never divided: more do not help.
constexpr int64_t kMaxPasses = 4096;

// Names beside those of the compiled SQL, which are bound to them.
constexpr char kWholeSchema[] = "octolake_whole";
constexpr char kRowsTable[] = "\"demo\".\"octolake_run\".\"rows\"";

std::string Quoted(const sql::RelationName& name) {
  return sql::QuoteIdentifier(name.catalog) + "." + sql::QuoteIdentifier(name.name_space) + "." +
         sql::QuoteIdentifier(name.name);
}

template <typename Items, typename Text>
std::string Joined(const Items& items, Text text) {
  std::string joined;
  for (const auto& item : items) {
    joined += (joined.empty() ? "" : ", ") + sql::QuoteIdentifier(text(item));
  }
  return joined;
}

std::string PartitionColumns(const Model& model) {
  return Joined(model.partition_by, [](const PartitionColumn& part) { return part.column; });
}

// Rows of partitions that are written whole come ordered by partition, so that few files are open.
std::string Ordered(const Model& model, const std::string& query) {
  if (model.partition_by.empty()) return query;
  return "SELECT * FROM (" + query + "\n) AS model_rows ORDER BY " + PartitionColumns(model);
}

bool Appends(const Model& model) {
  return model.materialization == Materialization::kIncremental &&
         model.strategy == IncrementalStrategy::kAppend;
}

// Rows that are appended stream through: one core encodes what the others compute, and a thread of
// DuckDB too many would only wait busily. A model that groups and sorts has all cores until its
// first row.
int SqlThreads(const Model& model, int configured) {
  const int cores = configured > 0
                        ? configured
                        : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return Appends(model) ? std::max(1, cores - 1) : cores;
}

// The relations of one run. Every one is there as a whole; the names of the compiled SQL are views
// of them, of a pass's share where the relation is split.
class Relations {
 public:
  Relations(sql::Session& session, const Model& model) : session_(session), model_(model) {}

  Status AddAll(lake::Warehouse& warehouse, const Plan& plan) {
    // A full form never reads its own table, so a refresh can mend one whose files are damaged.
    if (plan.action != Action::kFullRefresh) {
      OCTO_TRY(AddTable(warehouse, model_.relation, plan.target));
    }
    for (const Input& input : plan.inputs) {
      OCTO_TRY(AddTable(warehouse, input.relation, input.table));
      if (!input.tracked) continue;
      const sql::RelationName changes = ChangesName(input.relation);
      OCTO_TRY(session_.AddRelation(Whole(changes), input.table.metadata->CurrentSchema(),
                                    input.appended));
      bound_.push_back({changes, SplitOf(input.relation)});
    }
    OCTO_TRY(BindPass(0, 1));
    for (const Model* view : plan.views) {
      OCTO_TRY(session_.AddView(CompiledName(view->relation), view->full_sql));
    }
    return {};
  }

  Status BindPass(int64_t pass, int64_t passes) {
    for (const auto& [name, expression] : bound_) {
      std::string query = "SELECT * FROM " + Quoted(Whole(name));
      if (passes > 1 && !expression.empty()) {
        query += " WHERE hash(" + expression + ") % " + std::to_string(passes) + " = " +
                 std::to_string(pass);
      }
      OCTO_TRY(session_.AddView(name, query));
    }
    return {};
  }

  static sql::RelationName Whole(const sql::RelationName& name) {
    return {name.catalog, kWholeSchema, name.name_space + "__" + name.name};
  }

 private:
  Status AddTable(lake::Warehouse& warehouse, const Relation& relation,
                  const iceberg::Table& table) {
    const sql::RelationName name = CompiledName(relation);
    OCTO_TRY(
        AddSnapshot(session_, Whole(name), warehouse, table, table.metadata->current_snapshot_id));
    bound_.push_back({name, SplitOf(relation)});
    return {};
  }

  std::string SplitOf(const Relation& relation) const {
    for (const SplitBy& split : model_.split_by) {
      if (split.unique_id == relation.unique_id) return split.expression;
    }
    return "";
  }

  sql::Session& session_;
  const Model& model_;
  std::vector<std::pair<sql::RelationName, std::string>> bound_;  // and its split expression
};

int64_t RecordCount(const std::vector<iceberg::ScanTask>& tasks) {
  int64_t rows = 0;
  for (const iceberg::ScanTask& task : tasks) rows += task.file.record_count;
  return rows;
}

// Of the split sources: what will be read for certain. An increment also reads the earlier rows of
// what changed; how many is not known before it is done.
Result<int64_t> RowsToRead(lake::Warehouse& warehouse, const Model& model, const Plan& plan) {
  int64_t rows = 0;
  for (const Input& input : plan.inputs) {
    const bool split =
        std::any_of(model.split_by.begin(), model.split_by.end(),
                    [&](const SplitBy& by) { return by.unique_id == input.relation.unique_id; });
    if (!split) continue;
    if (plan.action != Action::kFullRefresh) {
      rows += RecordCount(input.appended);
    } else if (input.table.metadata->current_snapshot_id) {
      OCTO_ASSIGN(auto tasks, iceberg::PlanScan(warehouse.file_system(), *input.table.metadata,
                                                std::nullopt, {}));
      rows += RecordCount(tasks);
    }
  }
  return rows;
}

Result<int64_t> PassCount(lake::Warehouse& warehouse, const Model& model, const Plan& plan,
                          const RunOptions& options) {
  if (model.split_by.empty() || Appends(model)) return 1;
  OCTO_ASSIGN(const int64_t rows, RowsToRead(warehouse, model, plan));
  const int64_t of_pass = options.rows_per_pass > 0
                              ? options.rows_per_pass
                              : options.session.memory_limit_bytes / kMemoryOfRow;
  const int64_t passes = rows / std::max<int64_t>(of_pass, 1) + 1;
  return std::min(passes * options.pass_factor, kMaxPasses);
}

Status Execute(sql::Session& session, const std::string& sql) {
  OCTO_ASSIGN(auto stream, session.Query(sql));
  while (true) {
    OCTO_ASSIGN(const auto batch, stream->Next());
    if (batch == nullptr) return {};
  }
}

// What the passes give, in one table.
Status CollectRows(sql::Session& session, Relations& relations, const std::string& sql,
                   int64_t passes) {
  OCTO_TRY(Execute(session, R"(CREATE SCHEMA "demo"."octolake_run")"));
  for (int64_t pass = 0; pass < passes; ++pass) {
    if (passes > 1) OCTO_TRY(relations.BindPass(pass, passes));
    const std::string into = pass == 0 ? "CREATE TABLE " + std::string(kRowsTable) + " AS "
                                       : "INSERT INTO " + std::string(kRowsTable) + " ";
    OCTO_TRY(Execute(session, into + sql));
  }
  return {};
}

// The collected rows, and the other rows of the partitions in which they stand.
std::string WithKeptRows(const Model& model) {
  const std::string rows = kRowsTable;
  const std::string columns = Joined(model.columns, [](const Column& c) { return c.name; });
  const std::string keys = Joined(model.unique_key, [](const std::string& key) { return key; });
  const std::string partition = PartitionColumns(model);
  return "SELECT " + columns + " FROM " + rows + " UNION ALL SELECT " + columns + " FROM " +
         Quoted(Relations::Whole(CompiledName(model.relation))) +
         " AS kept SEMI JOIN (SELECT DISTINCT " + partition + " FROM " + rows +
         ") AS rewritten USING (" + partition + ") ANTI JOIN " + rows + " AS made USING (" + keys +
         ")";
}

Status CheckColumns(const Model& model, const sql::ResultStream& rows) {
  const arrow::Schema& schema = *rows.schema();
  bool same = static_cast<size_t>(schema.num_fields()) == model.columns.size();
  for (int i = 0; same && i < schema.num_fields(); ++i) {
    same = schema.field(i)->name() == model.columns[i].name &&
           rows.type_names()[i] == model.columns[i].type;
  }
  if (same) return {};
  return MakeError(ErrorKind::kCorruption, "the columns that model " + model.relation.name +
                                               " gives are not those it was compiled with");
}

Result<std::string> Statement(sql::Session& session, Relations& relations, const Model& model,
                              Action action, int64_t passes) {
  if (action == Action::kFullRefresh && passes == 1) {
    return Appends(model) ? model.full_sql : Ordered(model, model.full_sql);
  }
  if (action == Action::kAppended) return model.incremental_sql;
  const bool full = action == Action::kFullRefresh;
  OCTO_TRY(CollectRows(session, relations, full ? model.full_sql : model.incremental_sql, passes));
  return Ordered(model, full ? "SELECT * FROM " + std::string(kRowsTable) : WithKeptRows(model));
}

}  // namespace

bool CanSplitFurther(const Model& model, const RunOptions& options) {
  return !model.split_by.empty() && !Appends(model) && options.pass_factor < kMaxPasses;
}

Result<ModelRows> ComputeRows(lake::Warehouse& warehouse, const Model& model, const Plan& plan,
                              const RunOptions& options) {
  sql::SessionOptions session_options = options.session;
  OCTO_TRY(AllowWarehouse(warehouse, session_options));
  session_options.threads = SqlThreads(model, session_options.threads);
  ModelRows rows;
  OCTO_ASSIGN(rows.session, sql::OpenSession(session_options));
  Relations relations(*rows.session, model);
  OCTO_TRY(relations.AddAll(warehouse, plan));
  OCTO_ASSIGN(const int64_t passes, PassCount(warehouse, model, plan, options));
  OCTO_ASSIGN(const std::string sql,
              Statement(*rows.session, relations, model, plan.action, passes));
  OCTO_ASSIGN(rows.stream, rows.session->Query(sql));
  OCTO_TRY(CheckColumns(model, *rows.stream));
  return rows;
}

}  // namespace octolake::model
