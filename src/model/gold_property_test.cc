// Whatever the order in which events arrive, and whatever happens between the steps: after every
// run Gold is what a full refresh over the same Silver gives, only the partitions that can have
// changed were rewritten, and at the end all is as if everything had been loaded and run once.
//
// One test a seed. OCTOLAKE_SEEDS says how many (10 by default), OCTOLAKE_FIRST_SEED where to
// begin.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "lake/position.h"
#include "lake/warehouse_for_test.h"
#include "model/events_for_test.h"
#include "model/relations.h"
#include "model/run.h"

namespace octolake::model {
namespace {

using lake::Must;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Action = ModelReport::Action;

const iceberg::TableIdentifier kParsed{"silver", "github_events_parsed"};
const iceberg::TableIdentifier kSilver{"silver", "silver_github_events"};
const iceberg::TableIdentifier kGold{"gold", "gold_user_activity"};
// Everything but circumstances.
constexpr char kParsedFacts[] =
    "SELECT * EXCLUDE (processed_at, ingestion_date, trace_id, source) FROM ";
constexpr char kSilverFacts[] = "SELECT * EXCLUDE (processing_timestamp) FROM ";
constexpr char kGoldFacts[] = "SELECT * EXCLUDE (created_at) FROM ";

using FilesOfPartitions = std::map<std::string, std::set<std::string>>;

int64_t NumberFromEnvironment(const char* name, int64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? fallback : std::strtoll(text, nullptr, 10);
}

// Takes a snapshot out of a table's metadata, as an expiry does that knows no tags of ours.
class ForgetSnapshot final : public iceberg::TableUpdate {
 public:
  explicit ForgetSnapshot(int64_t snapshot_id) : snapshot_id_(snapshot_id) {}
  Status Apply(const iceberg::UpdateContext& /*context*/,
               iceberg::TableMetadata& metadata) override {
    metadata.snapshots.EraseIf([&](const auto& s) { return s.snapshot_id == snapshot_id_; });
    std::erase_if(metadata.snapshot_log,
                  [&](const auto& entry) { return entry.snapshot_id == snapshot_id_; });
    std::erase_if(metadata.refs,
                  [&](const auto& ref) { return ref.second.snapshot_id == snapshot_id_; });
    return {};
  }
  std::vector<std::string> Unused(const iceberg::TableMetadata* /*committed*/) const override {
    return {};
  }

 private:
  int64_t snapshot_id_;
};

// Gives the new snapshot another operation; "replace" is what a compaction says: other files, the
// same rows.
class SetOperation final : public iceberg::TableUpdate {
 public:
  explicit SetOperation(std::string operation) : operation_(std::move(operation)) {}
  Status Apply(const iceberg::UpdateContext& /*context*/,
               iceberg::TableMetadata& metadata) override {
    metadata.snapshots.Change(metadata.snapshots.size() - 1, [&](iceberg::Snapshot& last) {
      last.summary["operation"] = operation_;
    });
    return {};
  }
  std::vector<std::string> Unused(const iceberg::TableMetadata* /*committed*/) const override {
    return {};
  }

 private:
  std::string operation_;
};

// A model, the table it reads changes of, and what happened to them so far.
struct Step {
  size_t model;  // in the bundle
  std::string facts;
  iceberg::TableIdentifier source;
  iceberg::TableIdentifier target;
  bool ran = false;
  // Set when the next run must be a full refresh: a part of the reason that it has to give.
  std::optional<std::string> refresh;
};

class GoldProperty : public lake::WarehouseTest, public ::testing::WithParamInterface<int64_t> {
 protected:
  void SetUp() override {
    WarehouseTest::SetUp();
    TestEventSource source(random_);
    for (int64_t i = 20 + random_.Below(80); i > 0; --i) arrivals_.push_back(source.Next());
    for (size_t i = arrivals_.size(); i > 0; --i) {
      if (!random_.OneIn(6)) continue;
      arrivals_.push_back(arrivals_[i - 1]);
      arrivals_.back().text = arrivals_.back().again;
    }
    random_.Shuffle(arrivals_);
  }

