#include "lake/commit_loop.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "iceberg/transaction.h"
#include "lake/journal_for_test.h"
#include "lake/position.h"

namespace octolake::lake {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kNever = int64_t{3600} * 1'000'000;

class CommitLoopTest : public JournalTest {
 protected:
  std::unique_ptr<CommitLoop> Start(CommitLoopOptions options) {
    auto logger = Must(MakeStringLogger({"debug"}, &log_));
    return Must(CommitLoop::Start(*warehouse_, **journal_, std::move(options), logger));
  }
  void PutEvents(int count) {
    for (int i = 0; i < count; ++i) {
      journal_->Put("collect", EventLine(std::to_string(++last_id_), "2026-01-02T00:00:00Z"));
    }
  }
  int64_t Rows() { return CountRows(BronzeEvents({})); }

  std::string log_;
  int last_id_ = 0;
};

CommitLoopOptions Every(int64_t interval_micros) {
  CommitLoopOptions options;
  options.interval_micros = interval_micros;
  options.first_retry_micros = 1000;
  options.longest_retry_micros = 2000;
  return options;
}

// Where the loop has said it is.
class Position {
 public:
  std::function<void(uint64_t)> Setter() {
    return [this](uint64_t sequence) {
      const std::lock_guard lock(mutex_);
      sequence_ = sequence;
      ++times_[sequence];
      changed_.notify_all();
    };
  }
  void WaitFor(uint64_t sequence) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sequence_ >= sequence; });
  }
  // Until the loop has said this one so many times.
  void WaitFor(uint64_t sequence, int times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return times_[sequence] >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t sequence_ = 0;
  std::map<uint64_t, int> times_;
};

TEST_F(CommitLoopTest, CommitsByItselfAtTheInterval) {
  Position position;
  auto options = Every(1000);
  options.on_position = position.Setter();
  const auto loop = Start(std::move(options));
  PutEvents(1);
  PutEvents(2);
  position.WaitFor(3);
  EXPECT_EQ(Rows(), 3);
  const CommitLoopState state = loop->State();
  EXPECT_EQ(state.committed_sequence, 3u);
  EXPECT_EQ(state.events, 3);
  EXPECT_EQ(state.lag_records, 0);
  EXPECT_EQ(state.lag_bytes, 0);
  EXPECT_EQ(state.lag_micros, 0);
  EXPECT_EQ(state.last_commit_at, kTestNow);
  EXPECT_EQ(state.failures, 0);
}

TEST_F(CommitLoopTest, TellsThePositionAlsoWhileThereIsNothingToDo) {
  Position position;
  auto options = Every(1000);
  options.idle_micros = 1000;
  options.on_position = position.Setter();
  PutEvents(2);
  const auto loop = Start(std::move(options));
  position.WaitFor(2, 3);
  EXPECT_EQ(loop->State().commits, 1);
}

TEST_F(CommitLoopTest, WaitsForTheIntervalUnlessAsked) {
  PutEvents(1);
  const auto loop = Start(Every(kNever));
  Must(loop->CommitNow());  // what was there at the start
  PutEvents(2);
  clock_.Advance(5'000'000);
  const CommitLoopState behind = loop->State();
  EXPECT_EQ(behind.committed_sequence, 1u);
  EXPECT_EQ(behind.lag_records, 2);
  EXPECT_GT(behind.lag_bytes, 200);
  EXPECT_EQ(behind.lag_micros, 5'000'000);
  Must(loop->CommitNow());
  EXPECT_EQ(loop->State().lag_records, 0);
  EXPECT_EQ(Rows(), 3);
}

TEST_F(CommitLoopTest, ASizeDoesNotWait) {
  PutEvents(1);
  auto options = Every(kNever);
  options.commit.max_bytes = 1000;
  Position position;
  options.on_position = position.Setter();
  const auto loop = Start(std::move(options));
  PutEvents(20);
  position.WaitFor(12);
  EXPECT_GE(Rows(), 12);
}

TEST_F(CommitLoopTest, StopTakesWhatIsThere) {
  const auto loop = Start(Every(kNever));
  PutEvents(1);
  Must(loop->CommitNow());
  PutEvents(4);
  loop->Stop();
  EXPECT_EQ(Rows(), 5);
  EXPECT_EQ(loop->State().lag_records, 0);
  PutEvents(1);
  EXPECT_EQ(loop->CommitNow().error().kind, ErrorKind::kTransient);
  EXPECT_EQ(loop->State().lag_records, 1);
}

TEST_F(CommitLoopTest, TriesAgainUntilTheCatalogAnswers) {
  HookedCatalog& catalog = HookCatalog();
  catalog.loss = std::make_shared<ReplyLoss>();
  catalog.loss->replies = 4;
  catalog.loss->takes_effect = false;
  auto options = Every(1000);
  Position position;
  options.on_position = position.Setter();
  const auto loop = Start(std::move(options));
  PutEvents(1);
  position.WaitFor(1);
  EXPECT_EQ(Rows(), 1);
  EXPECT_EQ(loop->State().failures_in_a_row, 0);
}

TEST_F(CommitLoopTest, ADroppedTableIsMadeAgainAndFilled) {
  PutEvents(2);
  const auto loop = Start(Every(1000));
  Must(loop->CommitNow());
  Must(warehouse_->catalog().DropTable(BronzeEvents({})));
  std::filesystem::remove_all(directory_ + "/warehouse/bronze/github_events");
  PutEvents(1);
  while (!loop->CommitNow()) {
  }
  EXPECT_EQ(Rows(), 3);
  EXPECT_GT(loop->State().failures, 0);
}

TEST_F(CommitLoopTest, EndsWhereTryingAgainDoesNotHelp) {
  PutEvents(2);
  const auto loop = Start(Every(1000));
  Must(loop->CommitNow());
  // Somebody takes the position away from under the committer.
  iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
  const auto bronze = Bronze();
  transaction.Add(bronze.identifier, iceberg::AppendFiles({}, {}));
  transaction.Add(bronze.identifier, iceberg::SetTag(JournalTagName((*journal_)->uuid()), {}));
  Must(transaction.Commit());
  PutEvents(1);
  while (loop->CommitNow()) {
  }
  loop->Stop();
  const CommitLoopState state = loop->State();
  EXPECT_TRUE(state.stopped_for_good);
  ASSERT_TRUE(state.last_error);
  EXPECT_EQ(state.last_error->kind, ErrorKind::kCorruption);
  EXPECT_EQ(state.lag_records, 1);
  EXPECT_THAT(log_, HasSubstr("nothing more is committed to Bronze until this is mended"));
  EXPECT_EQ(Rows(), 2);
}

TEST_F(CommitLoopTest, AnEmptyJournalIsLeftAlone) {
  const auto loop = Start(Every(1000));
  Must(loop->CommitNow());
  loop->Stop();
  EXPECT_EQ(Bronze().metadata->snapshots.size(), 0u);
  EXPECT_EQ(loop->State().commits, 0);
}

}  // namespace
}  // namespace octolake::lake
