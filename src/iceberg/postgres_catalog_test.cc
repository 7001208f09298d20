// What only a server can do to a catalog: go away, end connections, keep locks, answer late.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "iceberg/sql_catalog_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kLongest(60);

class PostgresCatalogTest : public SqlCatalogTestBase {
 protected:
  PostgresCatalogTest() { kind_ = TestDatabase::kPostgres; }
  void SetUp() override {
    SqlCatalogTestBase::SetUp();
    if (IsSkipped()) return;
    other_ = Other();
    watcher_ = Other();
  }

  // Until one of our statements waits for a lock.
  void AwaitBlocked() {
    const auto end = std::chrono::steady_clock::now() + kLongest;
    while (watcher_
               ->Rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'octolake' AND "
                      "wait_event_type = 'Lock'")
               .empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "nothing came to wait";
      std::this_thread::yield();
    }
  }
  // Until the server has written this into its log.
  void AwaitLogged(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + kLongest;
    while (watcher_
               ->Rows("SELECT 1 WHERE strpos(pg_read_file(current_setting("
                      "'unix_socket_directories') || '/log'), '" +
                      text + "') > 0")
               .empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "never logged: " << text;
      std::this_thread::yield();
    }
  }
  // Ends our connections, as an administrator would.
  void EndConnections(const std::string& which = "true") {
    watcher_->Rows(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE "
        "application_name = 'octolake' AND " +
        which);
  }
  // Makes every COMMIT that changes a pointer wait for the advisory lock 1, which `other_` takes.
  void HoldUpCommits() {
    other_->Run(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END'");
    other_->Run(
        "CREATE CONSTRAINT TRIGGER held_up AFTER UPDATE OR INSERT ON iceberg_tables DEFERRABLE "
        "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()");
    other_->Rows("SELECT pg_advisory_lock(1)");
  }
  // A trigger's function that fails with the SQLSTATE that table `failure` holds.
  std::string FailingFunction() {
    other_->Run("CREATE TABLE failure (state text)");
    other_->Run("INSERT INTO failure VALUES ('')");
    other_->Run(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'DECLARE found text; "
        "BEGIN SELECT state INTO found FROM failure; "
        "RAISE EXCEPTION USING ERRCODE = found, MESSAGE = ''failed as told''; END'");
    return "fail()";
  }
  void LetCommitsGo() { other_->Rows("SELECT pg_advisory_unlock(1)"); }

  SqlCatalogOptions Impatient(int64_t millis) const {
    SqlCatalogOptions options = Options();
    options.busy_timeout_ms = millis;
    return options;
  }
  std::string ValueOf(const std::string& name, const std::string& key) {
    return catalog_->LoadTable({"ns", name}).value().metadata->properties.at(key);
  }

  std::unique_ptr<OtherProgram> other_;
  std::unique_ptr<OtherProgram> watcher_;
};

TEST_F(PostgresCatalogTest, AConnectionThatEndedIsMadeAnew) {
  const Table table = Create({"ns", "t"});
  EndConnections();
  ASSERT_TRUE(catalog_->LoadTable({"ns", "t"}));
  EndConnections();
  const auto committed = Commit(SetProperty(table, "a", "1"));
  ASSERT_TRUE(committed) << committed.error().message;
  EndConnections();
  EXPECT_EQ(catalog_->ListTables("ns")->size(), 1U);
  EXPECT_EQ(ValueOf("t", "a"), "1");
}

TEST_F(PostgresCatalogTest, AServerThatStartsAnewIsWaitedFor) {
  const Table table = Create({"ns", "t"});
  other_.reset();
  watcher_.reset();
  io::PostgresServer& server = *io::PostgresServer::Shared();
  server.Stop();
  const auto impatient = [&] {
    return OpenSqlCatalog(Impatient(1), *file_system_, clock_, random_);
  }();
  ASSERT_FALSE(impatient);
  EXPECT_EQ(impatient.error().kind, ErrorKind::kTransient) << impatient.error().message;
  std::thread starting([&] { server.Restart(); });
  const auto committed = Commit(SetProperty(table, "a", "1"));
  starting.join();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(ValueOf("t", "a"), "1");
}

