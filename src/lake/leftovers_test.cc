#include "lake/leftovers.h"

#include <gmock/gmock.h>

#include "iceberg/metadata_file.h"
#include "iceberg/transaction.h"
#include "iceberg/update.h"
#include "lake/table_version.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LeftoversTest : public WarehouseTest {
 protected:
  // Another process on the same warehouse.
  std::unique_ptr<Warehouse> OpenAnother(const std::string& catalog_name = "demo") {
    WarehouseOptions options;
    options.directory = warehouse_->directory();
    options.catalog_name = catalog_name;
    return Must(Warehouse::Open(options, clock_, SystemRandom()));
  }
  // Ends it with its record left, as if it had been killed.
  void Kill(std::unique_ptr<Warehouse> process) {
    const std::string directory = process->directory() + "/in_the_way";
    std::filesystem::create_directories(directory);
    EXPECT_FALSE(process->file_system().Remove(directory));
    process.reset();
    std::filesystem::remove(directory);
  }
  std::string Create(Warehouse& process, const std::string& location) {
    Must(io::WriteAll(process.file_system(), location, "left behind"));
    return location;
  }
  bool Exists(const std::string& location) {
    return warehouse_->file_system().Stat(location).has_value();
  }
  size_t CountRecords() {
    return Must(warehouse_->file_system().List(warehouse_->write_records_directory())).size();
  }
  LeftoverReport Clean() { return Must(RemoveLeftovers(*warehouse_)); }
};

TEST_F(LeftoversTest, NothingIsLeftByThoseWhoEndWell) {
  auto other = OpenAnother();
  IgnoreProgress progress;
  Must(LoadFiles(*other, {WriteFile("a.json", EventLine("1", "2015-01-01T00:00:00Z"))}, {},
                 progress));
  EXPECT_EQ(CountRecords(), 2u) << "its and ours";
  other.reset();
  EXPECT_EQ(CountRecords(), 1u);
  warehouse_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory_ + "/warehouse/tmp/writes"));
}

TEST_F(LeftoversTest, WhatADeadProcessDidNotCommitIsRemoved) {
  auto dying = OpenAnother();
  IgnoreProgress progress;
  Must(LoadFiles(*dying, {WriteFile("a.json", EventLine("1", "2015-01-01T00:00:00Z"))}, {},
                 progress));
  Must(RunSilver(*dying, {}, progress));
  const std::string table = Bronze().metadata->location;
  const std::vector<std::string> orphans = {
      Create(*dying, table + "/data/ingestion_date=2026-01-02/x.parquet"),
      Create(*dying, table + "/metadata/x-m0.avro"),
      Create(*dying, table + "/metadata/00009-x.metadata.json"),
      Create(*dying, dying->temp_directory() + "/doctor-x")};
  const std::string nobodys = table + "/data/nobodys.parquet";
  Must(io::WriteAll(*io::MakeLocalFileSystem(), nobodys, "by another program"));
  Kill(std::move(dying));
  Load({WriteFile("b.json", EventLine("2", "2015-01-01T00:00:00Z"))});

  const LeftoverReport report = Clean();
  EXPECT_EQ(report.files, 4);
  EXPECT_EQ(report.bytes, 4 * 11);
  EXPECT_THAT(report.kept, IsEmpty());
  for (const std::string& orphan : orphans) EXPECT_FALSE(Exists(orphan)) << orphan;
  EXPECT_TRUE(Exists(nobodys));
  EXPECT_THAT(Column(BronzeEvents({}), "id"), ::testing::UnorderedElementsAre("1", "2"));
  EXPECT_THAT(Column(ParsedEvents({}), "event_id"), ElementsAre("1"));
  EXPECT_EQ(CountRecords(), 1u) << "our own";
  EXPECT_EQ(Clean().files, 0);
}

TEST_F(LeftoversTest, FilesOfTheLivingStay) {
  const auto living = OpenAnother();
  const std::string file = Create(*living, Bronze().metadata->location + "/data/x.parquet");
  EXPECT_EQ(Clean().files, 0);
  EXPECT_TRUE(Exists(file));
}

TEST_F(LeftoversTest, FilesOfOlderSnapshotsStay) {
  auto dying = OpenAnother();
  IgnoreProgress progress;
  Must(LoadFiles(*dying, {WriteFile("a.json", EventLine("1", "2015-01-01T00:00:00Z"))}, {},
                 progress));
  Kill(std::move(dying));
  // Replaced meanwhile, but the snapshot that has them is there.
  const int64_t before = CountDataFiles(BronzeEvents({}));
  iceberg::Transaction replace(warehouse_->catalog(), warehouse_->update_context());
  replace.Add(BronzeEvents({}), iceberg::OverwriteAll({}, {}));
  Must(replace.Commit());
  EXPECT_EQ(Clean().files, 0);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), before);
}

TEST_F(LeftoversTest, WhatBelongsToNoTableWaitsForIt) {
  auto dying = OpenAnother();
  const std::string gold = io::FileLocation(warehouse_->directory()) + "/gold/late";
  const std::string file = Create(*dying, gold + "/metadata/00000-x.metadata.json");
  Kill(std::move(dying));
  EXPECT_EQ(Clean().files, 0);
  EXPECT_TRUE(Exists(file));
  Must(iceberg::CreateTableIfMissing(warehouse_->catalog(), warehouse_->update_context(),
                                     {"gold", "late"}, LoadedFilesDefinition()));
  EXPECT_EQ(Clean().files, 1);
  EXPECT_FALSE(Exists(file));
}

