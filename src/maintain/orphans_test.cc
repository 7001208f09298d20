#include "maintain/orphans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "iceberg/metadata_file.h"
#include "iceberg/transaction.h"
#include "io/local_file_system.h"
#include "io/write_record.h"
#include "maintain/compaction.h"
#include "maintain/stray_files_for_test.h"

namespace octolake::maintain {
namespace {

namespace fs = std::filesystem;

using lake::BronzeEvents;
using lake::EventLine;
using lake::Must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class OrphansTest : public StrayFilesTest {
 protected:
  void Reopen() {
    lake::WarehouseOptions options;
    options.directory = directory_ + "/warehouse";
    warehouse_ = Must(lake::Warehouse::Open(options, clock_, SystemRandom()));
  }
  // The catalog is a backup from before what is done.
  void ForgetCommits(const std::function<void()>& commit) {
    const std::string catalog = warehouse_->directory() + "/catalog.db";
    warehouse_.reset();
    fs::copy_file(catalog, catalog + ".backup");
    Reopen();
    commit();
    warehouse_.reset();
    fs::rename(catalog + ".backup", catalog);
    Reopen();
  }
};

TEST_F(OrphansTest, TakesOldFilesThatNothingNames) {
  const std::string data = Put(root_ + "/data/ingestion_date=2015-01-01/gone.parquet");
  const std::string metadata = Put(root_ + "/metadata/gone-m0.avro");
  const std::string young = Put(root_ + "/data/young.parquet");
  MakeAllOld();
  MakeOld(young, 2);
  OrphanOptions options;
  options.dry_run = true;
  const OrphanReport planned = Must(Try(options));
  EXPECT_THAT(planned.locations, ElementsAre("file://" + data, "file://" + metadata));
  EXPECT_TRUE(fs::exists(data));
  const OrphanReport report = Must(Try());
  EXPECT_EQ(report.files, 2);
  EXPECT_EQ(report.bytes, 16);
  EXPECT_THAT(report.warnings, IsEmpty());
  EXPECT_FALSE(fs::exists(data));
  EXPECT_FALSE(fs::exists(metadata));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_THAT(Held(), SizeIs(2));
  ExpectWhole();
  EXPECT_EQ(Must(Try()).files, 0);
  // And back again.
  EXPECT_EQ(Must(RestoreOrphans(*warehouse_, BronzeEvents({}))).files, 2);
  EXPECT_TRUE(fs::exists(data));
  EXPECT_TRUE(fs::exists(metadata));
  EXPECT_THAT(Held(), IsEmpty());
}

TEST_F(OrphansTest, FilesOfEverySnapshotAndRefStay) {
  IgnoreProgress progress;
  CompactionOptions options;
  options.scope.min_input_files = 2;
  iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
  transaction.Add(BronzeEvents({}),
                  iceberg::SetTag("release", Bronze().metadata->snapshots[0].snapshot_id));
  Must(transaction.Commit());
  Must(Compact(*warehouse_, BronzeEvents({}), options, {}, progress));
  MakeAllOld();
  EXPECT_EQ(Must(Try()).files, 0);
  ExpectWhole();
}

TEST_F(OrphansTest, FilesOfAProcessThatLivesStay) {
  MakeAllOld();
  const std::string path = Put(root_ + "/data/slow.parquet");
  MakeOld(path);
  {
    io::WriteRecord record(warehouse_->write_records_directory(), "demo", SystemRandom());
    Must(record.Note("file://" + path));
    EXPECT_EQ(Must(Try()).files, 0);
  }
  EXPECT_EQ(Must(Try()).files, 1);
}

TEST_F(OrphansTest, WhatTheDeadWroteDownKeepsNothing) {
  const std::string path = Put(root_ + "/data/dead.parquet");
  MakeAllOld();
  {
    // Kept, for example, for another file that belongs to no table of the catalog.
    io::WriteRecord record(warehouse_->write_records_directory(), "demo", SystemRandom());
    Must(record.Note("file://" + path));
    record.Keep();
  }
  EXPECT_EQ(Must(Try()).files, 1);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(OrphansTest, PrefixesWrittenDifferentlyMeanTheSameFiles) {
  // The same table, named file:/… by one engine and through a link by another.
  fs::create_directory_symlink(warehouse_->directory(), directory_ + "/link");
  iceberg::Table table = Bronze();
  const auto tasks = Must(iceberg::PlanScan(warehouse_->file_system(), *table.metadata, {}, {}));
  std::vector<iceberg::DataFile> files;
  const std::string prefix = "file://" + warehouse_->directory();
  const std::string spellings[] = {"file:" + warehouse_->directory(), directory_ + "/link",
                                   "file://localhost" + directory_ + "/./warehouse/"};
  for (size_t i = 0; i < 3; ++i) {
    files.push_back(tasks[i].file);
    files[i].file_path = spellings[i] + files[i].file_path.substr(prefix.size());
  }
  iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
  transaction.Add(BronzeEvents({}), iceberg::OverwriteAll(files, {}));
  Must(transaction.Commit());
  MakeAllOld();
  const OrphanReport report = Must(Try());
  for (const std::string& location : report.locations) {
    EXPECT_THAT(location, testing::Not(HasSubstr(".parquet")));
  }
  ExpectWhole();
}

TEST_F(OrphansTest, AnUnknownStoreInTheMetadataIsRefused) {
  const auto tasks = Must(iceberg::PlanScan(warehouse_->file_system(), *Bronze().metadata, {}, {}));
  iceberg::DataFile file = tasks[0].file;
  const std::string path = Must(io::LocalPath(file.file_path));
  file.file_path = "hdfs://host/warehouse" + path.substr(warehouse_->directory().size());
  iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
  transaction.Add(BronzeEvents({}), iceberg::AppendFiles({file}, {}));
  Must(transaction.Commit());
  MakeOld(Put(root_ + "/data/gone.parquet"));
  const auto refused = Try();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("hdfs://host/warehouse"));
  OrphanOptions options;
  options.equal_prefixes = {{"hdfs://host/warehouse", warehouse_->directory()}};
  EXPECT_EQ(Must(Try(options)).files, 1);
}

TEST_F(OrphansTest, AStaleMetadataPointerIsRefused) {
  ForgetCommits([&] {
    Load({WriteFile("3.json", EventLine("3", kDay))});
    Load({WriteFile("4.json", EventLine("4", kDay))});
  });
  MakeAllOld();
  const auto refused = Try();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("the catalog may be behind"));
  EXPECT_THAT(Held(), IsEmpty());
}

TEST_F(OrphansTest, WhatOneNewerMetadataFileNamesStays) {
  // Either the last commit is forgotten, or it never took effect: nobody can tell.
  ForgetCommits([&] { Load({WriteFile("3.json", EventLine("3", kDay))}); });
  MakeAllOld();
  MakeOld(Put(root_ + "/data/gone.parquet"));
  const OrphanReport report = Must(Try());
  EXPECT_THAT(report.locations, ElementsAre(HasSubstr("/data/gone.parquet")));
}

TEST_F(OrphansTest, AnotherTableAtTheSamePlaceIsRefused) {
  iceberg::NewTable inner;
  inner.location = "file:" + root_ + "/data/inner";
  inner.schema = Bronze().metadata->CurrentSchema();
  Must(iceberg::CreateTableIfMissing(warehouse_->catalog(), warehouse_->update_context(),
                                     {"other", "inner"}, inner));
  const auto refused = Try();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("table other.inner lies at"));
  EXPECT_FALSE(RemoveOrphans(*warehouse_, {"other", "inner"}, {}, {}));
}