TEST_F(PostgresCatalogTest, AServerWithNoConnectionLeftIsWaitedFor) {
  const std::string schema = watcher_->Rows("SELECT current_schema()").at(0);
  const std::string guest = "guest_of_" + schema;
  other_->Run("CREATE ROLE " + guest + " LOGIN CONNECTION LIMIT 1");
  other_->Run("GRANT ALL ON SCHEMA " + schema + " TO " + guest);
  other_->Run("GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + guest);
  uri_ += "&user=" + guest;
  catalog_ = Open().value();
  const Table table = Create({"ns", "t"});
  EndConnections();
  auto taken = Other();
  Result<std::vector<Table>> committed;
  std::thread committing([&] { committed = Commit(SetProperty(table, "a", "1")); });
  AwaitLogged("too many connections for role \"" + guest + "\"");
  taken.reset();
  committing.join();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(ValueOf("t", "a"), "1");
}

TEST_F(PostgresCatalogTest, ALockHeldByOthersIsTransientAndLeavesNothing) {
  const Table table = Create({"ns", "t"});
  catalog_ = OpenSqlCatalog(Impatient(100), *file_system_, clock_, random_).value();
  other_->Run("BEGIN");
  other_->Run("UPDATE iceberg_tables SET previous_metadata_location = 'theirs'");
  const auto locked = Commit(SetProperty(table, "a", "1"));
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(locked.error().message, HasSubstr("try again later"));
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 1U);
  EXPECT_TRUE(catalog_->LoadTable({"ns", "t"})) << "readers go on";
  other_->Run("ROLLBACK");
  EXPECT_TRUE(Commit(SetProperty(table, "a", "1")));
}

TEST_F(PostgresCatalogTest, ATransactionThatEndsBeforeItsCommitIsRunAgain) {
  const Table table = Create({"ns", "t"});
  other_->Run("BEGIN");
  other_->Run("UPDATE iceberg_tables SET previous_metadata_location = 'theirs'");
  Result<std::vector<Table>> committed;
  std::thread committing([&] { committed = Commit(SetProperty(table, "a", "1")); });
  AwaitBlocked();
  EndConnections("wait_event_type = 'Lock'");
  other_->Run("COMMIT");
  committing.join();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(ValueOf("t", "a"), "1");
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 2U);
}

TEST_F(PostgresCatalogTest, AConnectionThatEndsDuringCommitLeavesTheOutcomeOpen) {
  const Table table = Create({"ns", "t"});
  HoldUpCommits();
  Result<std::vector<Table>> committed;
  std::thread committing([&] { committed = Commit(SetProperty(table, "a", "1")); });
  AwaitBlocked();
  EndConnections();
  committing.join();
  LetCommitsGo();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::kCommitStateUnknown) << committed.error().message;
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 2U) << "nothing may be removed";
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"})->metadata_location, table.metadata_location);
}

// As when its disk fails.
TEST_F(PostgresCatalogTest, ACommitThatFailsWithTheServerLeavesTheOutcomeOpen) {
  const Table table = Create({"ns", "t"});
  other_->Run(
      "CREATE CONSTRAINT TRIGGER failing AFTER UPDATE ON iceberg_tables DEFERRABLE INITIALLY "
      "DEFERRED FOR EACH ROW EXECUTE FUNCTION " +
      FailingFunction());
  for (const std::string state : {"08006", "57P05", "58030", "F0000", "XX000", "40003"}) {
    other_->Run("UPDATE failure SET state = '" + state + "'");
    const auto before = MetadataFiles({"ns", "t"}).size();
    const auto committed = Commit(SetProperty(table, "a", "1"));
    ASSERT_FALSE(committed) << state;
    EXPECT_EQ(committed.error().kind, ErrorKind::kCommitStateUnknown) << state;
    EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), before + 1) << state << ": nothing to be removed";
  }
  for (const std::string state : {"23514", "53100", "P0001"}) {
    other_->Run("UPDATE failure SET state = '" + state + "'");
    const auto before = MetadataFiles({"ns", "t"}).size();
    const auto committed = Commit(SetProperty(table, "a", "1"));
    ASSERT_FALSE(committed) << state;
    EXPECT_NE(committed.error().kind, ErrorKind::kCommitStateUnknown) << state;
    EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), before) << state;
  }
}

