#include "sql/filter_probe.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "sql/pushed_filter.h"
#include "sql/relation_sql.h"

namespace octolake::sql {
namespace {

using Json = nlohmann::json;

// Plans are small; their making takes no more.
constexpr int64_t kMemoryBytes = int64_t{64} << 20;
// A plan nests a few levels for each join and subquery; a deeper one is left alone.
constexpr int kMaxPlanDepth = 500;

Status RunToEnd(Session& session, const std::string& sql) {
  OCTO_ASSIGN(auto stream, session.Query(sql));
  while (true) {
    OCTO_ASSIGN(auto batch, stream->Next());
    if (batch == nullptr) return {};
  }
}

std::string QualifiedSchema(const RelationName& name) {
  return QuoteIdentifier(name.catalog) + "." + QuoteIdentifier(name.name_space);
}

tl::unexpected<Error> StrangePlan(const std::string& what) {
  return MakeError(ErrorKind::kUnsupported, "a plan of DuckDB's has " + what);
}

// EXPLAIN gives rows of (kind of plan, text).
Result<std::string> PlanText(Session& session, const std::string& statement) {
  OCTO_ASSIGN(auto stream, session.Query("EXPLAIN (FORMAT json) " + statement));
  OCTO_ASSIGN(auto batch, stream->Next());
  if (batch == nullptr || batch->num_rows() != 1 || batch->num_columns() != 2 ||
      batch->column(1)->type_id() != arrow::Type::STRING) {
    return StrangePlan("no text");
  }
  return static_cast<const arrow::StringArray&>(*batch->column(1)).GetString(0);
}

// A member's text, or texts; DuckDB puts a single one there without a list.
std::vector<std::string> Texts(const Json& node, const char* key) {
  std::vector<std::string> texts;
  const auto found = node.find(key);
  if (found == node.end()) return texts;
  if (found->is_string()) texts.push_back(found->get<std::string>());
  if (!found->is_array()) return texts;
  for (const Json& item : *found) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

class PlanReader {
 public:
  explicit PlanReader(const std::map<std::string, iceberg::Schema>& tables) : tables_(tables) {}

  Status Read(const Json& node, int depth = 0) {
    if (depth > kMaxPlanDepth) return StrangePlan("too many levels");
    if (!node.is_object()) return StrangePlan("something else than an operator in it");
    const auto info = node.find("extra_info");
    if (info != node.end() && info->is_object()) ReadScan(*info);
    const auto children = node.find("children");
    if (children == node.end()) return {};
    if (!children->is_array()) return StrangePlan("an operator whose inputs are no list");
    for (const Json& child : *children) OCTO_TRY(Read(child, depth + 1));
    return {};
  }

  std::map<std::string, FiltersOfScans> filters;

 private:
  void ReadScan(const Json& info) {
    for (std::string name : Texts(info, "Table")) {
      std::erase(name, '"');  // keywords are quoted
      const auto table = tables_.find(name);
      if (table == tables_.end()) continue;
      iceberg::Filter& filter = filters[name].emplace_back();
      for (const std::string& text : Texts(info, "Filters")) {
        for (auto& predicate : ParsePushedFilter(text, table->second)) {
          filter.push_back(std::move(predicate));
        }
      }
    }
  }

  const std::map<std::string, iceberg::Schema>& tables_;
};

}  // namespace

Result<std::unique_ptr<FilterProbe>> FilterProbe::Open() {
  SessionOptions options;
  options.memory_limit_bytes = kMemoryBytes;
  options.threads = 1;
  OCTO_ASSIGN(auto session, OpenSession(options));
  // The first would conclude from the tables' emptiness, the second reads a table twice and
  // shows the conditions at one of the places.
  OCTO_TRY(RunToEnd(
      *session, "SET GLOBAL disabled_optimizers = 'statistics_propagation,late_materialization'"));
  return std::unique_ptr<FilterProbe>(new FilterProbe(std::move(session)));
}

std::string FilterProbe::PlanName(const RelationName& name, const iceberg::Schema& schema) {
  for (const std::string& part : {name.catalog, name.name_space, name.name}) {
    if (!IsPlainName(part)) return "";
  }
  for (const iceberg::Field& field : schema.fields) {
    if (!IsPlainName(field.name)) return "";
  }
  return name.catalog + "." + name.name_space + "." + name.name;
}

Status FilterProbe::AddTable(const RelationName& name, const iceberg::Schema& schema) {
  std::string columns;
  for (const iceberg::Field& field : schema.fields) {
    OCTO_ASSIGN(const std::string type, ColumnTypeSql(field));
    columns += (columns.empty() ? "" : ", ") + QuoteIdentifier(field.name) + " " + type;
  }
  OCTO_TRY(session_->UseCatalog(name.catalog));
  OCTO_TRY(RunToEnd(*session_, "CREATE SCHEMA IF NOT EXISTS " + QualifiedSchema(name)));
  OCTO_TRY(RunToEnd(*session_, "CREATE TABLE " + QualifiedSchema(name) + "." +
                                   QuoteIdentifier(name.name) + "(" + columns + ")"));
  const std::string plan_name = PlanName(name, schema);
  if (!plan_name.empty()) tables_[plan_name] = schema;
  return {};
}

Status FilterProbe::AddView(const RelationName& name, const std::string& query) {
  return session_->AddView(name, query);
}

Result<std::map<std::string, FiltersOfScans>> FilterProbe::FiltersOf(const std::string& statement) {
  OCTO_ASSIGN(const std::string text, PlanText(*session_, statement));
  const Json plan = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!plan.is_array()) return StrangePlan("no list of operators");
  PlanReader reader(tables_);
  for (const Json& node : plan) OCTO_TRY(reader.Read(node));
  return std::move(reader.filters);
}

}  // namespace octolake::sql
