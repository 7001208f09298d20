#include "model/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "lake/definitions.h"
#include "lake/table_docs.h"

namespace octolake::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bundle Embedded() {
  Result<Bundle> bundle = ParseBundle(EmbeddedBundleJson());
  if (!bundle) ADD_FAILURE() << bundle.error().message;
  return bundle.value_or(Bundle{});
}

// A bundle with one model, into which `members` are put.
std::string OneModel(const std::string& members) {
  return R"({"version": 1, "sources": [], "tests": [], "models": [{"unique_id": "model.o.m",
    "name": "m", "schema": "gold", "relation_name": "\"demo\".\"gold\".\"m\"",
    "columns": [{"name": "d", "type": "DATE"}, {"name": "n", "type": "BIGINT"}],
    "full_sql": "SELECT 1", "depends_on": [], )" +
         members + "}]}";
}

std::vector<std::string> RequiredColumns(const Model& model) {
  std::vector<std::string> names;
  for (const Column& column : model.columns) {
    if (column.required) names.push_back(column.name);
  }
  return names;
}

TEST(Bundle, HoldsTheModelsInOrder) {
  const Bundle bundle = Embedded();
  ASSERT_EQ(bundle.models.size(), 2u);
  EXPECT_EQ(bundle.models[0].relation.name, "silver_github_events");
  EXPECT_EQ(bundle.models[0].strategy, IncrementalStrategy::kAppend);
  EXPECT_EQ(bundle.models[1].relation.name, "gold_user_activity");
  EXPECT_EQ(bundle.models[1].strategy, IncrementalStrategy::kReplaceRows);
  EXPECT_THAT(bundle.models[1].unique_key, ElementsAre("actor_key", "activity_date"));
  EXPECT_EQ(bundle.models[1].split_by.size(), 2u);
  EXPECT_THAT(bundle.models[1].depends_on, ElementsAre("model.octolake.silver_github_events"));
}

TEST(Bundle, KeyColumnsAreRequired) {
  const Bundle bundle = Embedded();
  EXPECT_THAT(RequiredColumns(bundle.models.at(0)),
              ElementsAre("event_id", "event_key", "event_type", "created_at", "event_date",
                          "activity_score"));
  EXPECT_THAT(RequiredColumns(bundle.models.at(1)),
              ElementsAre("activity_date", "total_events", "actor_key"));
}

TEST(Bundle, SourcesAreTheTablesThatTheLakeDefines) {
  const Bundle bundle = Embedded();
  const lake::Namespaces namespaces;
  const std::vector<std::pair<iceberg::TableIdentifier, iceberg::NewTable>> tables = {
      {lake::BronzeEvents(namespaces), lake::BronzeEventsDefinition()},
      {lake::ParsedEvents(namespaces), lake::ParsedEventsDefinition()}};
  ASSERT_EQ(bundle.sources.size(), tables.size());
  for (size_t i = 0; i < tables.size(); ++i) {
    Model as_model;  // the types of a source's columns, by way of a model's table
    as_model.columns = bundle.sources[i].columns;
    Result<iceberg::NewTable> declared = ModelTable(as_model);
    ASSERT_TRUE(declared) << declared.error().message;
    EXPECT_EQ(bundle.sources[i].relation.name, tables[i].first.name);
    const auto& defined = tables[i].second.schema.fields;
    ASSERT_EQ(declared->schema.fields.size(), defined.size()) << tables[i].first.ToString();
    for (size_t column = 0; column < defined.size(); ++column) {
      EXPECT_EQ(declared->schema.fields[column].name, defined[column].name);
      EXPECT_EQ(*declared->schema.fields[column].type, *defined[column].type)
          << tables[i].first.ToString() << '.' << defined[column].name;
    }
  }
}

TEST(Bundle, BronzeHasFreshnessLimits) {
  const Bundle bundle = Embedded();
  const Source* bronze = bundle.FindSource("source.octolake.bronze.github_events");
  ASSERT_NE(bronze, nullptr);
  ASSERT_TRUE(bronze->freshness);
  EXPECT_EQ(bronze->freshness->loaded_at_field, "ingestion_timestamp");
  EXPECT_EQ(bronze->freshness->warn_after_seconds, 2 * 3600);
  EXPECT_EQ(bronze->freshness->error_after_seconds, 6 * 3600);
}