TEST_F(LeftoversTest, FilesInATableOfANewerOctolakeStay) {
  const auto set_version = [this](const std::string& version) {
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    transaction.Add(BronzeEvents({}),
                    iceberg::SetProperties({{kDefinitionVersionProperty, version}}));
    Must(transaction.Commit());
  };
  auto dying = OpenAnother();
  const std::string file = Create(*dying, Bronze().metadata->location + "/data/x.parquet");
  Kill(std::move(dying));
  set_version("2");
  EXPECT_EQ(Clean().files, 0);
  EXPECT_TRUE(Exists(file));
  set_version("1");
  EXPECT_EQ(Clean().files, 1);
  EXPECT_FALSE(Exists(file));
}

TEST_F(LeftoversTest, OnlyTheCatalogThatWroteThemDecides) {
  auto dying = OpenAnother("other");
  const std::string file = Create(*dying, Bronze().metadata->location + "/data/x.parquet");
  Kill(std::move(dying));
  EXPECT_EQ(Clean().files, 0);
  EXPECT_TRUE(Exists(file));
  const auto other = OpenAnother("other");
  Must(CreateTables(*other));
  EXPECT_EQ(Must(RemoveLeftovers(*other)).files, 1);
  EXPECT_FALSE(Exists(file));
}

TEST_F(LeftoversTest, FilesOutsideTheWarehouseStay) {
  auto dying = OpenAnother();
  const std::string outside = Create(*dying, directory_ + "/outside.parquet");
  const std::string inside = Create(*dying, Bronze().metadata->location + "/data/x.parquet");
  Kill(std::move(dying));
  EXPECT_EQ(Clean().files, 1);
  EXPECT_TRUE(Exists(outside));
  EXPECT_FALSE(Exists(inside));
}

TEST_F(LeftoversTest, NothingIsRemovedWhileATableCannotBeRead) {
  auto dying = OpenAnother();
  const std::string file = Create(*dying, Bronze().metadata->location + "/data/x.parquet");
  Kill(std::move(dying));
  const std::string metadata = Must(io::LocalPath(Parsed().metadata_location));
  std::filesystem::rename(metadata, metadata + ".away");
  const LeftoverReport report = Clean();
  EXPECT_EQ(report.files, 0);
  ASSERT_EQ(report.kept.size(), 1u);
  EXPECT_THAT(report.kept.front(), HasSubstr(".writes"));
  EXPECT_THAT(report.kept.front(), HasSubstr(metadata));
  EXPECT_TRUE(Exists(file));
  std::filesystem::rename(metadata + ".away", metadata);
  EXPECT_EQ(Clean().files, 1);
}

TEST_F(LeftoversTest, ACommitOfUnknownOutcomeIsDecidedByTheNext) {
  for (const bool takes_effect : {true, false}) {
    SCOPED_TRACE(takes_effect);
    const std::string id = takes_effect ? "1" : "2";
    auto loss =
        std::make_shared<ReplyLoss>(ReplyLoss{.takes_effect = takes_effect, .then_silent = true});
    WarehouseParts parts;
    parts.wrap_catalog = [&](std::unique_ptr<iceberg::Catalog> catalog) {
      auto hooked = std::make_unique<HookedCatalog>(std::move(catalog));
      hooked->loss = loss;
      return hooked;
    };
    WarehouseOptions options;
    options.directory = warehouse_->directory();
    auto process = Must(Warehouse::OpenOn(std::move(parts), options, clock_, SystemRandom()));
    IgnoreProgress progress;
    const auto report =
        LoadFiles(*process, {WriteFile(id, EventLine(id, "2015-01-01T00:00:00Z"))}, {}, progress);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, ErrorKind::kCommitStateUnknown);
    process.reset();  // ends well, but for what it does not know
    const LeftoverReport left = Clean();
    EXPECT_THAT(left.kept, IsEmpty());
    // Data file, manifest and manifest list of two tables.
    EXPECT_EQ(left.files, takes_effect ? 0 : 6);
    EXPECT_THAT(Column(BronzeEvents({}), "id"), ElementsAre("1"));
    EXPECT_EQ(CountDataFiles(BronzeEvents({})), 1);
    EXPECT_EQ(CountRecords(), 1u) << "our own";
  }
}

TEST_F(LeftoversTest, MetadataThatLostARaceIsRemovedInTheNamespacesAskedFor) {
  // Another program's commit to Bronze, between whose reading and writing somebody else commits.
  const iceberg::Table base = Bronze();
  iceberg::TableMetadata metadata = *base.metadata;
  Must(iceberg::ExtendMetadataLog(metadata, {metadata.last_updated_ms, base.metadata_location}));
  const auto local = io::MakeLocalFileSystem();
  const std::string lost =
      iceberg::NextMetadataLocation(metadata, base.metadata_location, SystemRandom());
  Must(iceberg::WriteMetadataFile(*local, lost, metadata));
  const auto clean = [&](const std::string& name_space) {
    const LeftoverReport report = RemoveStrayMetadata(*warehouse_, name_space);
    EXPECT_THAT(report.kept, IsEmpty());
    return report.files;
  };
  EXPECT_EQ(clean("bronze"), 0) << "it may take effect yet";
  Load({WriteFile("a.json", EventLine("1", "2015-01-01T00:00:00Z"))});
  EXPECT_EQ(clean("silver"), 0);
  EXPECT_EQ(clean("nowhere"), 0);
  EXPECT_TRUE(Exists(lost));
  EXPECT_EQ(clean("bronze"), 1);
  EXPECT_FALSE(Exists(lost));
  EXPECT_EQ(clean("bronze"), 0);
}

}  // namespace
}  // namespace octolake::lake
