#include "model/bundle.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace octolake::model {
namespace {

using nlohmann::json;

// Members of `object` that may be absent or null give the fallback; wrong types throw.
template <typename T>
T Get(const json& object, const char* key, T fallback) {
  auto it = object.find(key);
  return it == object.end() || it->is_null() ? fallback : it->get<T>();
}

std::string Text(const json& object, const char* key) { return object.at(key).get<std::string>(); }

Relation ReadRelation(const json& node) {
  return {Text(node, "unique_id"), Text(node, "schema"), Text(node, "name")};
}

std::vector<Column> ReadColumns(const json& node) {
  std::vector<Column> columns;
  for (const json& column : node.at("columns")) {
    columns.push_back({Text(column, "name"), Text(column, "type"),
                       Get<std::string>(column, "description", ""),
                       Get<bool>(column, "required", false)});
  }
  return columns;
}

Result<Materialization> ReadMaterialization(const std::string& text) {
  if (text == "table") return Materialization::kTable;
  if (text == "incremental") return Materialization::kIncremental;
  if (text == "view") return Materialization::kView;
  return MakeError(ErrorKind::kUnsupported,
                   "materialisation '" + text + "' (known: table, incremental, view)");
}

Result<IncrementalStrategy> ReadStrategy(const std::string& text) {
  if (text == "append") return IncrementalStrategy::kAppend;
  if (text == "replace_rows") return IncrementalStrategy::kReplaceRows;
  return MakeError(ErrorKind::kUnsupported,
                   "incremental strategy '" + text + "' (known: append, replace_rows)");
}

// What replacing rows rests on.
Status CheckReplaceable(const Model& model) {
  for (const PartitionColumn& part : model.partition_by) {
    if (part.transform == "identity") continue;
    return MakeError(ErrorKind::kUnsupported,
                     "model " + model.relation.name + " replaces rows and is partitioned by " +
                         part.transform + "(" + part.column +
                         "); replace_rows needs partitions that are columns (identity)");
  }
  if (!model.partition_by.empty() && !model.unique_key.empty()) return {};
  return MakeError(ErrorKind::kUnsupported, "model " + model.relation.name +
                                                " replaces rows; that needs partition_by and "
                                                "unique_key");
}

Result<Model> ReadModel(const json& node) {
  Model model;
  model.relation = ReadRelation(node);
  model.compiled_name = Text(node, "relation_name");
  OCTO_ASSIGN(model.materialization, ReadMaterialization(Text(node, "materialized")));
  if (model.materialization == Materialization::kIncremental) {
    OCTO_ASSIGN(model.strategy, ReadStrategy(Text(node, "strategy")));
    model.incremental_sql = Text(node, "incremental_sql");
  }
  if (auto it = node.find("partition_by"); it != node.end() && it->is_array()) {
    for (const json& field : *it) {
      model.partition_by.push_back({Text(field, "column"), Text(field, "transform")});
    }
  }
  using Texts = std::vector<std::string>;
  model.unique_key = Get<Texts>(node, "unique_key", {});
  for (const json& split : node.value("split_by", json::array())) {
    model.split_by.push_back({Text(split, "unique_id"), Text(split, "expression")});
  }
  if (model.materialization == Materialization::kIncremental &&
      model.strategy == IncrementalStrategy::kReplaceRows) {
    OCTO_TRY(CheckReplaceable(model));
  }
  model.description = Get<std::string>(node, "description", "");
  model.columns = ReadColumns(node);
  model.full_sql = Text(node, "full_sql");
  model.depends_on = node.at("depends_on").get<std::vector<std::string>>();
  return model;
}

Source ReadSource(const json& node) {
  Source source;
  source.relation = ReadRelation(node);
  source.columns = ReadColumns(node);
  if (auto it = node.find("freshness"); it != node.end() && it->is_object()) {
    Freshness freshness;
    freshness.loaded_at_field = Text(*it, "loaded_at_field");
    auto limit = [&](const char* key) -> std::optional<int64_t> {
      auto value = it->find(key);
      if (value == it->end() || value->is_null()) return std::nullopt;
      return value->get<int64_t>();
    };
    freshness.warn_after_seconds = limit("warn_after_seconds");
    freshness.error_after_seconds = limit("error_after_seconds");
    source.freshness = freshness;
  }
  return source;
}

Result<DataTest> ReadTest(const json& node) {
  DataTest test;
  test.unique_id = Text(node, "unique_id");
  test.name = Text(node, "name");
  test.description = Get<std::string>(node, "description", "");
  const std::string severity = Text(node, "severity");
  if (severity != "warn" && severity != "error") {
    return MakeError(ErrorKind::kUnsupported,
                     "severity '" + severity + "' of test " + test.name + " (known: warn, error)");
  }
  test.severity = severity == "warn" ? Severity::kWarn : Severity::kError;
  test.sql = Text(node, "sql");
  test.fail_calc = Get<std::string>(node, "fail_calc", "count(*)");
  test.warn_if = Get<std::string>(node, "warn_if", "!= 0");
  test.error_if = Get<std::string>(node, "error_if", "!= 0");
  test.depends_on = node.at("depends_on").get<std::vector<std::string>>();
  return test;
}

Result<Bundle> ReadBundle(const json& root) {
  if (root.at("version") != 1) {
    return MakeError(ErrorKind::kUnsupported,
                     "version " + root.at("version").dump() + ", this program reads version 1");
  }
  Bundle bundle;
  for (const json& node : root.at("models")) {
    OCTO_ASSIGN(Model model, ReadModel(node));
    bundle.models.push_back(std::move(model));
  }
  for (const json& node : root.at("sources")) bundle.sources.push_back(ReadSource(node));
  for (const json& node : root.at("tests")) {
    OCTO_ASSIGN(DataTest test, ReadTest(node));
    bundle.tests.push_back(std::move(test));
  }
  return bundle;
}

}  // namespace

const Model* Bundle::FindModel(std::string_view unique_id) const {
  auto it = std::find_if(models.begin(), models.end(),
                         [&](const Model& m) { return m.relation.unique_id == unique_id; });
  return it == models.end() ? nullptr : &*it;
}

const Source* Bundle::FindSource(std::string_view unique_id) const {
  auto it = std::find_if(sources.begin(), sources.end(),
                         [&](const Source& s) { return s.relation.unique_id == unique_id; });
  return it == sources.end() ? nullptr : &*it;
}

Result<Bundle> ParseBundle(std::string_view text) {
  try {
    Result<Bundle> bundle = ReadBundle(json::parse(text));
    if (!bundle) return WithContext(bundle.error(), "compiled dbt project");
    return bundle;
  } catch (const json::exception& e) {
    return MakeError(ErrorKind::kCorruption, std::string("compiled dbt project: ") + e.what());
  }
}

}  // namespace octolake::model
