// Several committers on one SQL catalog: every commit takes effect once, in some order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "iceberg/sql_catalog.h"
#include "iceberg/table_for_test.h"
#include "io/local_file_system.h"

namespace octolake::iceberg {
namespace {

constexpr int kCommitters = 3;
constexpr int kCommitsEach = 5;

TEST(ConcurrentCommitsTest, LoseAndDoubleNothing) {
  const TempDirectory temp;
  const std::filesystem::path directory = temp.path();
  const auto fs = io::MakeLocalFileSystem();
  const UpdateContext context{.file_system = *fs, .clock = SystemClock(), .random = SystemRandom()};
  const SqlCatalogOptions options = {.database_path = directory / "catalog.db",
                                     .catalog_name = "demo",
                                     .warehouse_location = directory};
  const TableIdentifier identifier{.name_space = "bronze", .name = "events"};
  const auto catalog = OpenSqlCatalog(options, *fs, SystemClock(), SystemRandom()).value();
  NewTable table;
  table.location = catalog->DefaultTableLocation(identifier);
  table.schema = TestSchema();
  table.spec = DaySpec();
  table.properties = {{"commit.manifest.min-count-to-merge", "4"}};
  ASSERT_TRUE(CreateTableIfMissing(*catalog, context, identifier, table));

  std::atomic<int> failures = 0;
  std::vector<std::thread> committers;
  for (int committer = 0; committer < kCommitters; ++committer) {
    committers.emplace_back([&, committer] {
      const auto own = OpenSqlCatalog(options, *fs, SystemClock(), SystemRandom()).value();
      for (int i = 0; i < kCommitsEach; ++i) {
        DataFile file;
        file.file_path = table.location + "/data/" + std::to_string(committer * 100 + i);
        file.partition = {Literal(i)};
        file.record_count = 1;
        Transaction transaction(*own, context);
        transaction.Add(identifier, AppendFiles({file}, {}));
        if (!transaction.Commit()) ++failures;
      }
    });
  }
  for (std::thread& committer : committers) committer.join();

  EXPECT_EQ(failures, 0);
  const auto metadata = catalog->LoadTable(identifier).value().metadata;
  ASSERT_EQ(metadata->snapshots.size(), static_cast<size_t>(kCommitters * kCommitsEach));
  for (size_t i = 0; i < metadata->snapshots.size(); ++i) {
    EXPECT_EQ(metadata->snapshots[i].sequence_number, static_cast<int64_t>(i + 1));
  }
  const auto tasks = PlanScan(*fs, *metadata, {}, {}).value();
  std::set<std::string> paths;
  for (const ScanTask& task : tasks) paths.insert(task.file.file_path);
  EXPECT_EQ(tasks.size(), static_cast<size_t>(kCommitters * kCommitsEach));
  EXPECT_EQ(paths.size(), tasks.size());
}

}  // namespace
}  // namespace octolake::iceberg