TEST_F(OrphansTest, AnotherCatalogOfTheSameDatabaseIsRefused) {
  lake::WarehouseOptions options;
  options.directory = directory_ + "/warehouse";
  options.catalog_name = "prod";
  auto other = Must(lake::Warehouse::Open(options, clock_, SystemRandom()));
  iceberg::NewTable table;
  table.location = "file://" + root_;
  table.schema = Bronze().metadata->CurrentSchema();
  Must(iceberg::CreateTableIfMissing(other->catalog(), other->update_context(), {"other", "events"},
                                     table));
  MakeOld(Put(root_ + "/data/gone.parquet"));
  const auto refused = Try();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("another catalog in the same database"));
  EXPECT_THAT(Held(), IsEmpty());
}

TEST_F(OrphansTest, APlaceBehindALinkIsTheSamePlace) {
  fs::create_directory_symlink(root_, directory_ + "/link");
  iceberg::NewTable linked;
  linked.location = directory_ + "/link";
  linked.schema = Bronze().metadata->CurrentSchema();
  Must(iceberg::CreateTableIfMissing(warehouse_->catalog(), warehouse_->update_context(),
                                     {"other", "linked"}, linked));
  EXPECT_THAT(Try().error().message, HasSubstr("table other.linked lies at"));
}

TEST_F(OrphansTest, MetadataOfADirectoryCatalogThatIsAheadIsRefused) {
  // Another engine went on with the table as a directory: v9 beside what the catalog knows.
  iceberg::TableMetadata ahead = *Bronze().metadata;
  ahead.last_sequence_number += 5;
  Must(iceberg::WriteMetadataFile(warehouse_->file_system(),
                                  "file://" + root_ + "/metadata/v99.metadata.json", ahead));
  MakeOld(Put(root_ + "/data/gone.parquet"));
  EXPECT_THAT(Try().error().message, HasSubstr("the catalog may be behind"));
}

TEST_F(OrphansTest, TablesThatForbidItAreLeftAlone) {
  iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
  transaction.Add(BronzeEvents({}), iceberg::SetProperties({{"gc.enabled", "false"}}));
  Must(transaction.Commit());
  EXPECT_THAT(Try().error().message, HasSubstr("gc.enabled"));
}

// Files of the time when the clock was ahead are young, however long ago it was; those of when it
// was behind are protected by what names them, as ever.
TEST_F(OrphansTest, AClockThatWasSetTakesNothingAway) {
  const std::string future = Put(root_ + "/data/future.parquet");
  MakeOld(future, -400);
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    if (entry.is_regular_file() && entry.path() != future) MakeOld(entry.path(), 20'000);
  }
  // This program's clock does not matter: ages are told by the store's.
  clock_.Advance(int64_t{400} * kDayMs * 1000);
  const OrphanReport report = Must(Try());
  EXPECT_EQ(report.files, 0);
  EXPECT_TRUE(fs::exists(future));
  ExpectWhole();
}

TEST_F(OrphansTest, YoungerThanADayIsRefused) {
  OrphanOptions options;
  options.older_than_ms = kDayMs - 1;
  EXPECT_EQ(Try(options).error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(OrphansTest, AManifestThatCannotBeReadLeavesEverythingInPlace) {
  MakeOld(Put(root_ + "/data/gone.parquet"));
  const auto list = Must(io::LocalPath(Bronze().metadata->CurrentSnapshot()->manifest_list));
  fs::resize_file(list, 10);
  const auto failed = Try();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(Held(), IsEmpty());
  EXPECT_TRUE(fs::exists(root_ + "/data/gone.parquet"));
}

}  // namespace
}  // namespace octolake::maintain
