#include "maintain/orphans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>

#include "iceberg/metadata_file.h"
#include "iceberg/transaction.h"
#include "io/local_file_system.h"
#include "io/write_record.h"
#include "lake/warehouse_for_test.h"
#include "maintain/compaction.h"
#include "maintain/dropped_quarantine.h"
#include "maintain/quarantine.h"

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

constexpr char kDay[] = "2015-01-01T12:00:00Z";
constexpr int64_t kDayMs = int64_t{24} * 3'600'000;

class OrphansTest : public lake::WarehouseTest {
 protected:
  void SetUp() override {
    WarehouseTest::SetUp();
    for (int i = 0; i < 3; ++i) {
      const std::string id = std::to_string(i);
      Load({WriteFile(id + ".json", EventLine(id, kDay))});
    }
    root_ = warehouse_->directory() + "/bronze/github_events";
  }

  std::string Put(const std::string& path, const std::string& content = "nobody's") {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << content;
    return path;
  }
  // The store's clock is the real one.
  static void MakeOld(const std::string& path, int64_t days = 4) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(24 * days));
  }
  void MakeAllOld() {
    for (const auto& entry : fs::recursive_directory_iterator(warehouse_->directory())) {
      if (entry.is_regular_file()) MakeOld(entry.path());
    }
  }
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
  Result<OrphanReport> Try(OrphanOptions options = {}) {
    return RemoveOrphans(*warehouse_, BronzeEvents({}), options, {});
  }
  // Files in quarantine.
  std::vector<std::string> Held() {
    std::vector<std::string> names;
    const std::string quarantine = warehouse_->directory() + "/.quarantine";
    if (!fs::exists(quarantine)) return names;
    for (const auto& entry : fs::recursive_directory_iterator(quarantine)) {
      const std::string name = entry.path().filename();
      if (entry.is_regular_file() && name != "places") names.push_back(name);
    }
    return names;
  }
  // Where a removal at this time would have put a file of the table.
  std::string Away(const std::string& time, const std::string& path) {
    const std::string removal = warehouse_->directory() + "/.quarantine/" +
                                Bronze().metadata->table_uuid + "/" + time + "-x";
    Put(removal + "/places", "table file://" + root_ + "\n");
    std::string away = removal + "/table" + path.substr(root_.size());
    fs::create_directories(fs::path(away).parent_path());
    return away;
  }
  void ExpectWhole() { EXPECT_THAT(Column(BronzeEvents({}), "id"), ElementsAre("0", "1", "2")); }

  std::string root_;
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

TEST_F(OrphansTest, AreRemovedAfterTheQuarantine) {
  MakeAllOld();
  MakeOld(Put(root_ + "/data/gone.parquet"));
  Must(Try());
  OrphanOptions options;
  EXPECT_EQ(Must(Try(options)).removed, 0);
  ASSERT_THAT(Held(), ElementsAre("gone.parquet"));
  options.quarantine_ms = -1;
  EXPECT_EQ(Must(Try(options)).removed, 1);
  EXPECT_THAT(Held(), IsEmpty());
}

TEST_F(OrphansTest, WhatCameToBeNamedComesBackInsteadOfBeingRemoved) {
  // As if another engine had made a file, lain still for days, and then committed.
  const auto tasks = Must(iceberg::PlanScan(warehouse_->file_system(), *Bronze().metadata, {}, {}));
  const std::string path = Must(io::LocalPath(tasks[0].file.file_path));
  fs::rename(path, Away("20200102T030405Z", path));
  const OrphanReport report = Must(Try());
  EXPECT_EQ(report.brought_back, 1);
  EXPECT_EQ(report.removed, 0);
  ExpectWhole();
}

TEST_F(OrphansTest, AFileCommittedWhileItIsMovedComesBack) {
  const auto tasks = Must(iceberg::PlanScan(warehouse_->file_system(), *Bronze().metadata, {}, {}));
  // A slow writer: its file is old before its commit, which comes after the first look.
  iceberg::DataFile late = tasks[0].file;
  const std::string path = root_ + "/data/late.parquet";
  fs::copy_file(Must(io::LocalPath(late.file_path)), path);
  late.file_path = "file://" + path;
  MakeAllOld();
  lake::HookedCatalog& catalog = HookCatalog();
  bool committed = false;
  catalog.before_load = [&] {
    // The first look at the table after files were moved.
    if (committed || fs::exists(path)) return;
    committed = true;
    iceberg::Transaction transaction(others_->catalog(), others_->update_context());
    transaction.Add(BronzeEvents({}), iceberg::AppendFiles({late}, {}));
    Must(transaction.Commit());
  };
  const OrphanReport report = Must(Try());
  EXPECT_EQ(report.brought_back, 1);
  EXPECT_EQ(report.files, 0);
  EXPECT_TRUE(fs::exists(path));
  EXPECT_THAT(Column(BronzeEvents({}), "id"), SizeIs(4));
}

