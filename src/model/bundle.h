// The compiled dbt project: models in topological order, sources and data tests, as the build made
// it (dbt/compile.py) and embedded it in the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/table_metadata.h"

namespace octolake::model {

// A relation as compiled SQL spells it: "demo"."silver"."github_events_parsed". `layer` (the
// compiled schema: bronze, silver or gold) becomes the configured namespace.
struct Relation {
  std::string unique_id;
  std::string layer;
  std::string name;
  bool IsModel() const { return unique_id.starts_with("model."); }  // not a source
  friend bool operator==(const Relation&, const Relation&) = default;
};

struct Column {
  std::string name;
  std::string type;  // DuckDB's name
  std::string description;
  bool required = false;  // a data test says that it is never NULL
};

enum class Materialization { kTable, kIncremental, kView };
// kAppend: the rows are new. kReplaceRows: they take the place of the rows with the same unique
// key, and the partitions in which they stand are written whole.
enum class IncrementalStrategy { kAppend, kReplaceRows };

// A relation by which a model's work can be split: the model's rows for one value of the expression
// need only the relation's rows with that value.
struct SplitBy {
  std::string unique_id;   // of a model, the one itself included, or a source
  std::string expression;  // over the relation's columns, never of a random or session value
};

struct PartitionColumn {
  std::string column;
  std::string transform;  // Iceberg's name
};

struct Model {
  Relation relation;
  std::string compiled_name;  // as compiled SQL spells it, with quotes
  Materialization materialization = Materialization::kTable;
  IncrementalStrategy strategy = IncrementalStrategy::kAppend;
  std::vector<PartitionColumn> partition_by;
  std::vector<std::string> unique_key;
  std::vector<SplitBy> split_by;  // empty: it cannot be split
  std::string description;
  std::vector<Column> columns;
  std::string full_sql;
  std::string incremental_sql;          // empty unless incremental
  std::vector<std::string> depends_on;  // unique ids of models and sources
};

struct Freshness {
  std::string loaded_at_field;
  std::optional<int64_t> warn_after_seconds;
  std::optional<int64_t> error_after_seconds;
};

struct Source {
  Relation relation;
  std::vector<Column> columns;
  std::optional<Freshness> freshness;
};

enum class Severity { kWarn, kError };

struct DataTest {
  std::string unique_id;
  std::string name;
  std::string description;
  Severity severity = Severity::kError;
  std::string sql;        // selects the failing rows
  std::string fail_calc;  // an aggregate over them, "count(*)" by default
  std::string warn_if;    // a comparison of it, "!= 0" by default
  std::string error_if;
  std::vector<std::string> depends_on;
};

struct Bundle {
  std::vector<Model> models;  // each after those it depends on
  std::vector<Source> sources;
  std::vector<DataTest> tests;

  const Model* FindModel(std::string_view unique_id) const;
  const Source* FindSource(std::string_view unique_id) const;
};

// kCorruption, saying where, for anything else than what dbt/compile.py writes.
Result<Bundle> ParseBundle(std::string_view json);
// The JSON of the bundle this program was built with.
std::string_view EmbeddedBundleJson();

// The Iceberg table of a model (not of a view); location is left empty. kUnsupported for a column
// type without an Iceberg counterpart.
Result<iceberg::NewTable> ModelTable(const Model& model);

}  // namespace octolake::model
