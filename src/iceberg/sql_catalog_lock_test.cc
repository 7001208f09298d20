#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

#include "iceberg/sql_catalog_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

using SqlCatalogLockTest = SqlCatalogTestBase;

TEST_F(SqlCatalogLockTest, SaysWhyADatabaseCannotBeOpened) {
  SqlCatalogOptions options = Options();
  const auto open = [&] { return OpenSqlCatalog(options, *file_system_, clock_, random_); };
  options.create_if_missing = false;
  options.database_path = (directory_ / "none.db").string();
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(opened.error().message, HasSubstr("none.db"));
  EXPECT_FALSE(fs::exists(options.database_path));

  options.database_path = (directory_ / "text.db").string();
  std::ofstream(options.database_path) << std::string(4096, 'x');
  opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kCorruption);

  options.database_path = (directory_ / "foreign.db").string();
  OtherSqliteProgram(options.database_path).Run("CREATE TABLE x (y)");
  opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(opened.error().message, HasSubstr("iceberg_tables"));

  options.database_path = directory_.string();
  EXPECT_EQ(open().error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(SqlCatalogLockTest, ALockedDatabaseIsATransientError) {
  const Table table = Create({"ns", "t"});
  SqlCatalogOptions options = Options();
  options.busy_timeout_ms = 20;
  catalog_ = OpenSqlCatalog(options, *file_system_, clock_, random_).value();
  OtherSqliteProgram other(options.database_path);
  other.Run("BEGIN IMMEDIATE");
  const auto locked = Commit(SetProperty(table, "a", "1"));
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(locked.error().message, HasSubstr("waited"));
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 1U);
  EXPECT_TRUE(catalog_->LoadTable({"ns", "t"})) << "readers go on";
  other.Run("COMMIT");
  EXPECT_TRUE(Commit(SetProperty(table, "a", "1")));
}

TEST_F(SqlCatalogLockTest, AReaderThatBlocksTheCommitIsATransientError) {
  const Table table = Create({"ns", "t"});
  SqlCatalogOptions options = Options();
  options.busy_timeout_ms = 20;
  catalog_ = OpenSqlCatalog(options, *file_system_, clock_, random_).value();
  OtherSqliteProgram other(options.database_path);
  other.Run("BEGIN");
  EXPECT_EQ(other.Rows("SELECT count(*) FROM iceberg_tables"), std::vector<std::string>{"1"});
  const auto locked = Commit(SetProperty(table, "a", "1"));
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 1U);
  other.Run("COMMIT");
  EXPECT_TRUE(Commit(SetProperty(table, "a", "1")));
}

TEST_F(SqlCatalogLockTest, ALockHeldForAMomentIsWaitedFor) {
  const Table table = Create({"ns", "t"});
  OtherSqliteProgram other(Options().database_path);
  other.Run("BEGIN IMMEDIATE");
  other.Run("INSERT INTO iceberg_namespace_properties VALUES ('demo', 'theirs', 'exists', 'true')");
  std::atomic<bool> committing = false;
  std::thread holder([&] {
    while (!committing) std::this_thread::yield();
    other.Run("COMMIT");
  });
  committing = true;
  const auto committed = Commit(SetProperty(table, "a", "1"));
  holder.join();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_THAT(catalog_->ListNamespaces().value(), ElementsAre("ns", "theirs"));
}