// Local files, but that the first file which says where things were cannot be made.
class FailingAtPlaces final : public io::FileSystem {
 public:
  FailingAtPlaces(Error error, int times) : error_(std::move(error)), times_left_(times) {}
  Result<std::unique_ptr<io::InputFile>> Open(const std::string& location) override {
    return inner_->Open(location);
  }
  Result<std::unique_ptr<io::OutputFile>> CreateNew(const std::string& location) override {
    if (location.ends_with("/places") && times_left_ > 0) {
      --times_left_;
      return tl::unexpected<Error>(error_);
    }
    return inner_->CreateNew(location);
  }
  Result<io::FileInfo> Stat(const std::string& location) override { return inner_->Stat(location); }
  Status Remove(const std::string& location) override { return inner_->Remove(location); }
  Status Move(const std::string& from, const std::string& to) override {
    return inner_->Move(from, to);
  }
  Result<std::vector<io::FileInfo>> List(const std::string& directory) override {
    return inner_->List(directory);
  }

 private:
  const std::unique_ptr<io::FileSystem> inner_ = io::MakeLocalFileSystem();
  const Error error_;
  int times_left_;
};

// Local files; something happens before each move.
class HookedMoves final : public io::FileSystem {
 public:
  explicit HookedMoves(std::function<void()> before_move) : before_move_(std::move(before_move)) {}
  Result<std::unique_ptr<io::InputFile>> Open(const std::string& location) override {
    return inner_->Open(location);
  }
  Result<std::unique_ptr<io::OutputFile>> CreateNew(const std::string& location) override {
    return inner_->CreateNew(location);
  }
  Result<io::FileInfo> Stat(const std::string& location) override { return inner_->Stat(location); }
  Status Remove(const std::string& location) override { return inner_->Remove(location); }
  Status Move(const std::string& from, const std::string& to) override {
    before_move_();
    return inner_->Move(from, to);
  }
  Result<std::vector<io::FileInfo>> List(const std::string& directory) override {
    return inner_->List(directory);
  }

 private:
  const std::unique_ptr<io::FileSystem> inner_ = io::MakeLocalFileSystem();
  const std::function<void()> before_move_;
};

TEST_F(OrphansTest, NobodyTidiesARemovalThatIsUnderWay) {
  const std::string stray = Put(root_ + "/data/x/gone.parquet");
  MakeAllOld();
  lake::WarehouseOptions options;
  options.directory = directory_ + "/warehouse";
  const auto others = Must(lake::Warehouse::Open(options, clock_, SystemRandom()));
  const iceberg::Table bronze = Bronze();
  int tidied = 0;
  auto file_system = std::make_unique<HookedMoves>([&] {
    Quarantine(*others, *bronze.metadata).Tidy();
    ++tidied;
  });
  warehouse_ =
      Must(lake::Warehouse::OpenOn({std::move(file_system), {}}, options, clock_, SystemRandom()));
  EXPECT_EQ(Must(Try()).files, 1);
  EXPECT_EQ(tidied, 1);
  const RestoreReport back = Must(RestoreOrphans(*others, BronzeEvents({})));
  EXPECT_EQ(back.files, 1);
  EXPECT_THAT(back.warnings, IsEmpty());
  EXPECT_TRUE(fs::exists(stray));
}

TEST_F(OrphansTest, WhatIsLeftOfARemovalThatTookNothingGoes) {
  Away("20200102T030405Z", root_ + "/data/x/y.parquet");
  fs::create_directories(warehouse_->directory() + "/.quarantine/" + Bronze().metadata->table_uuid +
                         "/20200103T030405Z-y");  // killed before there were places
  Must(Try());
  EXPECT_TRUE(
      fs::is_empty(warehouse_->directory() + "/.quarantine/" + Bronze().metadata->table_uuid));
}

TEST_F(OrphansTest, NothingGoesWhereItCouldNotComeBackFrom) {
  Put(root_ + "/data/a.parquet");
  Put(root_ + "/data/b.parquet");
  Put(root_ + "/data/c.parquet");
  MakeAllOld();
  warehouse_.reset();
  lake::WarehouseOptions options;
  options.directory = directory_ + "/warehouse";
  const Error full{ErrorKind::kResourceExhausted, "the disk is full"};
  warehouse_ = Must(lake::Warehouse::OpenOn({std::make_unique<FailingAtPlaces>(full, 1), {}},
                                            options, clock_, SystemRandom()));
  const OrphanReport report = Must(Try());
  EXPECT_EQ(report.files, 2);
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("an orphan stays where it is")));
  EXPECT_TRUE(fs::exists(root_ + "/data/a.parquet"));
  const RestoreReport back = Must(RestoreOrphans(*warehouse_, BronzeEvents({})));
  EXPECT_EQ(back.files, 2);
  EXPECT_THAT(back.warnings, IsEmpty());
  EXPECT_TRUE(fs::exists(root_ + "/data/b.parquet"));
  EXPECT_TRUE(fs::exists(root_ + "/data/c.parquet"));
}

