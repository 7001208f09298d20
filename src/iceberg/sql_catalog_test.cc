#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/uuid.h"
#include "iceberg/sql_catalog_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

TEST_P(SqlCatalogTest, RowsAreThoseOfTheJavaCatalog) {
  const Table table = Create({"bronze", "events"});
  EXPECT_EQ(catalog_->DefaultTableLocation({"a.b", "t"}),
            "file://" + directory_.string() + "/a/b/t");
  EXPECT_THAT(
      table.metadata_location,
      ::testing::MatchesRegex(".*/bronze/events/metadata/00000-[0-9a-f-]+\\.metadata\\.json"));
  const auto other = Other();
  EXPECT_THAT(other->Rows("SELECT * FROM iceberg_tables"),
              ElementsAre("demo|bronze|events|" + table.metadata_location + "|NULL|TABLE"));
  EXPECT_THAT(other->Rows("SELECT * FROM iceberg_namespace_properties"),
              ElementsAre("demo|bronze|exists|true"));
  const Table next = Commit(SetProperty(table, "a", "1")).value().front();
  EXPECT_THAT(next.metadata_location, HasSubstr("/metadata/00001-"));
  EXPECT_THAT(other->Rows("SELECT metadata_location, previous_metadata_location, iceberg_type "
                          "FROM iceberg_tables"),
              ElementsAre(next.metadata_location + "|" + table.metadata_location + "|TABLE"));
}

TEST_P(SqlCatalogTest, NamespacesAreThoseWithPropertiesOrTables) {
  ASSERT_TRUE(catalog_->CreateNamespace("gold", {{"owner", "me"}}));
  const Status again = catalog_->CreateNamespace("gold", {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kAlreadyExists);
  const auto other = Other();
  EXPECT_THAT(other->Rows("SELECT property_key, property_value FROM iceberg_namespace_properties "
                          "ORDER BY 1"),
              ElementsAre("exists|true", "owner|me"));
  other->Run(
      "INSERT INTO iceberg_tables VALUES ('demo', 'java', 't', 'x', NULL, NULL), "
      "('demo', 'java', 'v', 'x', NULL, 'VIEW'), ('other', 'hidden', 't', 'x', NULL, NULL)");
  EXPECT_THAT(catalog_->ListNamespaces().value(), ElementsAre("gold", "java"));
  EXPECT_THAT(catalog_->ListTables("java").value(), ElementsAre(TableIdentifier{"java", "t"}));
  EXPECT_THAT(catalog_->ListTables("gold").value(), ElementsAre());
  const auto missing = catalog_->ListTables("hidden");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(catalog_->CreateNamespace("java", {}));
}

TEST_P(SqlCatalogTest, NamesThatWouldLeaveTheWarehouseAreRefused) {
  for (const char* name : {"", "..", "a/b", "a..b", ".a", "a\nb"}) {
    const Status created = catalog_->CreateNamespace(name, {});
    ASSERT_FALSE(created) << name;
    EXPECT_EQ(created.error().kind, ErrorKind::kInvalidArgument);
  }
  EXPECT_FALSE(CreateTableIfMissing(*catalog_, Context(), {"ns", "../x"}, Numbers()));
}

TEST_P(SqlCatalogTest, CreationReturnsWhatIsThere) {
  const Table table = Create({"ns", "t"});
  const Table again = Create({"ns", "t"}, {{"ignored", "1"}});
  EXPECT_EQ(again.metadata_location, table.metadata_location);
  EXPECT_EQ(again.metadata->table_uuid, table.metadata->table_uuid);
  EXPECT_EQ(again.metadata->last_updated_ms, 1'700'000'000'000);
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 1U);
}

TEST_P(SqlCatalogTest, CreatingInAMissingNamespaceIsRefused) {
  NewTable table = Numbers();
  table.location = catalog_->DefaultTableLocation({"nowhere", "t"});
  TableChange change;
  change.identifier = {"nowhere", "t"};
  change.metadata = MakeTableMetadata(table, Uuid::RandomV4(random_).ToString(), 1).value();
  const auto created = Commit(std::move(change));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(MetadataFiles({"nowhere", "t"}).empty());
}

