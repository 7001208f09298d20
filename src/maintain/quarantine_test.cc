#include "maintain/quarantine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/transaction.h"
#include "io/local_file_system.h"
#include "maintain/dropped_quarantine.h"
#include "maintain/stray_files_for_test.h"

namespace octolake::maintain {
namespace {

namespace fs = std::filesystem;

using lake::BronzeEvents;
using lake::Must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class QuarantineTest : public StrayFilesTest {};

TEST_F(QuarantineTest, FilesAreRemovedInTime) {
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

TEST_F(QuarantineTest, WhatCameToBeNamedComesBackInsteadOfBeingRemoved) {
  // As if another engine had made a file, lain still for days, and then committed.
  const auto tasks = Must(iceberg::PlanScan(warehouse_->file_system(), *Bronze().metadata, {}, {}));
  const std::string path = Must(io::LocalPath(tasks[0].file.file_path));
  fs::rename(path, Away("20200102T030405Z", path));
  const OrphanReport report = Must(Try());
  EXPECT_EQ(report.brought_back, 1);
  EXPECT_EQ(report.removed, 0);
  ExpectWhole();
}

TEST_F(QuarantineTest, AFileCommittedWhileItIsMovedComesBack) {
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

TEST_F(QuarantineTest, NobodyTidiesARemovalThatIsUnderWay) {
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

TEST_F(QuarantineTest, WhatIsLeftOfARemovalThatTookNothingGoes) {
  Away("20200102T030405Z", root_ + "/data/x/y.parquet");
  fs::create_directories(warehouse_->directory() + "/.quarantine/" + Bronze().metadata->table_uuid +
                         "/20200103T030405Z-y");  // killed before there were places
  Must(Try());
  EXPECT_TRUE(
      fs::is_empty(warehouse_->directory() + "/.quarantine/" + Bronze().metadata->table_uuid));
}

TEST_F(QuarantineTest, NothingGoesWhereItCouldNotComeBackFrom) {
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

TEST_F(QuarantineTest, ARemovalThatIsTidiedAwayBeginsAgainButNotForEver) {
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

TEST_F(QuarantineTest, WhatAKilledRunLeftInQuarantineComesBackAtOnce) {
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

TEST_F(QuarantineTest, FilesComeBackToWhereTheyWereWhateverTheTableSaysByThen) {
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

TEST_F(QuarantineTest, TheQuarantineOfADroppedTableIsEmptiedInTime) {
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

TEST_F(QuarantineTest, NoQuarantineIsEmptiedWhileATableCannotBeRead) {
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

}  // namespace
}  // namespace octolake::maintain