  // The next events, in one to three files of one load.
  void LoadSome() {
    std::vector<std::string> paths;
    int64_t events = 0;
    for (int64_t files = 1 + random_.Below(3); files > 0 && next_ < arrivals_.size(); --files) {
      std::string lines;
      for (int64_t n = 1 + random_.Below(25); n > 0 && next_ < arrivals_.size(); --n) {
        const TestEvent& event = arrivals_[next_++];
        lines += event.text + "\n";
        expected_.Load(event);
        events += event.rejected ? 0 : 1;
      }
      paths.push_back(WriteFile("part-" + std::to_string(++files_) + ".json", lines));
    }
    lake::LoadOptions options;
    options.again = true;  // two files may happen to be equal
    options.source = random_.OneIn(4) ? "webhook" : "gharchive";
    EXPECT_EQ(Load(paths, options).events, events);
  }

  void Parse() {
    const int64_t added = expected_.Parse();
    EXPECT_EQ(Silver().added, added);
    EXPECT_EQ(CountRows(kParsed), expected_.parsed_rows());
  }

  void RunSilver() {
    expected_.RunSilver();
    const ModelReport report = Run(silver_);
    if (silver_.ran && gold_.ran && report.action == Action::kFullRefresh) {
      gold_.refresh = kSilver.ToString();
    }
    Finish(silver_);
  }

  void RunGold() {
    const auto files = LiveFiles(kGold);
    const auto times = gold_.ran ? MakingTimes() : std::map<std::string, std::string>();
    const ExpectedTables::Rows changed = expected_.RunGold();
    const ModelReport report = Run(gold_);
    if (gold_.ran && !gold_.refresh) {
      const auto partitions = ExpectedTables::Partitions(changed);
      EXPECT_EQ(report.partitions, partitions);
      ExpectOthersUntouched(partitions, files);
      ExpectOnlyMadeAnew(changed, times);
    } else {
      EXPECT_EQ(report.partitions, ExpectedTables::Partitions(expected_.gold()));
    }
    Finish(gold_);
  }

  // Something that befalls a model between two runs.
  void Disturb(Step& step) {
    if (!step.ran || step.refresh) return;
    const auto consumed = Must(lake::ReadPosition(LoadTable(step.target), step.source));
    switch (random_.Below(7)) {
      case 0:
        bundle_.models.at(step.model).full_sql += "\n-- another definition";
        step.refresh = "the model's definition changed";
        return;
      case 1:
        if (RollBack(step.target)) step.refresh = "rolled back";
        return;
      case 2:
        if (consumed.consumed_snapshot == LoadTable(step.source).metadata->current_snapshot_id) {
          return;
        }
        Commit(step.source, std::make_unique<ForgetSnapshot>(*consumed.consumed_snapshot));
        step.refresh = step.source.ToString();
        return;
      case 3:
        Rewrite(step.source, "overwrite");
        step.refresh = step.source.ToString();
        return;
      case 4:
        Rewrite(step.source, "replace");
        return;
      case 5:
        options_.full_refresh = true;
        step.refresh = "";
        return;
      default:
        return;
    }
  }

  void ExpectAsLoadedAndRunOnce() {
    std::string lines;
    for (const TestEvent& event : arrivals_) lines += event.text + "\n";
    lake::WarehouseOptions options;
    options.directory = directory_ + "/fresh";
    auto fresh = Must(lake::Warehouse::Open(options, clock_, SystemRandom()));
    Must(lake::CreateTables(*fresh));
    IgnoreProgress progress;
    Must(lake::LoadFiles(*fresh, {WriteFile("all.json", lines)}, {}, progress));
    Must(lake::RunSilver(*fresh, {}, progress));
    Must(RunModels(*fresh, bundle_, {}, progress));
    for (const std::string& table :
         {kParsedFacts + kParsed.ToString(), kSilverFacts + kSilver.ToString(),
          kGoldFacts + kGold.ToString()}) {
      const auto rows = Rows(table);
      EXPECT_FALSE(rows.empty());
      EXPECT_EQ(rows, RowsIn(*fresh, table));
    }
  }

