#include "iceberg/named_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/retention_policy.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(NamedFiles, FindsWhatAnySnapshotNames) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(OverwritePartitions({{Literal(int32_t{1})}}, {table.File("c", 1)}, {}));
  const Table loaded = table.catalog.LoadTable(table.identifier).value();
  ASSERT_EQ(loaded.metadata->snapshots.size(), 2u);
  const std::string data = "/warehouse/bronze/events/data/";
  const std::string first_list = loaded.metadata->snapshots.front().manifest_list;
  const auto manifests = ReadManifestList(table.fs, first_list).value();
  ASSERT_EQ(manifests.size(), 1u);
  const std::string manifest = manifests.front().manifest_path;

  // b is live, a was replaced by c but is of the first snapshot; d is nobody's.
  std::set<std::string> all{data + "a",
                            data + "b",
                            data + "c",
                            first_list,
                            manifest,
                            data + "d",
                            loaded.metadata_location};
  std::set<std::string> expected = all;
  expected.erase(data + "d");
  EXPECT_EQ(NamedFiles(table.fs, loaded, all).value(), expected);
  EXPECT_THAT(NamedFiles(table.fs, loaded, {data + "a"}).value(), ElementsAre(data + "a"));
  EXPECT_TRUE(NamedFiles(table.fs, loaded, {}).value().empty());
}

TEST(NamedFiles, WhatAManifestSaysIsDeletedIsNotNamed) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1), table.File("b", 2)}, {}));
  table.MustCommit(OverwritePartitions({{Literal(int32_t{1})}}, {}, {}));
  Table loaded = table.catalog.LoadTable(table.identifier).value();
  const std::string data = "/warehouse/bronze/events/data/";
  const std::set<std::string> both{data + "a", data + "b"};
  EXPECT_EQ(NamedFiles(table.fs, loaded, both).value(), both);
  // The snapshot that had it goes; the manifest that tells of its end stays.
  TableMetadata metadata = *loaded.metadata;
  RemoveSnapshots(metadata, {metadata.snapshots.front().snapshot_id});
  loaded.metadata = std::make_shared<const TableMetadata>(metadata);
  EXPECT_THAT(NamedFiles(table.fs, loaded, both).value(), ElementsAre(data + "b"));
}

TEST(NamedFiles, FindsOldMetadataAndStatistics) {
  TestTable table;
  Table loaded = table.catalog.LoadTable(table.identifier).value();
  TableMetadata metadata = *loaded.metadata;
  metadata.metadata_log.push_back({.timestamp_ms = 1, .metadata_file = "/m/00000-a.metadata.json"});
  metadata.statistics_json = R"([{"snapshot-id":1,"statistics-path":"/m/one.puffin"}])";
  metadata.partition_statistics_json = R"([{"snapshot-id":1,"statistics-path":"/m/two.puffin"}])";
  loaded.metadata = std::make_shared<const TableMetadata>(metadata);
  EXPECT_THAT(
      NamedFiles(table.fs, loaded,
                 {"/m/00000-a.metadata.json", "/m/one.puffin", "/m/two.puffin", "/m/three.puffin"})
          .value(),
      ElementsAre("/m/00000-a.metadata.json", "/m/one.puffin", "/m/two.puffin"));
}

TEST(NamedFiles, AnUnreadableManifestIsAnError) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  const Table loaded = table.catalog.LoadTable(table.identifier).value();
  const std::string list = loaded.metadata->snapshots.front().manifest_list;
  const std::string manifest = ReadManifestList(table.fs, list).value().front().manifest_path;
  table.fs.Bytes(manifest).resize(10);
  const auto named = NamedFiles(table.fs, loaded, {"/warehouse/bronze/events/data/x"});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(named.error().message, HasSubstr(manifest));
  EXPECT_THAT(named.error().message, HasSubstr("bronze.events"));
}

}  // namespace
}  // namespace octolake::iceberg
