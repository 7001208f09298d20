#include "maintain/compaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <utility>

#include "base/no_threads_for_test.h"
#include "iceberg/transaction.h"
#include "lake/warehouse_for_test.h"
#include "maintain/expiry.h"
#include "maintain/manifests.h"
#include "maintain/table_policy.h"

namespace octolake::maintain {
namespace {

using lake::BronzeEvents;
using lake::EventLine;
using lake::Must;
using lake::ParsedEvents;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kDay[] = "2015-01-01T12:00:00Z";

class CompactionTest : public lake::WarehouseTest {
 protected:
  // One file of Bronze a load.
  void LoadEvents(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      const std::string id = std::to_string(i);
      const char* type = i % 3 == 0 ? "PushEvent" : "ForkEvent";
      Load({WriteFile(id + ".json", EventLine(id, kDay, "{}", type) +
                                        EventLine(id + "b", kDay, "{}", "WatchEvent"))});
    }
  }
  std::vector<std::string> BronzeIds() { return Column(BronzeEvents({}), "id"); }
  std::vector<std::string> SortedParsed(const std::string& column) {
    auto values = Column(ParsedEvents({}), column);
    std::sort(values.begin(), values.end());
    return values;
  }
  Result<CompactionReport> TryCompact(const iceberg::TableIdentifier& table,
                                      CompactionOptions options = {}) {
    clock_.Advance(1'000'000);
    IgnoreProgress progress;
    return Compact(*warehouse_, table, options, {}, progress);
  }
  CompactionReport MustCompact(const iceberg::TableIdentifier& table,
                               CompactionOptions options = {}) {
    CompactionReport report = Must(TryCompact(table, std::move(options)));
    for (const Error& failure : report.failures) ADD_FAILURE() << failure.message;
    return report;
  }
  size_t LiveFiles(const iceberg::TableIdentifier& table) {
    return Must(iceberg::PlanScan(warehouse_->file_system(), *LoadTable(table).metadata, {}, {}))
        .size();
  }
};

TEST_F(CompactionTest, BringsFilesTogetherInTheOrderTheyCame) {
  LoadEvents(0, 6);
  const auto before = BronzeIds();
  ASSERT_THAT(before, SizeIs(12));
  const CompactionReport report = MustCompact(BronzeEvents({}));
  EXPECT_EQ(report.files_before, 6);
  EXPECT_EQ(report.files_after, 1);
  EXPECT_EQ(report.rows, 12);
  EXPECT_EQ(report.commits, 1);
  EXPECT_LT(report.bytes_after, report.bytes_before);
  EXPECT_EQ(BronzeIds(), before);
  EXPECT_EQ(LiveFiles(BronzeEvents({})), 1U);
  const auto& summary = Bronze().metadata->CurrentSnapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "replace");
  EXPECT_EQ(summary.at("octolake.compaction"), "binpack");
  EXPECT_EQ(summary.at("total-records"), "12");
  // There is nothing left to do.
  EXPECT_EQ(MustCompact(BronzeEvents({})).groups, 0);
}

TEST_F(CompactionTest, NeedsNoThreads) {
  for (const auto strategy :
       {CompactionStrategy::kBinPack, CompactionStrategy::kSort, CompactionStrategy::kZOrder}) {
    LoadEvents(0, 5);
    const auto before = CountRows(BronzeEvents({}));
    CompactionOptions options;
    options.strategy = strategy;
    options.columns = {"type", "id"};
    options.scope.all_files = true;
    options.concurrency = 0;
    const NoMoreThreads limit;
    const CompactionReport report = MustCompact(BronzeEvents({}), options);
    EXPECT_EQ(report.files_after, 1);
    EXPECT_EQ(report.rows, before);
    EXPECT_EQ(LiveFiles(BronzeEvents({})), 1U);
    // There is nothing to do.
    options.scope.all_files = false;
    EXPECT_EQ(MustCompact(BronzeEvents({}), options).groups, 0);
  }
}

TEST_F(CompactionTest, LongPayloadsBecomeSeveralFilesAtOnceAndKeepTheirOrder) {
  std::mt19937_64 random(5);
  for (int file = 0; file < 12; ++file) {
    std::string lines;
    for (int i = 0; i < 150; ++i) {
      std::string text;
      while (text.size() < 1500) text += std::to_string(random());
      const std::string id = std::to_string(file) + "-" + std::to_string(i);
      lines += EventLine(id, kDay, R"({"text":")" + text + "\"}");
    }
    Load({WriteFile(std::to_string(file) + ".json", lines)});
  }
  const auto ids = BronzeIds();
  const auto payloads = Column(BronzeEvents({}), "payload");
  ASSERT_THAT(payloads, SizeIs(1800));
  CompactionOptions options;
  options.scope.sizes.target = 400'000;  // about three files
  options.concurrency = 3;
  const CompactionReport report = MustCompact(BronzeEvents({}), options);
  EXPECT_EQ(report.files_before, 12);
  EXPECT_EQ(report.files_after, report.groups);
  EXPECT_GT(report.groups, 2);
  EXPECT_EQ(report.commits, 1);
  EXPECT_EQ(report.rows, 1800);
  EXPECT_EQ(BronzeIds(), ids);
  EXPECT_EQ(Column(BronzeEvents({}), "payload"), payloads);
  // None is left over that another run would rewrite.
  EXPECT_EQ(MustCompact(BronzeEvents({}), options).groups, 0);
}