TEST_P(SqlCatalogTest, CommitExtendsTheMetadataLogAndTimeNeverGoesBack) {
  const Table first = Create({"ns", "t"});
  clock_.Set(1'600'000'000'000'000);
  const Table second = Commit(SetProperty(first, "a", "1")).value().front();
  EXPECT_EQ(second.metadata->last_updated_ms, first.metadata->last_updated_ms);
  ASSERT_EQ(second.metadata->metadata_log.size(), 1U);
  EXPECT_EQ(second.metadata->metadata_log[0].metadata_file, first.metadata_location);
  EXPECT_EQ(second.metadata->metadata_log[0].timestamp_ms, first.metadata->last_updated_ms);
  const Table loaded = catalog_->LoadTable({"ns", "t"}).value();
  EXPECT_EQ(loaded.metadata_location, second.metadata_location);
  EXPECT_EQ(TableMetadataToJson(*loaded.metadata), TableMetadataToJson(*second.metadata));
}

TEST_P(SqlCatalogTest, TheLoserOfARaceLeavesNothingBehind) {
  const Table base = Create({"ns", "t"});
  const Table winner = Commit(SetProperty(base, "a", "1")).value().front();
  const auto loser = Commit(SetProperty(base, "a", "2"));
  ASSERT_FALSE(loser);
  EXPECT_EQ(loser.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(loser.error().message, HasSubstr(winner.metadata_location));
  EXPECT_THAT(MetadataFiles({"ns", "t"}),
              ElementsAre(base.metadata_location, winner.metadata_location));
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"})->metadata->properties.at("a"), "1");
}

TEST_P(SqlCatalogTest, SeveralTablesChangeTogetherOrNotAtAll) {
  const Table a = Create({"ns", "a"});
  const Table b = Create({"ns", "b"});
  ASSERT_TRUE(Commit(SetProperty(b, "x", "other")));
  std::vector<TableChange> changes = {SetProperty(a, "x", "1"), SetProperty(b, "x", "1")};
  const auto lost = catalog_->CommitTables(changes);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(lost.error().message, HasSubstr("ns.b"));
  EXPECT_EQ(catalog_->LoadTable({"ns", "a"})->metadata_location, a.metadata_location);
  EXPECT_EQ(MetadataFiles({"ns", "a"}).size(), 1U);

  changes = {SetProperty(a, "x", "1"), SetProperty(*catalog_->LoadTable({"ns", "b"}), "x", "1")};
  const auto won = catalog_->CommitTables(changes);
  ASSERT_TRUE(won) << won.error().message;
  EXPECT_EQ(won->at(0).identifier.name, "a");
  EXPECT_EQ(catalog_->LoadTable({"ns", "a"})->metadata->properties.at("x"), "1");
  EXPECT_EQ(catalog_->LoadTable({"ns", "b"})->metadata->properties.at("x"), "1");
}

TEST_P(SqlCatalogTest, RefusesBadChanges) {
  const Table a = Create({"ns", "a"});
  const auto twice = catalog_->CommitTables({SetProperty(a, "x", "1"), SetProperty(a, "x", "2")});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::kInvalidArgument);
  TableChange change = SetProperty(a, "x", "1");
  change.metadata.current_snapshot_id = 5;
  const auto broken = Commit(change);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(broken.error().message, HasSubstr("there is no snapshot 5"));
  change = SetProperty(a, "write.metadata.previous-versions-max", "many");
  EXPECT_FALSE(Commit(change));
  EXPECT_EQ(MetadataFiles({"ns", "a"}).size(), 1U);
}

TEST_P(SqlCatalogTest, OldMetadataFilesAreRemovedWhereAskedFor) {
  for (const bool enabled : {true, false}) {
    const std::string name = enabled ? "cleaned" : "kept";
    Table table = Create(
        {"ns", name}, {{"write.metadata.previous-versions-max", "2"},
                       {"write.metadata.delete-after-commit.enabled", enabled ? "true" : "false"}});
    for (int i = 0; i < 5; ++i) {
      table = Commit(SetProperty(table, "i", std::to_string(i))).value().front();
    }
    EXPECT_EQ(table.metadata->metadata_log.size(), 2U);
    EXPECT_EQ(MetadataFiles({"ns", name}).size(), enabled ? 3U : 6U);
    EXPECT_TRUE(catalog_->LoadTable({"ns", name}));
  }
}

TEST_P(SqlCatalogTest, IncrementsOfTwoCatalogsAllCount) {
  constexpr int kThreads = 4;
  constexpr int kIncrements = 15;
  Create({"ns", "counter"}, {{"n", "0"}});
  const auto second = Open().value();
  std::atomic<int> conflicts = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      Catalog& catalog = thread % 2 == 0 ? *catalog_ : *second;
      for (int done = 0; done < kIncrements;) {
        const auto table = catalog.LoadTable({"ns", "counter"});
        ASSERT_TRUE(table) << table.error().message;
        const int n = std::stoi(table->metadata->properties.at("n"));
        const auto committed =
            catalog.CommitTables({SetProperty(*table, "n", std::to_string(n + 1))});
        if (committed) {
          ++done;
        } else {
          ASSERT_EQ(committed.error().kind, ErrorKind::kCommitConflict)
              << committed.error().message;
          ++conflicts;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Table end = catalog_->LoadTable({"ns", "counter"}).value();
  EXPECT_EQ(end.metadata->properties.at("n"), std::to_string(kThreads * kIncrements));
  EXPECT_EQ(end.metadata->metadata_log.size(), static_cast<size_t>(kThreads * kIncrements));
  EXPECT_EQ(MetadataFiles({"ns", "counter"}).size(),
            static_cast<size_t>(kThreads * kIncrements + 1));
}

TEST_P(SqlCatalogTest, ConcurrentCreationsMakeOneTable) {
  const auto second = Open().value();
  std::vector<Table> tables(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < tables.size(); ++i) {
    threads.emplace_back([&, i] {
      auto table =
          CreateTableIfMissing(i % 2 == 0 ? *catalog_ : *second, Context(), {"ns", "t"}, Numbers());
      ASSERT_TRUE(table) << table.error().message;
      tables[i] = *table;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Table& table : tables) EXPECT_EQ(table.metadata_location, tables[0].metadata_location);
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 1U);
}

// The command as people would run it, with what shells and SQL could take for something else.
TEST_P(SqlCatalogTest, ARepairCommandMakesTheRowNameAnEarlierFile) {
  const bool postgres = kind_ == TestDatabase::kPostgres;
  const std::string program = postgres ? "psql" : "sqlite3";
  if (std::system(("command -v " + program + " >&2").c_str()) != 0) {
    GTEST_SKIP() << "the command is for " << program << ", which is not installed";
  }
  if (postgres) uri_ += "&application_name=it's";
  catalog_ = Open().value();
  const TableIdentifier name = {"ns", "it's \"$HOME\" `x`"};
  const Table before = Create(name);
  const Table other = Create({"ns", "t"});
  ASSERT_TRUE(Commit(SetProperty(before, "a", "1")));
  const std::string command = catalog_->RepairCommand(name, before.metadata_location) + " >&2";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  EXPECT_EQ(catalog_->LoadTable(name)->metadata_location, before.metadata_location);
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"})->metadata_location, other.metadata_location);
  EXPECT_EQ(catalog_->DisplayName(),
            postgres ? "postgresql://octolake@" + io::PostgresServer::Shared()->host() + "/octolake"
                     : Options().database_path);
}

TEST_P(SqlCatalogTest, DropRemovesTheNameOnly) {
  const Table table = Create({"ns", "t"});
  ASSERT_TRUE(catalog_->DropTable({"ns", "t"}));
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(catalog_->DropTable({"ns", "t"}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 1U);
  const auto late = Commit(SetProperty(table, "a", "1"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kCommitConflict);
}

TEST_P(SqlCatalogTest, AMissingMetadataFileIsNoMissingTable) {
  const Table table = Create({"ns", "t"});
  ASSERT_TRUE(file_system_->Remove(table.metadata_location));
  const auto loaded = catalog_->LoadTable({"ns", "t"});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(loaded.error().message, HasSubstr(table.metadata_location));
  EXPECT_THAT(loaded.error().message, HasSubstr("ns.t"));
}

TEST_P(SqlCatalogTest, TwoProcessesInALoopLoseNoIncrement) {
  constexpr int kIncrements = 20;
  Create({"ns", "counter"}, {{"n", "0"}});
  catalog_.reset();  // connections are not to be shared by processes
  const auto increment = [this]() -> int {
    const auto catalog = Open();
    if (!catalog) return 1;
    for (int done = 0; done < kIncrements;) {
      const auto table = (*catalog)->LoadTable({"ns", "counter"});
      if (!table) return 2;
      const int n = std::stoi(table->metadata->properties.at("n"));
      const auto committed =
          (*catalog)->CommitTables({SetProperty(*table, "n", std::to_string(n + 1))});
      if (committed) {
        ++done;
      } else if (committed.error().kind != ErrorKind::kCommitConflict) {
        return 3;
      }
    }
    return 0;
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    children.push_back(::fork());
    if (children.back() == 0) ::_exit(increment());
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  catalog_ = Open().value();
  const Table end = catalog_->LoadTable({"ns", "counter"}).value();
  EXPECT_EQ(end.metadata->properties.at("n"), std::to_string(2 * kIncrements));
  EXPECT_EQ(MetadataFiles({"ns", "counter"}).size(), static_cast<size_t>(2 * kIncrements + 1));
}

INSTANTIATE_TEST_SUITE_P(On, SqlCatalogTest,
                         ::testing::Values(TestDatabase::kSqlite, TestDatabase::kPostgres),
                         DatabaseName);

}  // namespace
}  // namespace octolake::iceberg
