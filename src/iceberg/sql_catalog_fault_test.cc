// Every SQLite step of commits to the catalog fails once, in every way a step can.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "iceberg/memory_file_system_for_test.h"
#include "iceberg/sql_catalog.h"
#include "iceberg/transaction.h"
#include "io/fault_ways_for_test.h"
#include "io/faulty_sqlite_vfs_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::Contains;
namespace fs = std::filesystem;

class SqlCatalogFaultTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Catalog>> Open() {
    SqlCatalogOptions options;
    options.database_path = (directory_ / "catalog.db").string();
    options.catalog_name = "demo";
    options.warehouse_location = "/warehouse";
    return OpenSqlCatalog(options, file_system_, clock_, random_);
  }
  void StartAnew() {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  // What is there after a healthy start, by the value of a property; "" for a table that is not.
  std::string Value(const TableIdentifier& table) {
    auto catalog = Open();
    EXPECT_TRUE(catalog) << catalog.error().message;
    if (!catalog) return "?";
    auto loaded = (*catalog)->LoadTable(table);
    if (!loaded && loaded.error().kind == ErrorKind::kNotFound) return "";
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? loaded->metadata->properties.at("value") : "?";
  }

  static NewTable Numbers() {
    NewTable table;
    Field id;
    id.id = 1;
    id.name = "id";
    id.type = LongType();
    table.schema.fields = {id};
    table.properties = {{"value", "old"}};
    return table;
  }
  Status Create(Catalog& catalog, const TableIdentifier& table) {
    OCTO_TRY(CreateTableIfMissing(catalog, {file_system_, clock_, random_}, table, Numbers()));
    return {};
  }
  // Sets the property of both tables in one commit of the catalog.
  static Status SetBoth(Catalog& catalog) {
    std::vector<TableChange> changes;
    for (const TableIdentifier& name : {kOne, kTwo}) {
      OCTO_ASSIGN(const Table base, catalog.LoadTable(name));
      changes.push_back({.identifier = name, .base = base, .metadata = *base.metadata});
      changes.back().metadata.properties["value"] = "new";
    }
    OCTO_TRY(catalog.CommitTables(std::move(changes)));
    return {};
  }

  // Runs an action with a fault at the step of that number.
  template <typename Action>
  std::pair<Status, std::vector<io::StepKind>> RunWith(const io::FaultWay& way, int64_t step,
                                                       Action action) {
    io::FaultPlan plan(
        {.step = step, .effect = way.effect, .dies = way.dies, .disk_full = way.disk_full},
        static_cast<uint64_t>(step));
    io::FaultySqliteVfs vfs(plan);
    Status done = action();
    if (way.loses_power) vfs.CutPower();
    if (step > 0) {
      EXPECT_TRUE(plan.happened());
    }
    return {done, plan.steps()};
  }

  inline static const TableIdentifier kOne{"n", "one"};
  inline static const TableIdentifier kTwo{"n", "two"};
  SeededRandom random_{11};
  ManualClock clock_{1'700'000'000'000'000};
  MemoryFileSystem file_system_;
  const TempDirectory temp_{MemoryDirectory()};
  const fs::path directory_ = temp_.path();
};

TEST_F(SqlCatalogFaultTest, ACommitTakesEffectInAllTablesOrInNoneAndTellsTheTruth) {
  const auto prepare = [&] {
    StartAnew();
    auto catalog = Open().value();
    ASSERT_TRUE(Create(*catalog, kOne));
    ASSERT_TRUE(Create(*catalog, kTwo));
  };
  const auto commit = [&]() -> Status {
    OCTO_ASSIGN(const auto catalog, Open());
    return SetBoth(*catalog);
  };
  prepare();
  const auto [clean, steps] = RunWith({}, 0, commit);
  ASSERT_TRUE(clean) << clean.error().message;
  using enum io::StepKind;
  for (const io::StepKind kind : {kSqlOpen, kSqlLock, kSqlWrite, kSqlSync, kSqlDelete}) {
    EXPECT_THAT(steps, Contains(kind));
  }
  int unknown = 0;
  int points = 0;
  for (const io::FaultWay& way : io::FaultWays()) {
    for (int64_t step = 1; step <= std::ssize(steps); ++step) {
      if (!io::Applies(way, steps[static_cast<size_t>(step - 1)])) continue;
      SCOPED_TRACE("step " + std::to_string(step) + ", " +
                   std::string(io::StepKindName(steps[static_cast<size_t>(step - 1)])) + ", " +
                   way.name);
      prepare();
      const Status done = RunWith(way, step, commit).first;
      const std::string one = Value(kOne);
      EXPECT_EQ(Value(kTwo), one);
      if (done) {
        EXPECT_EQ(one, "new");
      } else if (done.error().kind == ErrorKind::kCommitStateUnknown) {
        EXPECT_TRUE(one == "new" || one == "old") << one;
        ++unknown;
      } else {
        EXPECT_EQ(one, "old") << done.error().message;
      }
      ++points;
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(points, 100);
  // A COMMIT that failed may have taken effect; what failed before it did not.
  EXPECT_GT(unknown, 0);
  EXPECT_LT(unknown, points);
}

TEST_F(SqlCatalogFaultTest, ATransactionFindsOutWhatBecameOfItsCommit) {
  const auto prepare = [&] {
    StartAnew();
    auto catalog = Open().value();
    ASSERT_TRUE(Create(*catalog, kOne));
    ASSERT_TRUE(Create(*catalog, kTwo));
  };
  const auto commit = [&]() -> Status {
    OCTO_ASSIGN(const auto catalog, Open());
    Transaction transaction(*catalog, {file_system_, clock_, random_});
    for (const TableIdentifier& name : {kOne, kTwo}) {
      transaction.Add(name, AppendFiles({}, {{"run", "1"}}));
      transaction.Add(name, SetProperties({{"value", "new"}}));
    }
    OCTO_TRY(transaction.Commit());
    return {};
  };
  const auto snapshots = [&](const TableIdentifier& name) {
    return Open().value()->LoadTable(name).value().metadata->snapshots.size();
  };
  prepare();
  const auto steps = RunWith({}, 0, commit).second;
  int committed = 0;
  for (const io::FaultWay& way : io::FaultWays()) {
    if (way.dies) continue;
    for (int64_t step = 1; step <= std::ssize(steps); ++step) {
      if (!io::Applies(way, steps[static_cast<size_t>(step - 1)])) continue;
      SCOPED_TRACE("step " + std::to_string(step) + ", " + way.name);
      prepare();
      const Status done = RunWith(way, step, commit).first;
      // Alive, it can always find out.
      if (!done) {
        EXPECT_NE(done.error().kind, ErrorKind::kCommitStateUnknown);
      }
      const size_t expected = done ? 1 : 0;
      committed += done ? 1 : 0;
      EXPECT_EQ(snapshots(kOne), expected);
      EXPECT_EQ(snapshots(kTwo), expected);
      EXPECT_EQ(Value(kOne), done ? "new" : "old");
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(committed, 0);
}

TEST_F(SqlCatalogFaultTest, ACatalogIsMadeWholeOrNotAtAll) {
  const auto create = [&]() -> Status {
    OCTO_ASSIGN(const auto catalog, Open());
    return Create(*catalog, kOne);
  };
  const auto steps = RunWith({}, 0, create).second;
  for (const io::FaultWay& way : io::FaultWays()) {
    for (int64_t step = 1; step <= std::ssize(steps); ++step) {
      if (!io::Applies(way, steps[static_cast<size_t>(step - 1)])) continue;
      SCOPED_TRACE("step " + std::to_string(step) + ", " + way.name);
      StartAnew();
      const Status done = RunWith(way, step, create).first;
      const std::string value = Value(kOne);
      if (done) {
        EXPECT_EQ(value, "old");
      }
      // Again, on a healthy disk.
      const Status again = create();
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_EQ(Value(kOne), "old");
      ASSERT_FALSE(HasFailure());
    }
  }
}

}  // namespace
}  // namespace octolake::iceberg
