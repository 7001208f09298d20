#include "iceberg/stray_metadata.h"

#include <map>

#include "iceberg/metadata_file.h"
#include "iceberg/sql_catalog_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

const TableIdentifier kEvents = {.name_space = "ns", .name = "events"};

class StrayMetadataTest : public SqlCatalogTestBase {
 protected:
  static Properties Forgetful(const std::string& versions = "2") {
    return {{"write.metadata.previous-versions-max", versions},
            {"write.metadata.delete-after-commit.enabled", "true"}};
  }
  Table Load() { return catalog_->LoadTable(kEvents).value(); }
  // Commits whatever is there now.
  Table CommitNext() {
    clock_.Advance(1'000'000);
    return Commit(SetProperty(Load(), "n", std::to_string(++commits_))).value().front();
  }
  // What another program writes before it tries to commit.
  std::string WriteFrom(const Table& base, const std::string& uuid = "") {
    TableMetadata metadata = *base.metadata;
    const int64_t base_ms = metadata.last_updated_ms;
    metadata.last_updated_ms = clock_.Now() / 1000;
    if (!uuid.empty()) metadata.table_uuid = uuid;
    EXPECT_TRUE(ExtendMetadataLog(metadata, {base_ms, base.metadata_location}));
    const std::string location = NextMetadataLocation(metadata, base.metadata_location, random_);
    EXPECT_TRUE(WriteMetadataFile(*file_system_, location, metadata));
    return location;
  }
  // Commits `count` times; every file that falls off the log stays, as if its committer had been
  // killed before it removed it.
  void CommitAndKeepFiles(int count) {
    for (int i = 0; i < count; ++i) {
      const Table base = Load();
      std::map<std::string, std::string> contents;
      for (const MetadataLogEntry& entry : base.metadata->metadata_log) {
        contents[entry.metadata_file] =
            io::ReadAll(*file_system_, entry.metadata_file, 1 << 20).value();
      }
      CommitNext();
      for (const auto& [location, content] : contents) {
        if (file_system_->Stat(location)) continue;
        ASSERT_TRUE(io::WriteAll(*file_system_, location, content));
      }
    }
  }
  std::vector<std::string> Find() {
    const auto found = FindStrayMetadata(*file_system_, Load());
    EXPECT_TRUE(found) << found.error().message;
    std::vector<std::string> locations;
    for (const io::FileInfo& file : *found) locations.push_back(file.location);
    return locations;
  }

  int commits_ = 0;
};

TEST_F(StrayMetadataTest, AFileThatLostARaceIsFoundOnceItHas) {
  Create(kEvents, Forgetful("10"));
  CommitNext();
  const Table base = Load();
  const std::string lost = WriteFrom(base);
  const std::string lost_too = WriteFrom(base);
  EXPECT_THAT(Find(), IsEmpty()) << "either may still take effect";
  CommitNext();
  EXPECT_THAT(Find(), UnorderedElementsAre(lost, lost_too));
  const std::string in_flight = WriteFrom(Load());
  for (int i = 0; i < 5; ++i) CommitNext();
  EXPECT_THAT(Find(), UnorderedElementsAre(lost, lost_too, in_flight));
}

TEST_F(StrayMetadataTest, AFileOlderThanTheLogIsLeftToOthers) {
  Create(kEvents, Forgetful());
  CommitNext();
  const std::string lost = WriteFrom(Load());
  for (int i = 0; i < 3; ++i) CommitNext();
  EXPECT_EQ(Load().metadata->metadata_log.size(), 2U);
  EXPECT_THAT(Find(), IsEmpty());
  EXPECT_TRUE(file_system_->Stat(lost));
}