  bool AllArrived() const { return next_ == arrivals_.size(); }

  TestRandom random_{static_cast<uint64_t>(GetParam()) * 7919 + 1};
  Step silver_{0, kSilverFacts, kParsed, kSilver, false, std::nullopt};
  Step gold_{1, kGoldFacts, kSilver, kGold, false, std::nullopt};

 private:
  ModelReport Run(const Step& step) {
    clock_.Advance(1'000'000);
    IgnoreProgress progress;
    options_.select = {step.target.name};
    if (random_.OneIn(3)) options_.rows_per_pass = 1 + random_.Below(40);
    const bool empty = !LoadTable(step.source).metadata->current_snapshot_id;
    ModelReport report = Must(RunModels(*warehouse_, bundle_, options_, progress)).at(0);
    options_ = {};
    if (empty) {
      EXPECT_EQ(report.action, Action::kUpToDate);
    } else if (!step.ran || step.refresh) {
      EXPECT_EQ(report.action, Action::kFullRefresh);
      EXPECT_THAT(report.reason, HasSubstr(step.refresh.value_or("")));
    } else {
      EXPECT_NE(report.action, Action::kFullRefresh) << report.reason;
    }
    return report;
  }

  // The table is what its model's full form gives of what its source holds now.
  void Finish(Step& step) {
    step.ran = LoadTable(step.target).metadata->current_snapshot_id.has_value();
    step.refresh.reset();
    const std::string have = step.facts + step.target.ToString();
    const std::string want = step.facts + "(" + bundle_.models.at(step.model).full_sql + "\n)";
    EXPECT_THAT(
        Rows("(SELECT 'too many', * FROM ((" + have + ") EXCEPT ALL (" + want +
             "))) UNION ALL (SELECT 'missing', * FROM ((" + want + ") EXCEPT ALL (" + have + ")))"),
        IsEmpty());
  }