TEST_F(OrphansTest, ARemovalThatIsTidiedAwayBeginsAgainButNotForEver) {
  lake::WarehouseOptions options;
  options.directory = directory_ + "/warehouse";
  const auto open_failing = [&](int times) {
    Put(root_ + "/data/a.parquet");
    MakeAllOld();
    const Error gone{ErrorKind::kNotFound, "no such directory"};
    warehouse_ = Must(lake::Warehouse::OpenOn({std::make_unique<FailingAtPlaces>(gone, times), {}},
                                              options, clock_, SystemRandom()));
  };
  open_failing(9);
  OrphanReport report = Must(Try());
  EXPECT_EQ(report.files, 1);
  EXPECT_THAT(report.warnings, IsEmpty());
  open_failing(1'000);
  report = Must(Try());
  EXPECT_EQ(report.files, 0);
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("no such directory")));
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

TEST_F(OrphansTest, WhatAKilledRunLeftInQuarantineComesBackAtOnce) {
  const auto tasks = Must(iceberg::PlanScan(warehouse_->file_system(), *Bronze().metadata, {}, {}));
  const std::string path = Must(io::LocalPath(tasks[0].file.file_path));
  // Moved by a run today; a copy of it was cut off by a kill before, and another one is whole. What
  // was put there by hand is nothing of it.
  const std::string whole = Away("99990102T030405Z", path);
  fs::copy_file(path, whole);
  const std::string part = Away("99990101T030405Z", path);
  fs::copy_file(path, part);
  fs::resize_file(part, 100);
  std::ofstream(Away("99990101T000000Z", path)) << "other";
  fs::rename(path, Away("99990103T030405Z", path));
  const OrphanReport report = Must(Try());
  EXPECT_EQ(report.brought_back, 3);  // the others are, or begin, what is there by then
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("stays in quarantine")));
  EXPECT_THAT(Held(), SizeIs(1));
  ExpectWhole();
}

TEST_F(OrphansTest, FilesComeBackToWhereTheyWereWhateverTheTableSaysByThen) {
  const auto data_path = [&](const std::string& path) {
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    transaction.Add(BronzeEvents({}), iceberg::SetProperties({{"write.data.path", path}}));
    Must(transaction.Commit());
  };
  data_path("file://" + directory_ + "/elsewhere");
  const std::string stray = Put(directory_ + "/elsewhere/gone.parquet");
  MakeAllOld();
  MakeOld(stray);
  EXPECT_EQ(Must(Try()).files, 1);
  EXPECT_FALSE(fs::exists(stray));
  data_path("file://" + directory_ + "/nowhere");
  EXPECT_EQ(Must(RestoreOrphans(*warehouse_, BronzeEvents({}))).files, 1);
  EXPECT_TRUE(fs::exists(stray));
  // Nothing is left of the removal.
  EXPECT_TRUE(
      fs::is_empty(warehouse_->directory() + "/.quarantine/" + Bronze().metadata->table_uuid));
}

TEST_F(OrphansTest, TheQuarantineOfADroppedTableIsEmptiedInTime) {
  const auto empty = [&](bool dry_run = false) {
    const int64_t week = 7 * kDayMs;
    return Must(EmptyQuarantineOfDroppedTables(*warehouse_, week, dry_run));
  };
  const std::string old = Away("20200101T000000Z", root_ + "/data/old.parquet");
  const std::string young = Away("29990101T000000Z", root_ + "/data/young.parquet");
  Put(old);
  Put(young);
  EXPECT_EQ(empty().removals, 0);  // it is a table's
  Must(warehouse_->catalog().DropTable(BronzeEvents({})));
  EXPECT_EQ(empty(true).removals, 1);
  EXPECT_TRUE(fs::exists(old));
  EXPECT_EQ(empty().removals, 1);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_EQ(empty().removals, 0);
}

TEST_F(OrphansTest, NoQuarantineIsEmptiedWhileATableCannotBeRead) {
  const std::string old = Put(Away("20200101T000000Z", root_ + "/data/old.parquet"));
  Must(warehouse_->catalog().DropTable(BronzeEvents({})));
  const auto other = Must(warehouse_->catalog().LoadTable(lake::ParsedEvents({})));
  fs::remove(other.metadata_location.substr(std::string("file://").size()));
  const DroppedQuarantineReport report =
      Must(EmptyQuarantineOfDroppedTables(*warehouse_, kDayMs, false));
  EXPECT_EQ(report.removals, 0);
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("stays: ")));
  EXPECT_TRUE(fs::exists(old));
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
