#include "iceberg/rewrite_manifests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/partition_summary.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<ManifestFile> Manifests(TestTable& table) {
  return ReadManifestList(table.fs, *table.Metadata()->CurrentSnapshot()).value();
}

std::vector<std::pair<std::string, int64_t>> FilesAndNumbers(TestTable& table) {
  std::vector<std::pair<std::string, int64_t>> files;
  const auto tasks = PlanScan(table.fs, *table.Metadata(), {}, {}).value();
  for (const ScanTask& task : tasks) {
    files.emplace_back(task.file.file_path, task.sequence_number);
  }
  return files;
}

TEST(RewriteManifestsTest, OrdersFilesByPartitionAndKeepsTheirNumbers) {
  TestTable table;
  for (int i = 0; i < 20; ++i) {
    table.MustCommit(AppendFiles({table.File("f" + std::to_string(i), i % 4)}, {}));
  }
  table.MustCommit(OverwritePartitions({{Literal(int32_t{3})}}, {}, {}));
  const auto before = FilesAndNumbers(table);
  ASSERT_THAT(before, SizeIs(15));
  EXPECT_TRUE(ManifestsNeedRewrite(*table.Metadata(), Manifests(table)).value());
  const auto metadata = table.MustCommit(RewriteManifests({{"by", "test"}}));
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("operation"), "replace");
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("total-data-files"), "15");
  const auto manifests = Manifests(table);
  ASSERT_THAT(manifests, SizeIs(1));
  EXPECT_EQ(manifests[0].existing_files_count, 15);
  EXPECT_EQ(manifests[0].added_files_count, 0);
  EXPECT_EQ(manifests[0].min_sequence_number, 1);
  const auto entries = ReadManifest(table.fs, manifests[0], *metadata).value();
  EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.data_file.partition < b.data_file.partition;
  }));
  EXPECT_EQ(FilesAndNumbers(table), before);
  EXPECT_FALSE(ManifestsNeedRewrite(*metadata, manifests).value());
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

TEST(RewriteManifestsTest, SplitsAtTheTargetSize) {
  TestTable table(Properties{{"commit.manifest.target-size-bytes", "6000"}});
  for (int i = 0; i < 30; ++i) {
    std::vector<DataFile> files;
    for (int j = 0; j < 40; ++j) {
      files.push_back(table.File("f" + std::to_string(i) + "-" + std::to_string(j), j));
    }
    table.MustCommit(AppendFiles(std::move(files), {}));
  }
  const auto before = FilesAndNumbers(table);
  table.MustCommit(RewriteManifests({}));
  const auto manifests = Manifests(table);
  int64_t bytes = 0;
  for (const ManifestFile& manifest : manifests) bytes += manifest.manifest_length;
  EXPECT_GE(manifests.size(), 3U);
  EXPECT_LE(manifests.size(), static_cast<size_t>(bytes / 3000));
  // A scan of one day opens one or two of them.
  const auto type = PartitionType(table.Metadata()->CurrentSchema(), DaySpec()).value();
  const auto opened = std::count_if(manifests.begin(), manifests.end(), [&](const auto& manifest) {
    return SummariesMayContain(*type, manifest.partitions, {Literal(int32_t{20})}).value();
  });
  EXPECT_LE(opened, 2);
  EXPECT_EQ(FilesAndNumbers(table), before);
}

TEST(RewriteManifestsTest, KeepsWhatOthersCommitMeanwhile) {
  TestTable table;
  for (int i = 0; i < 5; ++i) {
    table.MustCommit(AppendFiles({table.File("f" + std::to_string(i), i)}, {}));
  }
  table.catalog.before_commit = [&] {
    table.MustCommit(AppendFiles({table.File("late", 9)}, {}));
    // In the second attempt one of the manifests that the first one rewrote is no more.
    table.catalog.before_commit = [&] {
      table.MustCommit(OverwritePartitions({{Literal(int32_t{0})}}, {}, {}));
    };
  };
  table.MustCommit(RewriteManifests({}));
  EXPECT_THAT(table.Live(), ElementsAre("f1", "f2", "f3", "f4", "late"));
  EXPECT_EQ(table.Metadata()->CurrentSnapshot()->summary.at("total-data-files"), "5");
  EXPECT_THAT(table.Orphans(), IsEmpty());
}

}  // namespace
}  // namespace octolake::iceberg