TEST_F(CompactionTest, SilverGoesOnWhereItWas) {
  LoadEvents(0, 3);
  Silver();
  LoadEvents(3, 3);
  MustCompact(BronzeEvents({}));
  const lake::SilverReport silver = Silver();
  EXPECT_EQ(silver.rescan_reason, "");
  EXPECT_EQ(silver.added, 6);
  EXPECT_EQ(silver.duplicates, 0);
  LoadEvents(6, 1);
  EXPECT_EQ(Silver().added, 2);
  EXPECT_THAT(SortedParsed("event_key"), SizeIs(14));
}

TEST_F(CompactionTest, SilverStaysDeduplicatedAfterItWasCompacted) {
  for (int i = 0; i < 3; ++i) {
    LoadEvents(2 * i, 2);
    Silver();
  }
  const auto before = SortedParsed("event_key");
  const TablePolicy policy = PolicyFor({}, ParsedEvents({}));
  CompactionOptions options;
  options.strategy = policy.strategy;
  options.columns = policy.columns;
  options.scope.min_input_files = policy.min_input_files;
  EXPECT_EQ(MustCompact(ParsedEvents({}), options).files_after, 1);
  EXPECT_EQ(SortedParsed("event_key"), before);
  // Events that Silver has already, in files of another content.
  Load({WriteFile("again.json", EventLine("1", kDay, "{}", "ForkEvent") + EventLine("new", kDay))});
  const lake::SilverReport silver = Silver();
  EXPECT_EQ(silver.added, 1);
  EXPECT_EQ(silver.duplicates, 1);
}

TEST_F(CompactionTest, OrdersRowsByColumns) {
  LoadEvents(0, 9);
  Silver();
  CompactionOptions options;
  options.strategy = CompactionStrategy::kSort;
  options.columns = {"event_type", "event_id"};
  options.scope.all_files = true;
  MustCompact(ParsedEvents({}), options);
  EXPECT_THAT(Column(ParsedEvents({}), "event_id"),
              ElementsAre("1", "2", "4", "5", "7", "8", "0", "3", "6", "0b", "1b", "2b", "3b", "4b",
                          "5b", "6b", "7b", "8b"));
  options.strategy = CompactionStrategy::kZOrder;
  const auto before = SortedParsed("event_key");
  MustCompact(ParsedEvents({}), options);
  EXPECT_EQ(SortedParsed("event_key"), before);
}

TEST_F(CompactionTest, NamesAColumnThatIsNone) {
  LoadEvents(0, 1);
  CompactionOptions options;
  options.strategy = CompactionStrategy::kSort;
  EXPECT_THAT(TryCompact(BronzeEvents({}), options).error().message, HasSubstr("needs columns"));
  options.columns = {"kind"};
  const auto refused = TryCompact(BronzeEvents({}), options);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("no column kind"));
}

TEST_F(CompactionTest, ADryRunChangesNothing) {
  LoadEvents(0, 5);
  const auto before = Bronze().metadata_location;
  CompactionOptions options;
  options.dry_run = true;
  EXPECT_EQ(MustCompact(BronzeEvents({}), options).files_before, 5);
  EXPECT_EQ(Bronze().metadata_location, before);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 5);
}

TEST_F(CompactionTest, AppendsMeanwhileAreKept) {
  LoadEvents(0, 5);
  lake::HookedCatalog& catalog = HookCatalog();
  std::swap(warehouse_, others_);
  catalog.before_commit.push_back([&] { LoadEvents(5, 1); });
  std::swap(warehouse_, others_);
  IgnoreProgress progress;
  const CompactionReport report = Must(Compact(*warehouse_, BronzeEvents({}), {}, {}, progress));
  EXPECT_EQ(report.files_after, 1);
  auto ids = BronzeIds();
  EXPECT_THAT(ids, SizeIs(12));
  EXPECT_EQ(LiveFiles(BronzeEvents({})), 2U);
}

TEST_F(CompactionTest, GivesUpWhatSomebodyElseHasRewritten) {
  LoadEvents(0, 5);
  const auto before = BronzeIds();
  lake::HookedCatalog& catalog = HookCatalog();
  catalog.before_commit.push_back([&] {
    IgnoreProgress progress;
    Must(Compact(*others_, BronzeEvents({}), {}, {}, progress));
  });
  const CompactionReport report = MustCompact(BronzeEvents({}));
  EXPECT_EQ(report.conflicts, 1);
  EXPECT_EQ(report.groups, 0);
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("was to be rewritten")));
  EXPECT_EQ(BronzeIds(), before);
  // The loser's file is gone.
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 6);
}