TEST_F(SqlCatalogLockTest, AnExclusiveLockStopsReadersTooUntilItIsGone) {
  Create({"ns", "t"});
  SqlCatalogOptions options = Options();
  options.busy_timeout_ms = 20;
  catalog_ = OpenSqlCatalog(options, *file_system_, clock_, random_).value();
  OtherSqliteProgram other(options.database_path);
  other.Run("BEGIN EXCLUSIVE");
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"}).error().kind, ErrorKind::kTransient);
  EXPECT_EQ(catalog_->ListNamespaces().error().kind, ErrorKind::kTransient);
  const auto opened = OpenSqlCatalog(options, *file_system_, clock_, random_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(opened.error().message, HasSubstr(options.database_path));
  EXPECT_THAT(opened.error().message, HasSubstr("try again later"));
  other.Run("ROLLBACK");
  EXPECT_TRUE(catalog_->LoadTable({"ns", "t"}));
}

// Root may write everywhere, whatever the permissions say.
class SqlCatalogReadOnlyTest : public SqlCatalogTestBase {
 protected:
  void SetUp() override {
    SqlCatalogTestBase::SetUp();
    table_ = Create({"ns", "t"});
    catalog_.reset();
  }
  void TearDown() override {
    fs::permissions(directory_, fs::perms::owner_all);
    SqlCatalogTestBase::TearDown();
  }
  // As a user without rights, in a process of its own; returns its exit status.
  int AsNobody(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
      ::_exit(body());
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // What a commit and a read end with: 0 if the read is good and the commit a kIo error that names
  // the database and says what to do.
  int ReadAndTryToCommit() {
    SqlCatalogOptions options = Options();
    options.create_if_missing = false;
    auto opened = OpenSqlCatalog(options, *file_system_, clock_, random_);
    if (!opened) return 1;
    if (!(*opened)->LoadTable({"ns", "t"})) return 2;
    if ((*opened)->ListTables("ns")->size() != 1) return 3;
    const Status made = (*opened)->CreateNamespace("x", {});
    if (made) return 4;
    const std::string& message = made.error().message;
    if (made.error().kind != ErrorKind::kIo) return 5;
    if (message.find(options.database_path) == std::string::npos) return 6;
    if (message.find("writ") == std::string::npos) return 7;
    return 0;
  }

  Table table_;
};

TEST_F(SqlCatalogReadOnlyTest, AFileThatCannotBeWrittenIsRead) {
  fs::permissions(directory_, fs::perms::all);
  fs::permissions(Options().database_path,
                  fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  EXPECT_EQ(AsNobody([this] { return ReadAndTryToCommit(); }), 0);
}

TEST_F(SqlCatalogReadOnlyTest, ADirectoryThatCannotBeWrittenIsRead) {
  fs::permissions(Options().database_path, fs::perms::all);
  fs::permissions(directory_, fs::perms::owner_read | fs::perms::owner_exec |
                                  fs::perms::others_read | fs::perms::others_exec);
  EXPECT_EQ(AsNobody([this] { return ReadAndTryToCommit(); }), 0);
}

TEST_F(SqlCatalogLockTest, AFileInWalModeStaysInItAndIsSharedWithItsMaker) {
  catalog_.reset();
  OtherSqliteProgram other(Options().database_path);
  EXPECT_THAT(other.Rows("PRAGMA journal_mode=WAL"), ElementsAre("wal"));
  catalog_ = Open().value();
  const Table table = Create({"ns", "t"});
  // A reader of the other program sees what was there when it began, and stops nobody.
  other.Run("BEGIN");
  EXPECT_THAT(other.Rows("SELECT metadata_location FROM iceberg_tables"),
              ElementsAre(table.metadata_location));
  const Table next = Commit(SetProperty(table, "a", "1")).value().front();
  EXPECT_THAT(other.Rows("SELECT metadata_location FROM iceberg_tables"),
              ElementsAre(table.metadata_location));
  other.Run("COMMIT");
  EXPECT_THAT(other.Rows("SELECT metadata_location FROM iceberg_tables"),
              ElementsAre(next.metadata_location));
  // Its writer does stop us, and we see what it committed.
  other.Run("BEGIN IMMEDIATE");
  other.Run("UPDATE iceberg_tables SET previous_metadata_location = 'x'");
  EXPECT_TRUE(catalog_->LoadTable({"ns", "t"}));
  other.Run("COMMIT");
  ASSERT_TRUE(Commit(SetProperty(next, "b", "2")));
  EXPECT_THAT(other.Rows("PRAGMA journal_mode"), ElementsAre("wal"));
}

// Fails to remove journals, which is the moment at which a transaction takes effect.
int FailingDelete(sqlite3_vfs*, const char*, int) { return SQLITE_IOERR_DELETE; }

TEST_F(SqlCatalogLockTest, AnOpenOutcomeKeepsTheFiles) {
  const Table table = Create({"ns", "t"});
  sqlite3_vfs* normal = sqlite3_vfs_find(nullptr);
  sqlite3_vfs failing = *normal;
  failing.zName = "failing";
  failing.pNext = nullptr;
  ASSERT_EQ(sqlite3_vfs_register(&failing, 1), SQLITE_OK);
  catalog_ = Open().value();
  failing.xDelete = FailingDelete;
  const auto unknown = Commit(SetProperty(table, "a", "1"));
  failing.xDelete = normal->xDelete;
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_EQ(MetadataFiles({"ns", "t"}).size(), 2U);
  // Whatever became of it, the catalog goes on.
  EXPECT_TRUE(catalog_->LoadTable({"ns", "t"}));
  catalog_.reset();
  sqlite3_vfs_unregister(&failing);
}

TEST_F(SqlCatalogLockTest, TheDirectoryOfTheDatabaseIsMade) {
  SqlCatalogOptions options = Options();
  options.database_path = (directory_ / "new" / "inner" / "catalog.db").string();
  ASSERT_TRUE(OpenSqlCatalog(options, *file_system_, clock_, random_));
  EXPECT_TRUE(fs::exists(options.database_path));
  options.database_path = (directory_ / "new" / "inner" / "catalog.db" / "x.db").string();
  const auto below = OpenSqlCatalog(options, *file_system_, clock_, random_);
  ASSERT_FALSE(below);
  EXPECT_THAT(below.error().message, HasSubstr("x.db"));
}

}  // namespace
}  // namespace octolake::iceberg