TEST_F(PostgresCatalogTest, ATransactionFindsOutWhatBecameOfItsCommit) {
  Create({"ns", "t"});
  HoldUpCommits();
  Transaction transaction(*catalog_, Context());
  transaction.Add({"ns", "t"}, AppendFiles({}, {{"run", "1"}}));
  Result<std::vector<Table>> committed;
  std::thread committing([&] { committed = transaction.Commit(); });
  AwaitBlocked();
  EndConnections();
  LetCommitsGo();
  committing.join();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"})->metadata->snapshots.size(), 1U);
}

TEST_F(PostgresCatalogTest, CommitsUnderWayAreAwaited) {
  const Table table = Create({"ns", "t"});
  HoldUpCommits();
  Result<std::vector<Table>> committed;
  std::thread committing([&] { committed = Commit(SetProperty(table, "a", "1")); });
  AwaitBlocked();
  const auto second = OpenSqlCatalog(Impatient(100), *file_system_, clock_, random_).value();
  const Status early = second->AwaitCommits();
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, ErrorKind::kTransient);
  LetCommitsGo();
  committing.join();
  ASSERT_TRUE(committed) << committed.error().message;
  ASSERT_TRUE(second->AwaitCommits());
  EXPECT_EQ(second->LoadTable({"ns", "t"})->metadata->properties.at("a"), "1");
}

TEST_F(PostgresCatalogTest, WhoAwaitsCommitsHoldsUpNone) {
  const Table table = Create({"ns", "t"});
  other_->Run("BEGIN");
  other_->Rows("SELECT pg_advisory_xact_lock_shared(8026386982812871525)");  // as a commit does
  const auto second = Open().value();
  Status awaited;
  std::thread awaiting([&] { awaited = second->AwaitCommits(); });
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (watcher_
             ->Rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'octolake' AND "
                    "query LIKE '%advisory_xact_lock(%'")
             .empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "nothing came to wait";
    std::this_thread::yield();
  }
  catalog_ = OpenSqlCatalog(Impatient(1'000), *file_system_, clock_, random_).value();
  const auto committed = Commit(SetProperty(table, "a", "1"));
  EXPECT_TRUE(committed) << committed.error().message;
  other_->Run("COMMIT");
  awaiting.join();
  EXPECT_TRUE(awaited) << awaited.error().message;
}

TEST_F(PostgresCatalogTest, ACommitOfTheDeadIsAwaitedToo) {
  const Table table = Create({"ns", "t"});
  HoldUpCommits();
  catalog_.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto own = Open();
    (void)(*own)->CommitTables({SetProperty(table, "a", "1")});
    ::_exit(0);
  }
  AwaitBlocked();
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  catalog_ = Open().value();
  Status awaited;
  std::thread awaiting([&] { awaited = catalog_->AwaitCommits(); });
  LetCommitsGo();
  awaiting.join();
  ASSERT_TRUE(awaited) << awaited.error().message;
  EXPECT_EQ(ValueOf("t", "a"), "1") << "the server carries out what it was asked for";
}