TEST_F(CompactionTest, GivesUpWhatExpiresWhileItIsRead) {
  LoadEvents(0, 5);
  clock_.Advance(int64_t{48} * 3'600'000'000);
  LoadEvents(5, 5);
  const auto before = BronzeIds();
  HookCatalog();
  struct Interference final : ProgressListener {
    void OnProgress(const Progress& /*progress*/) override {
      if (auto run = std::exchange(once, nullptr)) run();
    }
    std::function<void()> once;
  };
  Interference others;
  others.once = [&] {
    IgnoreProgress progress;
    Must(Compact(*others_, BronzeEvents({}), {}, {}, progress));
    clock_.Advance(int64_t{3'600'000'000});
    ExpiryOptions options;
    options.older_than_ms = 1;
    options.keep = 1;
    EXPECT_GT(Must(ExpireTable(*others_, BronzeEvents({}), options, {})).snapshots, 0);
  };
  CompactionOptions options;
  options.concurrency = 0;
  const CompactionReport report = Must(Compact(*warehouse_, BronzeEvents({}), options, {}, others));
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_EQ(report.conflicts, 2);
  // All files of the first group are open by then: that they are gone is found at its commit.
  EXPECT_THAT(report.warnings,
              UnorderedElementsAre(HasSubstr("the snapshot that was read has expired"),
                                   HasSubstr("not rewritten, try again later")));
  EXPECT_EQ(BronzeIds(), before);
}

TEST_F(CompactionTest, AnUnknownOutcomeRemovesNothing) {
  LoadEvents(0, 5);
  const auto before = BronzeIds();
  HookCatalog().fall_silent = true;
  const auto unknown = TryCompact(BronzeEvents({}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kCommitStateUnknown);
  warehouse_ = std::move(others_);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 6);
  EXPECT_EQ(BronzeIds(), before);
}

TEST_F(CompactionTest, ADamagedFileKeepsNoOtherPartitionBack) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = std::to_string(i);
    Load({WriteFile(id, EventLine(id, kDay) + EventLine(id + "x", "2015-01-02T01:00:00Z"))});
    Silver();
  }
  const auto tasks = Must(iceberg::PlanScan(warehouse_->file_system(), *Parsed().metadata, {}, {}));
  const std::string path = Must(io::LocalPath(tasks.front().file.file_path));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  const CompactionReport report = Must(TryCompact(ParsedEvents({})));
  ASSERT_THAT(report.failures, SizeIs(1));
  EXPECT_EQ(report.failures[0].kind, ErrorKind::kCorruption);
  EXPECT_THAT(report.failures[0].message, HasSubstr(path.substr(path.rfind('/') + 1)));
  EXPECT_EQ(report.groups, 1);
  EXPECT_EQ(LiveFiles(ParsedEvents({})), 6U);
}

TEST_F(CompactionTest, AStopLeavesNothingBehind) {
  LoadEvents(0, 5);
  std::stop_source source;
  source.request_stop();
  IgnoreProgress progress;
  const auto report =
      Must(Compact(*warehouse_, BronzeEvents({}), {}, source.get_token(), progress));
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.commits, 0);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 5);
}

TEST_F(CompactionTest, ExpiryRemovesWhatCompactionReplaced) {
  LoadEvents(0, 5);
  MustCompact(BronzeEvents({}));
  ASSERT_EQ(CountDataFiles(BronzeEvents({})), 6);
  ExpiryOptions options;
  options.keep = 1;
  clock_.Advance(int64_t{6} * 24 * 3600 * 1'000'000);
  EXPECT_EQ(Must(ExpireTable(*warehouse_, BronzeEvents({}), options, {})).snapshots, 0);
  clock_.Advance(int64_t{2} * 24 * 3600 * 1'000'000);
  options.dry_run = true;
  const auto planned = Must(ExpireTable(*warehouse_, BronzeEvents({}), options, {}));
  EXPECT_EQ(planned.snapshots, 5);
  EXPECT_EQ(planned.commits, 0);
  options.dry_run = false;
  EXPECT_EQ(Must(ExpireTable(*warehouse_, BronzeEvents({}), options, {})).snapshots, 5);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 1);
  EXPECT_THAT(BronzeIds(), SizeIs(10));
}

TEST_F(CompactionTest, ManifestsBecomeFew) {
  LoadEvents(0, 12);
  const auto before = BronzeIds();
  const ManifestReport report = Must(RewriteTableManifests(*warehouse_, BronzeEvents({}), false));
  EXPECT_EQ(report.before, 12);
  EXPECT_EQ(report.after, 1);
  EXPECT_EQ(BronzeIds(), before);
  EXPECT_FALSE(Must(RewriteTableManifests(*warehouse_, BronzeEvents({}), false)).needed);
}

}  // namespace
}  // namespace octolake::maintain