TEST(Bundle, RefusesWhatItDoesNotKnow) {
  const auto message = [](const std::string& json) {
    Result<Bundle> bundle = ParseBundle(json);
    return bundle ? std::string("accepted") : bundle.error().message;
  };
  EXPECT_THAT(message("{"), HasSubstr("compiled dbt project"));
  EXPECT_THAT(message(R"({"version": 2})"), HasSubstr("version 2"));
  EXPECT_THAT(message(R"({"version": 1})"), HasSubstr("models"));
  EXPECT_THAT(message(OneModel(R"("materialized": "ephemeral")")), HasSubstr("'ephemeral'"));
  EXPECT_THAT(message(OneModel(R"("materialized": "incremental", "strategy": "merge")")),
              HasSubstr("'merge'"));
  EXPECT_EQ(message(OneModel(R"("materialized": "view")")), "accepted");
}

TEST(ModelTable, NumbersFieldsAndPartitions) {
  Result<Bundle> bundle = ParseBundle(OneModel(
      R"("materialized": "table", "partition_by": [{"column": "d", "transform": "month"}])"));
  ASSERT_TRUE(bundle) << bundle.error().message;
  Result<iceberg::NewTable> table = ModelTable(bundle->models.at(0));
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(table->schema.fields.size(), 2u);
  EXPECT_EQ(table->schema.fields[1].id, 2);
  EXPECT_EQ(table->schema.fields[1].type->id, iceberg::TypeId::kLong);
  ASSERT_EQ(table->spec.fields.size(), 1u);
  EXPECT_EQ(table->spec.fields[0].name, "d_month");
  EXPECT_EQ(table->spec.fields[0].field_id, 1000);
}

TEST(ModelTable, NamesTheColumnThatHasNoType) {
  Model model;
  model.relation.name = "m";
  model.columns = {{"x", "HUGEINT", "", false}};
  Result<iceberg::NewTable> table = ModelTable(model);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(table.error().message, HasSubstr("column x: type HUGEINT"));
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// dbt on Spark creates the models' tables by itself, and has what octolake gives them by hand.
TEST(TablesOfDbt, HaveThePropertiesOfOctolakes) {
  const std::string path = std::string(OCTOLAKE_SOURCE_DIR) + "/dbt/macros/spark_incremental.sql";
  const std::string macros = TextOf(path);
  const size_t begin = macros.find("{% macro octolake_table_properties() %}");
  ASSERT_NE(begin, std::string::npos) << path;
  const std::string macro = macros.substr(begin, macros.find("{% endmacro %}", begin) - begin);
  const std::regex pair("'([^']+)': '([^']*)'");
  iceberg::Properties found;
  for (std::sregex_iterator at(macro.begin(), macro.end(), pair), end; at != end; ++at) {
    found[(*at)[1]] = (*at)[2];
  }
  EXPECT_EQ(found, lake::CommonTableProperties()) << path;
}

// With OCTOLAKE_UPDATE_DOCS set the file is written instead of compared.
TEST(TableDocs, CommittedDocumentIsThatOfTheDefinitions) {
  std::vector<lake::DescribedTable> tables = lake::DescribeTables();
  for (const Model& model : Embedded().models) {
    Result<iceberg::NewTable> definition = ModelTable(model);
    ASSERT_TRUE(definition) << definition.error().message;
    definition->properties = lake::CommonTableProperties();
    tables.push_back(
        {model.relation.layer + "." + model.relation.name, model.description, *definition});
  }
  const std::string path = std::string(OCTOLAKE_SOURCE_DIR) + "/docs/formats/tables.md";
  const std::string document = lake::TablesDocument(tables);
  if (std::getenv("OCTOLAKE_UPDATE_DOCS") != nullptr) {
    std::ofstream(path, std::ios::binary) << document;
  }
  EXPECT_EQ(TextOf(path), document) << path << ": run model_test with OCTOLAKE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace octolake::model
