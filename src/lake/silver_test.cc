#include "lake/silver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "iceberg/transaction.h"
#include "lake/position.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kDay1[] = "2015-01-01T12:00:00Z";
constexpr char kDay2[] = "2015-01-02T12:00:00Z";

// What an expiry leaves: the current snapshot, and no tag.
class KeepOnlyCurrentSnapshot final : public iceberg::TableUpdate {
 public:
  Status Apply(const iceberg::UpdateContext&, iceberg::TableMetadata& metadata) override {
    const int64_t current = *metadata.current_snapshot_id;
    const auto is_other = [&](const auto& entry) { return entry.snapshot_id != current; };
    metadata.snapshots.EraseIf(is_other);
    std::erase_if(metadata.snapshot_log, is_other);
    std::erase_if(metadata.refs, [&](const auto& ref) { return is_other(ref.second); });
    return {};
  }
  std::vector<std::string> Unused(const iceberg::TableMetadata*) const override { return {}; }
};

class SilverTest : public WarehouseTest {
 protected:
  std::vector<std::string> Keys() { return Column(ParsedEvents({}), "event_key"); }
  std::string LoadLines(const std::string& lines) {
    const std::string path = WriteFile(std::to_string(++files_) + ".json", lines);
    EXPECT_EQ(Load({path}).files.at(0).error, "");
    return path;
  }
  SourcePosition Position() { return Must(ReadPosition(Parsed(), BronzeEvents({}))); }
  void Commit(const iceberg::TableIdentifier& table, std::unique_ptr<iceberg::TableUpdate> update,
              Warehouse& warehouse) {
    iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
    transaction.Add(table, std::move(update));
    Must(transaction.Commit());
  }

  // A file of rows of Silver as another program would write them, with no commit that names it.
  iceberg::DataFile SilverFileElsewhere(const std::string& directory, const std::string& lines) {
    WarehouseOptions options;
    options.directory = directory;
    auto elsewhere = Must(Warehouse::Open(options, clock_, SystemRandom()));
    Must(CreateTables(*elsewhere));
    IgnoreProgress progress;
    const std::string path = WriteFile(std::to_string(++files_) + "-elsewhere.json", lines);
    Must(LoadFiles(*elsewhere, {path}, {}, progress));
    Must(RunSilver(*elsewhere, {}, progress));
    const auto table = Must(elsewhere->catalog().LoadTable(ParsedEvents({})));
    return Must(iceberg::PlanScan(elsewhere->file_system(), *table.metadata, std::nullopt, {}))
        .at(0)
        .file;
  }
  // Names a file that holds no event of the tests, in a day of its own.
  void AppendForeignFile(int32_t day) {
    iceberg::DataFile file;
    file.file_path = "file:///nowhere/" + std::to_string(day) + ".parquet";
    file.partition = {iceberg::Literal(day)};
    file.record_count = 1;
    file.file_size_in_bytes = 1;
    Commit(ParsedEvents({}), iceberg::AppendFiles({file}, {}), *others_);
  }

  int files_ = 0;
};

TEST_F(SilverTest, NothingToDoOnAnEmptyBronze) {
  const SilverReport report = Silver();
  EXPECT_EQ(report.bronze_rows, 0);
  EXPECT_EQ(report.commits, 0);
  EXPECT_EQ(report.consumed_snapshot, std::nullopt);
}

TEST_F(SilverTest, ReadsOnlyWhatWasAppendedSince) {
  LoadLines(EventLine("1", kDay1) + EventLine("2", kDay2));
  const SilverReport first = Silver();
  EXPECT_EQ(first.bronze_rows, 2);
  EXPECT_EQ(first.added, 2);
  EXPECT_EQ(first.rescan_reason, "");
  EXPECT_EQ(first.consumed_snapshot, Bronze().metadata->current_snapshot_id);

  LoadLines(EventLine("3", kDay1));
  const SilverReport second = Silver();
  EXPECT_EQ(second.bronze_rows, 1);
  EXPECT_EQ(second.added, 1);
  const SilverReport third = Silver();
  EXPECT_EQ(third.bronze_rows, 0);
  EXPECT_EQ(third.commits, 0);
  EXPECT_THAT(Keys(), UnorderedElementsAre("1@1420113600000000", "2@1420200000000000",
                                           "3@1420113600000000"));
}

