#include "lake/definition_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "iceberg/table_metadata.h"
#include "lake/definitions.h"
#include "lake/table_version.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;

TEST(DefinitionJson, HoldsEveryTableAsItIsDefined) {
  const auto json = nlohmann::json::parse(TableDefinitionsJson());
  const std::map<std::string, iceberg::NewTable> definitions = {
      {"bronze.github_events", BronzeEventsDefinition()},
      {"bronze.rejected_events", RejectedEventsDefinition()},
      {"bronze.loaded_files", LoadedFilesDefinition()},
      {"silver.github_events_parsed", ParsedEventsDefinition()},
  };
  std::vector<std::string> names;
  for (const auto& table : json) {
    names.push_back(table.at("role").get<std::string>() + "." +
                    table.at("name").get<std::string>());
    const iceberg::NewTable& defined = definitions.at(names.back());
    const auto schema = iceberg::ParseSchema(table.at("schema").dump());
    ASSERT_TRUE(schema) << schema.error().message;
    EXPECT_EQ(iceberg::SchemaToJson(*schema), iceberg::SchemaToJson(defined.schema));
    EXPECT_EQ(table.at("partition-fields").size(), defined.spec.fields.size());
    EXPECT_EQ(table.at("properties").get<iceberg::Properties>(), defined.properties);
    EXPECT_TRUE(table.at("properties").contains(kDefinitionVersionProperty));
    EXPECT_TRUE(defined.sort_order.fields.empty());
  }
  EXPECT_THAT(names, ElementsAre("bronze.github_events", "bronze.rejected_events",
                                 "bronze.loaded_files", "silver.github_events_parsed"));
}

TEST(DefinitionJson, PartitionFieldsAreNamedAsTablesHaveThem) {
  const auto json = nlohmann::json::parse(TableDefinitionsJson());
  const auto& field = json.at(3).at("partition-fields").at(0);
  EXPECT_EQ(field.at("name"), "created_at_day");
  EXPECT_EQ(field.at("transform"), "day");
  EXPECT_EQ(field.at("source-id"), 3);
  EXPECT_EQ(field.at("field-id"), 1000);
}

}  // namespace
}  // namespace octolake::lake
