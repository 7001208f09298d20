// A table in memory, partitioned by day, and what tests do with it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/fake_catalog_for_test.h"
#include "iceberg/manifest_io.h"
#include "iceberg/memory_file_system_for_test.h"
#include "iceberg/scan.h"
#include "iceberg/transaction.h"

namespace octolake::iceberg {

// Columns id (long, 1), name (string, 2), day (date, 3), score (double, 4), at (timestamptz, 5).
inline Schema TestSchema() {
  const auto column = [](int32_t id, std::string name, TypePtr type) {
    Field field;
    field.id = id;
    field.name = std::move(name);
    field.type = std::move(type);
    return field;
  };
  Schema schema;
  schema.fields = {column(1, "id", LongType()), column(2, "name", StringType()),
                   column(3, "day", DateType()), column(4, "score", DoubleType()),
                   column(5, "at", TimestamptzType())};
  return schema;
}

inline PartitionSpec DaySpec() {
  return {.fields = {{.source_id = 3, .field_id = 1000, .name = "day", .transform = {}}}};
}

class TestTable {
 public:
  explicit TestTable(Properties properties = {}, PartitionSpec spec = DaySpec(),
                     std::string name = "events")
      : identifier{.name_space = "bronze", .name = std::move(name)} {
    NewTable table;
    table.location = "/warehouse/bronze/" + identifier.name;
    table.schema = TestSchema();
    table.spec = std::move(spec);
    table.properties = std::move(properties);
    const auto created = catalog.Create(identifier, table);
    EXPECT_TRUE(created) << created.error().message;
  }

  UpdateContext Context() { return {.file_system = fs, .clock = clock, .random = random}; }

  template <typename... Updates>
  Result<std::vector<Table>> Commit(Updates... updates) {
    Transaction transaction(catalog, Context());
    (transaction.Add(identifier, std::move(updates)), ...);
    return transaction.Commit();
  }

  // Fails the test unless the commit succeeds; returns the new metadata.
  template <typename... Updates>
  std::shared_ptr<const TableMetadata> MustCommit(Updates... updates) {
    const auto committed = Commit(std::move(updates)...);
    EXPECT_TRUE(committed) << committed.error().message;
    return committed ? committed->front().metadata : Metadata();
  }

  std::shared_ptr<const TableMetadata> Metadata() {
    return catalog.LoadTable(identifier).value().metadata;
  }

  // One row a file unless said otherwise; 100 bytes.
  DataFile File(std::string name, int32_t day, int64_t rows = 1) {
    DataFile file;
    file.file_path = "/warehouse/bronze/events/data/" + std::move(name);
    file.partition = {Literal(day)};
    file.record_count = rows;
    file.file_size_in_bytes = 100;
    return file;
  }

  // The names of a plan's files, in its order.
  static std::vector<std::string> Names(const Result<std::vector<ScanTask>>& tasks) {
    EXPECT_TRUE(tasks) << tasks.error().message;
    std::vector<std::string> names;
    if (!tasks) return names;
    for (const ScanTask& task : *tasks) {
      names.push_back(task.file.file_path.substr(task.file.file_path.rfind('/') + 1));
    }
    return names;
  }

  std::vector<std::string> Live(std::optional<int64_t> snapshot_id = {},
                                const Filter& filter = {}) {
    return Names(PlanScan(fs, *Metadata(), snapshot_id, filter));
  }

  // Manifests and manifest lists that no snapshot names.
  std::vector<std::string> Orphans() {
    std::vector<std::string> orphans;
    const auto metadata = Metadata();
    std::map<std::string, bool> named;
    for (const Snapshot& snapshot : metadata->snapshots) {
      named[snapshot.manifest_list] = true;
      const auto manifests = ReadManifestList(fs, snapshot.manifest_list).value();
      for (const ManifestFile& manifest : manifests) named[manifest.manifest_path] = true;
    }
    const auto files = fs.List(metadata->location + "/metadata").value();
    for (const io::FileInfo& file : files) {
      if (!named.contains(file.location)) orphans.push_back(file.location);
    }
    return orphans;
  }

  TableIdentifier identifier;
  MemoryFileSystem fs;
  ManualClock clock{1'700'000'000'000'000};
  SeededRandom random{42};
  FakeCatalog catalog;
};

}  // namespace octolake::iceberg