TEST_F(SilverTest, ThePositionIsInTheCommitAndTheConsumedSnapshotIsTagged) {
  LoadLines(EventLine("1", kDay1));
  Silver();
  const int64_t consumed = *Bronze().metadata->current_snapshot_id;
  const auto silver = Parsed().metadata;
  EXPECT_EQ(silver->CurrentSnapshot()->summary.at("octolake.position.bronze.github_events"),
            std::to_string(consumed));
  EXPECT_EQ(silver->refs.at("octolake.bronze.github_events").snapshot_id,
            *silver->current_snapshot_id);
  EXPECT_FALSE(silver->refs.at("octolake.bronze.github_events").is_branch);
  EXPECT_EQ(Bronze().metadata->refs.at("octolake.consumed.silver.github_events_parsed").snapshot_id,
            consumed);
  EXPECT_EQ(Position().consumed_snapshot, consumed);
  EXPECT_EQ(Position().tagged_snapshot, silver->current_snapshot_id);
}

TEST_F(SilverTest, ATagWithoutAPositionIsCorruption) {
  LoadLines(EventLine("1", kDay1));
  Silver();
  Commit(ParsedEvents({}), iceberg::AppendFiles({}, {}), *warehouse_);
  Commit(ParsedEvents({}), iceberg::SetTag("octolake.bronze.github_events", std::nullopt),
         *warehouse_);
  IgnoreProgress progress;
  const auto report = RunSilver(*warehouse_, {}, progress);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(report.error().message, HasSubstr("octolake.bronze.github_events"));
}

TEST_F(SilverTest, DuplicatesInOneStepAndLaterOnesAreCounted) {
  LoadLines(EventLine("1", kDay1, R"({"action":"first"})") +
            EventLine("1", kDay1, R"({"action":"second"})") + EventLine("1", kDay2));
  const SilverReport first = Silver();
  EXPECT_EQ(first.bronze_rows, 3);
  EXPECT_EQ(first.added, 2);
  EXPECT_EQ(first.duplicates, 1);
  LoadLines(EventLine("1", kDay1, R"({"action":"later"})") + EventLine("2", kDay1));
  const SilverReport second = Silver();
  EXPECT_EQ(second.added, 1);
  EXPECT_EQ(second.duplicates, 1);
  EXPECT_THAT(Keys(), UnorderedElementsAre("1@1420113600000000", "1@1420200000000000",
                                           "2@1420113600000000"));
  EXPECT_THAT(Column(ParsedEvents({}), "payload_action"),
              UnorderedElementsAre("first", "NULL", "NULL"));
}

TEST_F(SilverTest, TheFirstReceivedWinsAlsoAcrossFilesOfOneStep) {
  const std::string a = WriteFile("a.json", EventLine("1", kDay1, R"({"action":"a"})"));
  const std::string b = WriteFile("b.json", EventLine("1", kDay1, R"({"action":"b"})"));
  Load({b, a});
  EXPECT_EQ(Silver().added, 1);
  EXPECT_THAT(Column(ParsedEvents({}), "payload_action"), ElementsAre("b"));
}

TEST_F(SilverTest, TheSameInstantInAnotherZoneIsTheSameEvent) {
  LoadLines(EventLine("1", "2015-01-01T12:00:00Z") + EventLine("1", "2015-01-01T04:00:00-08:00") +
            EventLine("1", "2015-01-01T12:00:01Z"));
  const SilverReport report = Silver();
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(report.duplicates, 1);
}

TEST_F(SilverTest, LoadingAndRunningAgainChangesNoCount) {
  const std::string path = LoadLines(EventLine("1", kDay1) + EventLine("2", kDay2));
  Silver();
  for (int round = 0; round < 2; ++round) {
    Load({path});
    Silver();
    EXPECT_EQ(CountRows(BronzeEvents({})), 2);
    EXPECT_EQ(CountRows(ParsedEvents({})), 2);
  }
  LoadOptions again;
  again.again = true;
  Load({path}, again);
  EXPECT_EQ(CountRows(BronzeEvents({})), 4);
  const SilverReport report = Silver();
  EXPECT_EQ(report.bronze_rows, 2);
  EXPECT_EQ(report.duplicates, 2);
  // The position moves even so, and nothing is read twice.
  EXPECT_EQ(report.commits, 1);
  EXPECT_EQ(Silver().bronze_rows, 0);
  EXPECT_EQ(CountRows(ParsedEvents({})), 2);
}