  // Rows of a query as texts, sorted.
  std::vector<std::string> RowsIn(lake::Warehouse& warehouse, const std::string& query) {
    auto session = Must(OpenWarehouseSession(warehouse, bundle_, {}, {}));
    auto result = Must(session->Query(query));
    std::vector<std::string> rows;
    while (const auto batch = Must(result->Next())) {
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        std::string text;
        for (const auto& column : batch->columns()) {
          text += column->GetScalar(row).ValueOrDie()->ToString() + "|";
        }
        rows.push_back(std::move(text));
      }
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  std::vector<std::string> Rows(const std::string& query) { return RowsIn(*warehouse_, query); }

  FilesOfPartitions LiveFiles(const iceberg::TableIdentifier& id) {
    FilesOfPartitions files;
    auto table = warehouse_->catalog().LoadTable(id);
    if (!table) return files;
    const iceberg::TableMetadata& metadata = *table->metadata;
    const auto& spec = metadata.DefaultSpec();
    const auto type = Must(iceberg::PartitionType(metadata.CurrentSchema(), spec));
    for (const auto& task :
         Must(iceberg::PlanScan(warehouse_->file_system(), metadata, std::nullopt, {}))) {
      files[iceberg::PartitionPath(spec, *type, task.file.partition)].insert(task.file.file_path);
    }
    return files;
  }

  void ExpectOthersUntouched(const std::vector<std::string>& rewritten, FilesOfPartitions before) {
    FilesOfPartitions after = LiveFiles(kGold);
    for (const std::string& partition : rewritten) {
      EXPECT_NE(before[partition], after[partition]) << partition;
      before.erase(partition);
      after.erase(partition);
    }
    EXPECT_EQ(after, before);
  }

  // "<actor_key> <day>" to the time at which that row of Gold was made.
  std::map<std::string, std::string> MakingTimes() {
    std::map<std::string, std::string> times;
    for (const std::string& row :
         Rows("SELECT actor_key || ' ' || date_diff('day', DATE '1970-01-01', activity_date), "
              "epoch_us(created_at) FROM gold.gold_user_activity")) {
      const size_t bar = row.find('|');
      times[row.substr(0, bar)] = row.substr(bar);
    }
    return times;
  }

  // The other rows of rewritten partitions are copies.
  void ExpectOnlyMadeAnew(const ExpectedTables::Rows& changed,
                          const std::map<std::string, std::string>& before) {
    std::set<std::string> names;
    for (const auto& [actor, day] : changed) names.insert(actor + " " + std::to_string(day));
    for (const auto& [row, time] : MakingTimes()) {
      const auto old = before.find(row);
      if (names.contains(row)) {
        EXPECT_TRUE(old == before.end() || old->second != time) << row;
      } else {
        EXPECT_TRUE(old != before.end() && old->second == time) << row;
      }
    }
  }

  template <typename... Updates>
  void Commit(const iceberg::TableIdentifier& id, Updates... updates) {
    clock_.Advance(1'000'000);
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    (transaction.Add(id, std::move(updates)), ...);
    Must(transaction.Commit());
  }

  // Makes the snapshot before the current one current again; false if there is none.
  bool RollBack(const iceberg::TableIdentifier& id) {
    const auto table = LoadTable(id);
    const auto parent = table.metadata->CurrentSnapshot()->parent_snapshot_id;
    if (!parent || table.metadata->FindSnapshot(*parent) == nullptr) return false;
    Commit(id, iceberg::RollbackTo(*parent));
    return true;
  }

  // Somebody else writes all rows of a table anew, into other files.
  void Rewrite(const iceberg::TableIdentifier& id, const std::string& operation) {
    const auto table = LoadTable(id);
    std::vector<iceberg::DataFile> files;
    for (const auto& task :
         Must(iceberg::PlanScan(warehouse_->file_system(), *table.metadata, std::nullopt, {}))) {
      files.push_back(task.file);
      files.back().file_path += "-rewritten.parquet";
      const auto local = [](const std::string& location) { return location.substr(7); };  // file://
      std::filesystem::copy_file(local(task.file.file_path), local(files.back().file_path));
    }
    Commit(id, iceberg::OverwriteAll(std::move(files), {}),
           std::make_unique<SetOperation>(operation));
  }

  Bundle bundle_ = Must(ParseBundle(EmbeddedBundleJson()));
  RunOptions options_;  // of the next run
  std::vector<TestEvent> arrivals_;
  ExpectedTables expected_;
  size_t next_ = 0;  // of arrivals_
  int files_ = 0;
};

TEST_P(GoldProperty, EqualsAFullRefreshAfterEveryRun) {
  while (!AllArrived()) {
    LoadSome();
    // A crash between two steps leaves the rest undone.
    if (random_.OneIn(5)) continue;
    Parse();
    if (random_.OneIn(5)) continue;
    if (random_.OneIn(3)) Disturb(silver_);
    RunSilver();
    if (random_.OneIn(5)) continue;
    if (random_.OneIn(3)) Disturb(gold_);
    RunGold();
  }
  Parse();
  RunSilver();
  RunGold();
  ExpectAsLoadedAndRunOnce();
}

INSTANTIATE_TEST_SUITE_P(Seeds, GoldProperty,
                         ::testing::Range(NumberFromEnvironment("OCTOLAKE_FIRST_SEED", 1),
                                          NumberFromEnvironment("OCTOLAKE_FIRST_SEED", 1) +
                                              NumberFromEnvironment("OCTOLAKE_SEEDS", 10)),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace octolake::model
