// A catalog whose URI names two servers: a primary, and a standby that may take its place.
#include <chrono>
#include <thread>

#include "iceberg/sql_catalog_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kLongest(60);

class PostgresFailoverTest : public SqlCatalogTestBase {
 protected:
  PostgresFailoverTest() { kind_ = TestDatabase::kPostgres; }
  void SetUp() override {
    SqlCatalogTestBase::SetUp();
    if (IsSkipped()) return;
    standby_ = Primary().StartStandby();
    only_standby_ = uri_ + "&host=" + standby_->host();
    uri_ += "&host=" + Primary().host() + "," + standby_->host();
    catalog_ = Open().value();
    table_ = Create({"ns", "t"});
    const auto written = Other()->Rows("SELECT pg_current_wal_lsn()");
    AwaitOnStandby("SELECT 1 WHERE pg_last_wal_replay_lsn() >= '" + written.at(0) + "'");
  }
  static io::PostgresServer& Primary() { return *io::PostgresServer::Shared(); }
  // Until the standby has an answer to this.
  void AwaitOnStandby(const std::string& sql) {
    OtherPostgresProgram program(only_standby_);
    const auto end = std::chrono::steady_clock::now() + kLongest;
    while (program.Rows(sql).empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << sql;
      std::this_thread::yield();
    }
  }
  Result<std::unique_ptr<Catalog>> OpenImpatient() {
    SqlCatalogOptions options = Options();
    options.busy_timeout_ms = 100;
    return OpenSqlCatalog(options, *file_system_, clock_, random_);
  }

  std::unique_ptr<io::PostgresServer> standby_;
  std::string only_standby_;  // its URI
  Table table_;
};

TEST_F(PostgresFailoverTest, AStandbyIsNotAsked) {
  catalog_ = OpenImpatient().value();
  Primary().Stop();
  const auto opened = OpenImpatient();
  // What it says is old; and it would say at once that no commit is under way.
  EXPECT_FALSE(catalog_->LoadTable({"ns", "t"}));
  EXPECT_FALSE(catalog_->AwaitCommits());
  Primary().Restart();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("not a standby"));
  EXPECT_TRUE(catalog_->LoadTable({"ns", "t"}));
  EXPECT_TRUE(catalog_->AwaitCommits());
}

TEST_F(PostgresFailoverTest, AUriCannotAskForAStandby) {
  uri_ = only_standby_ + "&target_session_attrs=any";
  const auto opened = Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kIo);
  EXPECT_THAT(opened.error().message, HasSubstr("not a standby"));
}

TEST_F(PostgresFailoverTest, ThePrimaryIsFoundBehindTheStandby) {
  uri_ = only_standby_ + "," + Primary().host();
  catalog_ = Open().value();
  EXPECT_TRUE(Commit(SetProperty(table_, "a", "1")));
}

TEST_F(PostgresFailoverTest, ACommitWaitsForTheStandbyToTakeOver) {
  Primary().Stop();
  Result<std::vector<Table>> committed;
  std::thread committing([&] { committed = Commit(SetProperty(table_, "a", "1")); });
  // It has met the standby when that was still one.
  AwaitOnStandby(
      "SELECT 1 WHERE strpos(pg_read_file(current_setting('unix_socket_directories') || '/log'), "
      "'application_name=octolake') > 0");
  AwaitOnStandby("SELECT 1 WHERE pg_promote()");
  committing.join();
  Primary().Restart();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"})->metadata->properties.at("a"), "1");
}

}  // namespace
}  // namespace octolake::iceberg