TEST_F(SilverTest, EventsOfManyYearsGoToTheirDays) {
  LoadLines(EventLine("1", "2026-01-01T00:00:00Z"));
  Silver();
  LoadLines(EventLine("2", "2011-02-12T23:59:59Z") + EventLine("3", "2030-12-31T00:00:00Z") +
            EventLine("1", "2026-01-01T00:00:00Z") + EventLine("4", "1969-12-31T23:00:00Z"));
  const SilverReport report = Silver();
  // Times before 1970 are no times of GitHub's: the reader rejects them.
  EXPECT_EQ(report.added + report.duplicates, report.bronze_rows);
  EXPECT_EQ(report.duplicates, 1);
  const auto keys = Keys();
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
  const iceberg::Table silver = Parsed();
  std::set<int32_t> days;
  for (const auto& task :
       Must(iceberg::PlanScan(warehouse_->file_system(), *silver.metadata, std::nullopt, {}))) {
    days.insert(std::get<int32_t>(*task.file.partition.at(0)));
  }
  EXPECT_TRUE(days.contains(15017));  // 2011-02-12
  EXPECT_TRUE(days.contains(22279));  // 2030-12-31
  EXPECT_TRUE(days.contains(20454));  // 2026-01-01
}

TEST_F(SilverTest, WholeSnapshotsUpToTheRowsOfACommit) {
  for (int i = 0; i < 5; ++i) {
    LoadLines(EventLine(std::to_string(2 * i), kDay1) +
              EventLine(std::to_string(2 * i + 1), kDay1));
  }
  SilverOptions options;
  options.commit_rows = 5;
  const SilverReport report = Silver(options);
  EXPECT_EQ(report.commits, 3);
  EXPECT_EQ(report.added, 10);
  EXPECT_EQ(report.consumed_snapshot, Bronze().metadata->current_snapshot_id);
  // Every commit of this history, which only ever appended, moved the position.
  std::set<std::string> positions;
  const iceberg::Table silver = Parsed();
  for (const auto& snapshot : silver.metadata->snapshots) {
    const auto position = snapshot.summary.find("octolake.position.bronze.github_events");
    ASSERT_NE(position, snapshot.summary.end()) << snapshot.snapshot_id;
    positions.insert(position->second);
  }
  EXPECT_EQ(positions.size(), 3u);
}

TEST_F(SilverTest, RescanReadsAllAndAddsNothing) {
  LoadLines(EventLine("1", kDay1));
  LoadLines(EventLine("2", kDay1));
  Silver();
  SilverOptions options;
  options.rescan = true;
  const SilverReport report = Silver(options);
  EXPECT_EQ(report.bronze_rows, 2);
  EXPECT_EQ(report.duplicates, 2);
  EXPECT_EQ(report.added, 0);
  EXPECT_EQ(report.rescan_reason, "asked for");
}

TEST_F(SilverTest, RescansWhenTheConsumedSnapshotIsGone) {
  LoadLines(EventLine("1", kDay1));
  const int64_t consumed = *Silver().consumed_snapshot;
  LoadLines(EventLine("2", kDay1));
  Commit(BronzeEvents({}), std::make_unique<KeepOnlyCurrentSnapshot>(), *warehouse_);
  const SilverReport report = Silver();
  EXPECT_EQ(report.bronze_rows, 2);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.duplicates, 1);
  EXPECT_THAT(report.rescan_reason, HasSubstr(std::to_string(consumed)));
  EXPECT_EQ(Silver().rescan_reason, "");
  EXPECT_EQ(CountRows(ParsedEvents({})), 2);
}

TEST_F(SilverTest, RescansAfterBronzeWasRolledBack) {
  LoadLines(EventLine("1", kDay1));
  const int64_t before = *Bronze().metadata->current_snapshot_id;
  LoadLines(EventLine("2", kDay1));
  Silver();
  Commit(BronzeEvents({}), iceberg::RollbackTo(before), *warehouse_);
  LoadLines(EventLine("3", kDay1));
  const SilverReport report = Silver();
  EXPECT_NE(report.rescan_reason, "");
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(CountRows(ParsedEvents({})), 3);
}

TEST_F(SilverTest, ASecondStepAtTheSameTimeAddsNothingTwice) {
  LoadLines(EventLine("1", kDay1) + EventLine("2", kDay2));
  HookCatalog().before_commit = {[&] {
    IgnoreProgress progress;
    EXPECT_EQ(Must(RunSilver(*others_, {}, progress)).added, 2);
  }};
  const SilverReport report = Silver();
  EXPECT_EQ(report.added, 0);
  EXPECT_EQ(report.commits, 0);
  EXPECT_EQ(CountRows(ParsedEvents({})), 2);
  EXPECT_EQ(CountDataFiles(ParsedEvents({})), 2);  // what was written in vain is gone
}