TEST_F(PostgresCatalogTest, ADeadlockIsResolvedByAnotherAttempt) {
  const Table a = Create({"ns", "a"});
  const Table b = Create({"ns", "b"});
  other_->Run("SET deadlock_timeout = '10min'");  // so that ours is the one that is given up
  const auto lock = [&](const std::string& name) {
    other_->Run("UPDATE iceberg_tables SET previous_metadata_location = 'x' WHERE table_name = '" +
                name + "'");
  };
  other_->Run("BEGIN");
  lock("b");
  Result<std::vector<Table>> committed;
  std::thread committing([&] {
    committed = catalog_->CommitTables({SetProperty(b, "x", "1"), SetProperty(a, "x", "1")});
  });
  AwaitBlocked();
  lock("a");  // which ours holds, until it is given up
  other_->Run("COMMIT");
  committing.join();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(committed->at(0).identifier.name, "b") << "in the order that was given";
  EXPECT_EQ(ValueOf("a", "x"), "1");
  EXPECT_EQ(ValueOf("b", "x"), "1");
}

TEST_F(PostgresCatalogTest, ManyMakeTheTablesAtOnce) {
  UseNewSchema();
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto own = Open();
      EXPECT_TRUE(own) << own.error().message;
      if (own && (*own)->ListNamespaces()) ++opened;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 8);
}

// As JdbcCatalog makes them: each by itself.
TEST_F(PostgresCatalogTest, AnotherMakesTheTablesOneByOne) {
  UseNewSchema();
  other_ = Other();
  other_->Run("BEGIN");
  other_->Run(
      "CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace "
      "VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
      "previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5), "
      "PRIMARY KEY (catalog_name, table_namespace, table_name))");
  Result<std::unique_ptr<Catalog>> opened;
  std::thread opening([&] { opened = Open(); });
  AwaitBlocked();
  other_->Run("COMMIT");
  opening.join();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE((*opened)->CreateNamespace("ns", {}));
}

TEST_F(PostgresCatalogTest, SaysWhyADatabaseCannotBeUsed) {
  UseNewSchema();
  SqlCatalogOptions options = Options();
  const auto open = [&] { return OpenSqlCatalog(options, *file_system_, clock_, random_); };
  options.create_if_missing = false;
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(opened.error().message, HasSubstr("iceberg_tables"));

  for (const char* uri :
       {"mysql://h/d", "postgresql://h:x%zz/d", "host=h dbname=d", "catalog.db"}) {
    options.database_uri = uri;
    opened = open();
    ASSERT_FALSE(opened) << uri;
    EXPECT_EQ(opened.error().kind, ErrorKind::kInvalidArgument) << uri;
    EXPECT_THAT(opened.error().message, HasSubstr("postgresql://USER@HOST:PORT/DATABASE"));
  }
  for (const char* uri : {"postgresql://u:s3cret@h/d", "postgresql://u@h/d?password=s3cret"}) {
    options.database_uri = uri;
    opened = open();
    ASSERT_FALSE(opened) << uri;
    EXPECT_EQ(opened.error().kind, ErrorKind::kInvalidArgument) << uri;
    EXPECT_THAT(opened.error().message, Not(HasSubstr("s3cret")));
    EXPECT_THAT(opened.error().message, HasSubstr("catalog.password"));
  }
  // A server that answers and refuses, and none.
  options.database_uri = io::PostgresServer::Shared()->Uri("&dbname=nowhere");
  options.database_password = "s3cret";
  opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kIo) << opened.error().message;
  EXPECT_THAT(opened.error().message, HasSubstr("nowhere"));
  EXPECT_THAT(opened.error().message, Not(HasSubstr("s3cret")));
  options.database_uri = "postgresql://octolake@127.0.0.1:1/octolake";
  opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kTransient) << opened.error().message;
  EXPECT_THAT(opened.error().message, HasSubstr("postgresql://octolake@127.0.0.1:1/octolake"));
}

TEST_F(PostgresCatalogTest, WhatIsTooLongForTheCatalogIsRefused) {
  const std::string name(300, 'x');
  const Status created = catalog_->CreateNamespace(name, {});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(catalog_->ListNamespaces()->empty());
}

}  // namespace
}  // namespace octolake::iceberg
