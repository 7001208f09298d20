#include "lake/definitions.h"

#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datafile/arrow_schema.h"
#include "event/event_reader.h"
#include "lake/table_docs.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> RequiredColumns(const iceberg::NewTable& table) {
  std::vector<std::string> names;
  for (const auto& field : table.schema.fields) {
    if (field.required) names.push_back(field.name);
  }
  return names;
}

void ExpectSameColumns(const iceberg::NewTable& table, const arrow::Schema& expected) {
  const auto made = datafile::ToArrowSchema(table.schema);
  ASSERT_TRUE(made) << made.error().message;
  constexpr bool kCheckMetadata = false;
  EXPECT_TRUE((*made)->Equals(expected, kCheckMetadata))
      << (*made)->ToString() << "\n--- expected\n"
      << expected.ToString();
}

TEST(Definitions, BronzeHasTheColumnsThatTheEventReaderMakes) {
  ExpectSameColumns(BronzeEventsDefinition(), *event::EventSchema());
  ExpectSameColumns(RejectedEventsDefinition(), *event::RejectedSchema());
}

TEST(Definitions, FieldIdsCountUpAndEveryColumnIsDocumented) {
  for (const DescribedTable& table : DescribeTables()) {
    int32_t id = 0;
    for (const auto& field : table.definition.schema.fields) {
      EXPECT_EQ(field.id, ++id) << table.name;
      EXPECT_TRUE(field.doc.ends_with('.')) << table.name << '.' << field.name;
    }
  }
}

TEST(Definitions, OnlyTheKeysOfSilverAreRequired) {
  EXPECT_THAT(RequiredColumns(ParsedEventsDefinition()),
              ElementsAre("event_id", "event_type", "created_at", "processed_at", "event_key"));
  EXPECT_THAT(RequiredColumns(BronzeEventsDefinition()), ElementsAre());
  EXPECT_THAT(RequiredColumns(RejectedEventsDefinition()), ElementsAre());
  EXPECT_THAT(RequiredColumns(LoadedFilesDefinition()), ElementsAre());
}

TEST(Definitions, Partitions) {
  const auto partition = [](const iceberg::NewTable& table) {
    const auto& field = table.spec.fields.at(0);
    return table.schema.FindById(field.source_id)->name + ":" + field.transform.ToString() + ":" +
           field.name + ":" + std::to_string(field.field_id);
  };
  EXPECT_EQ(partition(BronzeEventsDefinition()), "ingestion_date:identity:ingestion_date:1000");
  EXPECT_EQ(partition(LoadedFilesDefinition()), "ingestion_date:identity:ingestion_date:1000");
  EXPECT_EQ(partition(RejectedEventsDefinition()), "received:day:received_day:1000");
  EXPECT_EQ(partition(ParsedEventsDefinition()), "created_at:day:created_at_day:1000");
}

TEST(Definitions, MetadataStaysSmall) {
  for (const DescribedTable& table : DescribeTables()) {
    const auto& properties = table.definition.properties;
    EXPECT_EQ(properties.at("write.metadata.delete-after-commit.enabled"), "true") << table.name;
    EXPECT_EQ(properties.at("write.metadata.previous-versions-max"), "50") << table.name;
    EXPECT_EQ(properties.at("write.parquet.compression-codec"), "zstd") << table.name;
    EXPECT_EQ(properties.at("octolake.definition-version"), "1") << table.name;
  }
  EXPECT_EQ(BronzeEventsDefinition().properties.at("write.metadata.metrics.column.payload"),
            "counts");
}

TEST(Definitions, NamespacesAreConfigurable) {
  Namespaces namespaces;
  namespaces.bronze = "raw";
  namespaces.silver = "clean";
  EXPECT_EQ(BronzeEvents(namespaces).ToString(), "raw.github_events");
  EXPECT_EQ(RejectedEvents(namespaces).ToString(), "raw.rejected_events");
  EXPECT_EQ(LoadedFiles(namespaces).ToString(), "raw.loaded_files");
  EXPECT_EQ(ParsedEvents(namespaces).ToString(), "clean.github_events_parsed");
}

}  // namespace
}  // namespace octolake::lake