TEST_F(SilverTest, ARaceLostToAStepThatCameLessFarIsGoneOnFrom) {
  LoadLines(EventLine("1", kDay1));
  const int64_t first = *Bronze().metadata->current_snapshot_id;
  HookedCatalog& catalog = HookCatalog();
  LoadLines(EventLine("2", kDay1));
  catalog.before_commit = {[&] {
    // As if the other step had begun before the second load.
    Commit(BronzeEvents({}), iceberg::RollbackTo(first), *others_);
    IgnoreProgress progress;
    EXPECT_EQ(Must(RunSilver(*others_, {}, progress)).added, 1);
  }};
  const SilverReport report = Silver();
  EXPECT_EQ(report.added, 0);
  EXPECT_EQ(CountRows(ParsedEvents({})), 1);
}

TEST_F(SilverTest, AStepThatMovesOnBeforeALostReplyIsLookedUpIsNotTakenBack) {
  LoadLines(EventLine("1", kDay1));
  LoadLines(EventLine("2", kDay1));
  const std::string third = WriteFile("third.json", EventLine("3", kDay1));
  HookedCatalog& catalog = HookCatalog();
  catalog.loss = std::make_shared<ReplyLoss>();
  catalog.before_load = [&, done = false]() mutable {
    if (catalog.loss->lost == 0 || std::exchange(done, true)) return;
    IgnoreProgress progress;
    Must(LoadFiles(*others_, {third}, {}, progress));
    EXPECT_EQ(Must(RunSilver(*others_, {}, progress)).added, 2);
  };
  SilverOptions options;
  options.commit_rows = 1;
  Silver(options);
  EXPECT_EQ(CountRows(ParsedEvents({})), 3);
  EXPECT_EQ(Must(ReadPosition(Parsed(), BronzeEvents({}))).consumed_snapshot,
            Bronze().metadata->current_snapshot_id);
}

TEST_F(SilverTest, ForeignCommitsElsewhereMakeNothingStartOver) {
  LoadLines(EventLine("1", kDay1));
  HookedCatalog& catalog = HookCatalog();
  int32_t day = 20'000;
  std::set<std::string> written;  // before each of our attempts to commit
  catalog.before_commit.assign(4, [&] {
    for (const auto& file :
         Must(others_->file_system().List(Parsed().metadata->location + "/data"))) {
      written.insert(file.location);
    }
    AppendForeignFile(day++);
  });
  const SilverReport report = Silver();
  EXPECT_TRUE(catalog.before_commit.empty());
  EXPECT_EQ(written.size(), 1u);
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.bronze_rows, 1);
  EXPECT_EQ(report.commits, 1);
  EXPECT_EQ(CountRows(ParsedEvents({})), 1 + 4);
}

TEST_F(SilverTest, AForeignFileInADayWrittenToMakesTheChunkStartOver) {
  LoadLines(EventLine("1", kDay1) + EventLine("2", kDay2) + EventLine("3", kDay2));
  // The others have the event already: rows of day 2 that Silver wrote elsewhere.
  const std::string elsewhere = directory_ + "/elsewhere";
  const iceberg::DataFile foreign = SilverFileElsewhere(elsewhere, EventLine("2", kDay2));
  HookedCatalog& catalog = HookCatalog();
  catalog.before_commit = {
      [&] { Commit(ParsedEvents({}), iceberg::AppendFiles({foreign}, {}), *others_); }};
  const SilverReport report = Silver();
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(report.duplicates, 1);
  EXPECT_EQ(report.commits, 1);
  EXPECT_THAT(Keys(), UnorderedElementsAre("1@1420113600000000", "2@1420200000000000",
                                           "3@1420200000000000"));
}

TEST_F(SilverTest, GivesUpWhenOthersAlwaysComeFirst) {
  LoadLines(EventLine("1", kDay1));
  HookedCatalog& catalog = HookCatalog();
  const iceberg::DataFile foreign =
      SilverFileElsewhere(directory_ + "/elsewhere", EventLine("9", kDay1));
  int number = 0;
  const auto come_first = [&] {
    // The same rows under another name each time.
    iceberg::DataFile file = foreign;
    file.file_path += "-" + std::to_string(number++);
    std::filesystem::copy_file(foreign.file_path.substr(7), file.file_path.substr(7));
    Commit(ParsedEvents({}), iceberg::AppendFiles({file}, {}), *others_);
  };
  catalog.before_commit.assign(100, come_first);
  IgnoreProgress progress;
  const auto report = RunSilver(*warehouse_, {}, progress);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCommitConflict);
  EXPECT_EQ(CountDataFiles(ParsedEvents({})), 0);  // of ours
}

