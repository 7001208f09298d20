// What the tests of this room share: a warehouse in a temporary directory, files of synthetic
// events, and the rows of tables. For tests only.
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "datafile/file_reader.h"
#include "iceberg/scan.h"
#include "io/local_file_system.h"
#include "lake/definitions.h"
#include "lake/hooked_catalog.h"
#include "lake/load.h"
#include "lake/silver.h"
#include "lake/silver_rows.h"
#include "lake/warehouse.h"

namespace octolake::lake {

// 2026-01-02T03:04:05Z
inline constexpr TimestampMicros kTestNow = 1'767'323'045'000'000;

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  return std::move(result).value();
}

inline void Must(Status status) { ASSERT_TRUE(status) << status.error().message; }

class WarehouseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WarehouseOptions options;
    options.directory = directory_ + "/warehouse";
    warehouse_ = Must(Warehouse::Open(options, clock_, SystemRandom()));
    Must(CreateTables(*warehouse_));
  }

  std::string WriteFile(const std::string& name, const std::string& content) {
    std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  Result<LoadReport> TryLoad(const std::vector<std::string>& paths,
                             const LoadOptions& options = {}) {
    clock_.Advance(1'000'000);
    IgnoreProgress progress;
    return LoadFiles(*warehouse_, paths, options, progress);
  }
  LoadReport Load(const std::vector<std::string>& paths, const LoadOptions& options = {}) {
    return Must(TryLoad(paths, options));
  }
  SilverReport Silver(const SilverOptions& options = {}) {
    clock_.Advance(1'000'000);
    IgnoreProgress progress;
    return Must(RunSilver(*warehouse_, options, progress));
  }

  // Puts a catalog between the warehouse and the real one, which others keep using.
  HookedCatalog& HookCatalog(RandomSource& random = SystemRandom()) {
    others_ = std::move(warehouse_);
    WarehouseOptions options;
    options.directory = others_->directory();
    auto hooked = std::make_unique<HookedCatalog>(others_->catalog());
    HookedCatalog& catalog = *hooked;
    warehouse_ =
        Warehouse::Assemble(options, io::MakeLocalFileSystem(), std::move(hooked), clock_, random);
    return catalog;
  }

  iceberg::Table LoadTable(const iceberg::TableIdentifier& name) {
    return Must(warehouse_->catalog().LoadTable(name));
  }
  iceberg::Table Bronze() { return LoadTable(BronzeEvents({})); }
  iceberg::Table Parsed() { return LoadTable(ParsedEvents({})); }

  // A column's values as texts ("NULL" for NULL), in the order of the files and rows.
  std::vector<std::string> Column(const iceberg::TableIdentifier& name, const std::string& column) {
    const iceberg::Table table = LoadTable(name);
    auto& fs = warehouse_->file_system();
    const auto columns = Must(SelectColumns(table, {column}));
    std::vector<std::string> values;
    for (const auto& task : Must(iceberg::PlanScan(fs, *table.metadata, std::nullopt, {}))) {
      auto reader = Must(datafile::OpenScanTask(fs, task, columns));
      while (const auto batch = Must(reader->Next())) {
        for (int64_t i = 0; i < batch->num_rows(); ++i) {
          const auto& array = *batch->column(0);
          values.push_back(array.IsNull(i) ? "NULL" : array.GetScalar(i).ValueOrDie()->ToString());
        }
      }
    }
    return values;
  }
  int64_t CountRows(const iceberg::TableIdentifier& name) {
    const iceberg::Table table = LoadTable(name);
    int64_t rows = 0;
    for (const auto& task :
         Must(iceberg::PlanScan(warehouse_->file_system(), *table.metadata, std::nullopt, {}))) {
      rows += task.file.record_count;
    }
    return rows;
  }
  // Parquet files on disk below a table, named by a snapshot or not.
  int64_t CountDataFiles(const iceberg::TableIdentifier& name) {
    return static_cast<int64_t>(
        Must(warehouse_->file_system().List(LoadTable(name).metadata->location + "/data")).size());
  }

  const TempDirectory temp_{MemoryDirectory()};
  const std::string directory_ = temp_.path();
  ManualClock clock_{kTestNow};
  std::unique_ptr<Warehouse> others_;  // set by HookCatalog
  std::unique_ptr<Warehouse> warehouse_;
};

// An event of the shape of 2015 and later, as a line.
inline std::string EventLine(const std::string& id, const std::string& created_at,
                             const std::string& payload = "{}",
                             const std::string& type = "WatchEvent") {
  return R"({"id":")" + id + R"(","type":")" + type +
         R"(","actor":{"id":7,"login":"ada","gravatar_id":"","url":"https://a","avatar_url":"https://b"},)"
         R"("repo":{"id":9,"name":"ada/engine","url":"https://r"},"payload":)" +
         payload + R"(,"public":true,"created_at":")" + created_at + "\"}\n";
}

}  // namespace octolake::lake