TEST_F(StrayMetadataTest, WhatFellOffTheLogAndStayedIsFound) {
  Create(kEvents, Forgetful());
  CommitNext();
  CommitNext();
  std::vector<std::string> dropped;
  for (const MetadataLogEntry& entry : Load().metadata->metadata_log) {
    dropped.push_back(entry.metadata_file);
  }
  CommitAndKeepFiles(2);
  EXPECT_EQ(MetadataFiles(kEvents).size(), 5U);
  EXPECT_THAT(Find(), UnorderedElementsAre(dropped[0], dropped[1]));
  // The log is not read where its oldest file is gone.
  ASSERT_TRUE(file_system_->Remove(Load().metadata->metadata_log.front().metadata_file));
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(StrayMetadataTest, NothingIsFoundWhereOldMetadataIsKept) {
  for (const auto& [key, value] : Properties{
           {"write.metadata.delete-after-commit.enabled", "false"}, {"gc.enabled", "false"}}) {
    Properties properties = Forgetful();
    properties[key] = value;
    Create(kEvents, properties);
    WriteFrom(Load());
    CommitAndKeepFiles(4);
    EXPECT_THAT(Find(), IsEmpty()) << key;
    ASSERT_TRUE(catalog_->DropTable(kEvents));
  }
}

TEST_F(StrayMetadataTest, FilesOfAnotherTableAtTheSamePlaceStay) {
  Create(kEvents, Forgetful());
  for (int i = 0; i < 3; ++i) CommitNext();
  const std::string earlier = Load().metadata_location;
  ASSERT_TRUE(catalog_->DropTable(kEvents));
  Create(kEvents, Forgetful("10"));
  WriteFrom(Load(), "00000000-0000-4000-8000-000000000001");
  for (int i = 0; i < 6; ++i) CommitNext();
  EXPECT_THAT(Find(), IsEmpty());
  EXPECT_TRUE(file_system_->Stat(earlier));
}

TEST_F(StrayMetadataTest, WhatSomebodyPutBackAnOlderFileForStays) {
  Create(kEvents, Forgetful("10"));
  const Table older = CommitNext();
  const Table newer = CommitNext();
  const Table newest = CommitNext();
  Other()->Run("UPDATE iceberg_tables SET metadata_location = '" + older.metadata_location + "'");
  clock_.Advance(int64_t{3600} * 1'000'000);
  EXPECT_THAT(Find(), IsEmpty());
  for (int i = 0; i < 5; ++i) CommitNext();
  EXPECT_THAT(Find(), IsEmpty());
  EXPECT_TRUE(file_system_->Stat(newer.metadata_location));
  EXPECT_TRUE(file_system_->Stat(newest.metadata_location));
}

TEST_F(StrayMetadataTest, TheSameFileSpelledInAnotherWayIsNamed) {
  Create(kEvents, Forgetful("10"));
  CommitNext();
  CommitNext();
  Table table = Load();
  table.metadata_location = io::LocalPath(table.metadata_location).value();
  TableMetadata metadata = *table.metadata;
  for (MetadataLogEntry& entry : metadata.metadata_log) {
    entry.metadata_file = io::LocalPath(entry.metadata_file).value();
  }
  table.metadata = std::make_shared<const TableMetadata>(metadata);
  EXPECT_THAT(FindStrayMetadata(*file_system_, table).value(), IsEmpty());
}

TEST_F(StrayMetadataTest, WhatCannotBeReadOrIsNoMetadataStays) {
  Create(kEvents, Forgetful("10"));
  CommitNext();
  const std::string directory = Load().metadata->location + "/metadata/";
  const std::string lost = WriteFrom(Load());
  ASSERT_TRUE(io::WriteAll(*file_system_, directory + "00002-x.metadata.json", "{\"format-ver"));
  ASSERT_TRUE(io::WriteAll(*file_system_, directory + "00002-x.avro", "x"));
  ASSERT_TRUE(io::WriteAll(*file_system_, directory + "old/00002-y.metadata.json",
                           io::ReadAll(*file_system_, lost, 1 << 20).value()));
  CommitNext();
  EXPECT_THAT(Find(), UnorderedElementsAre(lost));
}

}  // namespace
}  // namespace octolake::iceberg
