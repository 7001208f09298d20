#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/metadata_file.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;

std::vector<int64_t> Times(const TableMetadata& metadata) {
  std::vector<int64_t> times;
  for (const MetadataLogEntry& entry : metadata.metadata_log) times.push_back(entry.timestamp_ms);
  return times;
}

TEST(MetadataLogTest, IsInOrderAlsoWhenAnotherEngineDatedItsMetadataBack) {
  TableMetadata metadata;
  ASSERT_TRUE(ExtendMetadataLog(metadata, {.timestamp_ms = 100, .metadata_file = "a"}));
  ASSERT_TRUE(ExtendMetadataLog(metadata, {.timestamp_ms = 60, .metadata_file = "b"}));
  ASSERT_TRUE(ExtendMetadataLog(metadata, {.timestamp_ms = 120, .metadata_file = "c"}));
  EXPECT_THAT(Times(metadata), ElementsAre(100, 100, 120));
  EXPECT_EQ(metadata.metadata_log[1].metadata_file, "b");
}

TEST(MetadataLogTest, GivesUpTheOldest) {
  TableMetadata metadata;
  metadata.properties["write.metadata.previous-versions-max"] = "2";
  ASSERT_TRUE(ExtendMetadataLog(metadata, {.timestamp_ms = 1, .metadata_file = "a"}));
  ASSERT_TRUE(ExtendMetadataLog(metadata, {.timestamp_ms = 2, .metadata_file = "b"}));
  const auto removed = ExtendMetadataLog(metadata, {.timestamp_ms = 3, .metadata_file = "c"});
  ASSERT_TRUE(removed);
  EXPECT_THAT(*removed, ElementsAre("a"));
  EXPECT_THAT(Times(metadata), ElementsAre(2, 3));
}

}  // namespace
}  // namespace octolake::iceberg