// Steps and others that append to random days at random moments: nothing is twice in Silver but
// what others put there, and nothing is missing.
TEST_F(SilverTest, RacesWithOthersLoseAndDoubleNothing) {
  constexpr int kRounds = 5;
  SeededRandom random(7);
  const auto event = [](int64_t number) {
    const std::string day = number % 3 == 0   ? "2015-01-01"
                            : number % 3 == 1 ? "2015-01-02"
                                              : "2015-01-03";
    return EventLine(std::to_string(number), day + "T12:00:00Z");
  };
  HookedCatalog& catalog = HookCatalog();
  int64_t next = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::string lines;
    const int64_t first = next;
    for (; next < first + 6; ++next) lines += event(next);
    LoadLines(lines);
    // Others write some of the same events, each once.
    std::vector<iceberg::DataFile> foreign;
    for (int64_t number = first; number < next; ++number) {
      if (random.Next() % 3 != 0) continue;
      foreign.push_back(
          SilverFileElsewhere(directory_ + "/other" + std::to_string(number), event(number)));
    }
    catalog.before_commit.clear();
    for (const iceberg::DataFile& file : foreign) {
      catalog.before_commit.push_back(
          [this, file] { Commit(ParsedEvents({}), iceberg::AppendFiles({file}, {}), *others_); });
    }
    const SilverReport report = Silver();
    // What others added after our commit was not there to be seen; all else was.
    EXPECT_EQ(report.added + report.duplicates, 6);
    catalog.before_commit.clear();
    const auto keys = Keys();
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
    EXPECT_EQ(static_cast<int64_t>(keys.size()), next);
  }
}

TEST_F(SilverTest, ARescanHoldsAFewKeysAtATime) {
  constexpr int kEvents = 600;
  std::string lines;
  for (int i = 0; i < kEvents; ++i) {
    lines += EventLine(std::to_string(i), i % 2 == 0 ? kDay1 : kDay2);
    if (i % 10 == 0) lines += EventLine(std::to_string(i), i % 2 == 0 ? kDay1 : kDay2);
  }
  LoadLines(lines);
  SilverOptions few;
  few.keys_at_once = 100;
  few.rescan = true;
  const SilverReport first = Silver(few);
  EXPECT_EQ(first.added, kEvents);
  EXPECT_EQ(first.duplicates, kEvents / 10);
  EXPECT_GT(first.most_keys_at_once, 0);
  EXPECT_LT(first.most_keys_at_once, 150);
  const SilverReport again = Silver(few);
  EXPECT_EQ(again.added, 0);
  EXPECT_EQ(again.duplicates, kEvents + kEvents / 10);
  EXPECT_LT(again.most_keys_at_once, 150);
  auto keys = Keys();
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
  EXPECT_EQ(keys.size(), static_cast<size_t>(kEvents));
}

TEST_F(SilverTest, NothingIsRemovedWhenTheOutcomeIsUnknown) {
  LoadLines(EventLine("1", kDay1));
  HookCatalog().fall_silent = true;
  IgnoreProgress progress;
  const auto report = RunSilver(*warehouse_, {}, progress);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCommitStateUnknown);
  warehouse_ = std::move(others_);
  EXPECT_EQ(CountDataFiles(ParsedEvents({})), 1);
  EXPECT_EQ(Silver().added, 1);
  EXPECT_EQ(CountRows(ParsedEvents({})), 1);
}

TEST_F(SilverTest, SourcesSelect) {
  LoadOptions webhook;
  webhook.source = "events_api";
  Load({WriteFile("a.json", EventLine("1", kDay1))});
  Load({WriteFile("b.json", EventLine("2", kDay1))}, webhook);
  SilverOptions options;
  options.sources = {"events_api", "collect"};
  const SilverReport report = Silver(options);
  EXPECT_EQ(report.bronze_rows, 1);
  EXPECT_THAT(Column(ParsedEvents({}), "event_id"), ElementsAre("2"));
  options.sources.clear();
  options.rescan = true;
  EXPECT_EQ(Silver(options).added, 1);
}

TEST_F(SilverTest, ProcessedAtIsOneInstantACommit) {
  LoadLines(EventLine("1", kDay1) + EventLine("2", kDay2));
  Silver();
  const auto times = Column(ParsedEvents({}), "processed_at");
  EXPECT_THAT(times, ElementsAre("2026-01-02 03:04:07.000000Z", "2026-01-02 03:04:07.000000Z"));
}

}  // namespace
}  // namespace octolake::lake
