#include "journal/delivery_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/civil_time.h"
#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"

namespace octolake::journal {
namespace {

using Start = DeliveryMemory::Start;
using ::testing::ElementsAre;

constexpr TimestampMicros kNow = 1'767'323'045'000'000;

class DeliveryMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen(DeliveryMemoryOptions options = {}) {
    memory_.reset();
    journal_.reset();
    JournalOptions sizes = SmallSegments(segment_bytes_);
    sizes.max_bytes = max_segments_ * sizes.segment_bytes;
    SeededRandom random(1);
    auto journal = Journal::Open(store_, sizes, clock_, random);
    ASSERT_TRUE(journal) << journal.error().message;
    journal_ = std::move(*journal);
    auto memory = DeliveryMemory::Open(*journal_, clock_, options);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::move(*memory);
  }

  // Stores a delivery as the gateway does; its sequence, or 0.
  uint64_t Store(const std::string& id, const std::string& body = "{}") {
    if (memory_->Begin(id, [](bool) {}) != Start::kNew) return 0;
    Record record = MakeRecord(body);
    record.delivery_id = id;
    record.received_at = clock_.Now();
    std::promise<uint64_t> sequence;
    const Status taken = journal_->Append(std::move(record), [&](Result<uint64_t> result) {
      memory_->End(id, clock_.Now(), result.has_value());
      sequence.set_value(result.value_or(0));
    });
    EXPECT_TRUE(taken) << taken.error().message;
    return sequence.get_future().get();
  }
  void FillSegment() {
    const size_t before = journal_->Segments().size();
    while (journal_->Segments().size() == before) {
      Record record = MakeRecord(std::string(4000, 'x'));
      record.source = "collect";
      ASSERT_TRUE(journal_->AppendAndWait(std::move(record)));
    }
  }
  Status PassAll() {
    const uint64_t last = journal_->durable_sequence();
    OCTO_TRY(journal_->Release("bronze", last));
    return memory_->Passed(last);
  }

  int64_t segment_bytes_ = 16 << 10;
  int64_t max_segments_ = 4;
  ManualClock clock_{kNow};
  MemorySegmentStore store_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<DeliveryMemory> memory_;
};

TEST_F(DeliveryMemoryTest, RemembersWhatIsDurableAcrossStarts) {
  EXPECT_EQ(Store("a"), 1u);
  EXPECT_EQ(Store("a"), 0u);
  EXPECT_EQ(memory_->Begin("a", {}), Start::kSeen);
  EXPECT_FALSE(memory_->Seen("b"));
  Reopen();
  EXPECT_TRUE(memory_->Seen("a"));
  EXPECT_EQ(Store("a"), 0u);
  EXPECT_EQ(Store("b"), 2u);
  EXPECT_EQ(memory_->Stats().ids, 2);
}

TEST_F(DeliveryMemoryTest, OfTwoAtOnceOneIsStoredAndTheOtherHears) {
  std::vector<bool> heard;
  EXPECT_EQ(memory_->Begin("a", {}), Start::kNew);
  EXPECT_EQ(memory_->Begin("a", [&](bool durable) { heard.push_back(durable); }), Start::kUnderWay);
  EXPECT_FALSE(memory_->Seen("a"));
  EXPECT_EQ(memory_->Stats().under_way, 1);
  memory_->End("a", kNow, false);
  EXPECT_THAT(heard, ElementsAre(false));
  EXPECT_EQ(memory_->Begin("a", {}), Start::kNew);
  EXPECT_EQ(memory_->Begin("a", [&](bool durable) { heard.push_back(durable); }), Start::kUnderWay);
  memory_->End("a", kNow, true);
  EXPECT_THAT(heard, ElementsAre(false, true));
  EXPECT_EQ(memory_->Begin("a", {}), Start::kSeen);
}

TEST_F(DeliveryMemoryTest, WhatWasNotDurableIsNew) {
  store_.before = [](MemorySegmentStore::Step step) -> Status {
    if (step != MemorySegmentStore::Step::kSync) return {};
    return MakeError(ErrorKind::kIo, "the disk failed");
  };
  EXPECT_EQ(Store("a"), 0u);
  EXPECT_FALSE(memory_->Seen("a"));
  store_.before = {};
  EXPECT_GT(Store("a"), 0u);
}

TEST_F(DeliveryMemoryTest, SurvivesTheRemovalOfSegments) {
  Store("a");
  FillSegment();
  Store("b");
  ASSERT_TRUE(PassAll());
  EXPECT_EQ(memory_->Stats().checkpoints, 1);
  EXPECT_EQ(journal_->Segments().size(), 1u);
  ASSERT_TRUE(PassAll());
  EXPECT_EQ(memory_->Stats().checkpoints, 1);  // nothing more to let go of
  // Again and again, by checkpoints of checkpoints.
  for (int i = 0; i < 5; ++i) {
    FillSegment();
    Reopen();
    ASSERT_TRUE(PassAll());
    EXPECT_GT(journal_->first_sequence(), 2u);
  }
  EXPECT_TRUE(memory_->Seen("a"));
  EXPECT_TRUE(memory_->Seen("b"));
  EXPECT_FALSE(memory_->Seen("c"));
  EXPECT_EQ(memory_->Stats().ids, 2);
}

TEST_F(DeliveryMemoryTest, SegmentsWaitForTheCheckpoint) {
  Store("a");
  FillSegment();
  // Bronze alone does not let go of them.
  ASSERT_TRUE(journal_->Release("bronze", journal_->durable_sequence()));
  EXPECT_EQ(journal_->first_sequence(), 1u);
  Reopen();
  EXPECT_TRUE(memory_->Seen("a"));
}

TEST_F(DeliveryMemoryTest, ACrashWithinACheckpointLosesNothing) {
  Store("a");
  FillSegment();
  int writes = 0;
  store_.before = [&](MemorySegmentStore::Step step) -> Status {
    // The empty record is written, and its mark; the ids are not.
    if (step != MemorySegmentStore::Step::kWrite || ++writes < 3) return {};
    return MakeError(ErrorKind::kIo, "the disk failed");
  };
  EXPECT_FALSE(PassAll());
  store_.before = {};
  EXPECT_EQ(journal_->first_sequence(), 1u);
  Reopen();
  EXPECT_TRUE(memory_->Seen("a"));
}

TEST_F(DeliveryMemoryTest, AFullJournalStillTakesACheckpoint) {
  Store("a");
  while (true) {
    Record record = MakeRecord(std::string(4000, 'x'));
    record.source = "collect";
    if (!journal_->AppendAndWait(std::move(record))) break;
  }
  EXPECT_EQ(journal_->Segments().size(), 4u);
  // Only the first segment is passed: the checkpoint has to find room all the same.
  const uint64_t passed = journal_->Segments().front().next_sequence - 1;
  ASSERT_TRUE(journal_->Release("bronze", passed));
  const Status done = memory_->Passed(passed);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_GT(journal_->first_sequence(), passed);
  Reopen();
  EXPECT_TRUE(memory_->Seen("a"));
}

// Where the ids take more than a segment.
TEST_F(DeliveryMemoryTest, ACheckpointDoesNotLeadToTheNext) {
  segment_bytes_ = 1 << 20;
  Reopen();
  constexpr int kIds = 75'000;
  for (int i = 0; i < kIds; ++i) {
    ASSERT_NE(Store("delivery " + std::to_string(i)), 0u);
    // As a committer does, once in a while.
    if (i % 1'000 == 0) {
      ASSERT_TRUE(PassAll());
    }
  }
  ASSERT_TRUE(PassAll());
  const int64_t before = memory_->Stats().checkpoints;
  EXPECT_GT(before, 0);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(PassAll());
  EXPECT_LE(memory_->Stats().checkpoints, before + 1);
  EXPECT_LE(journal_->Segments().size(), 4u);
  Reopen();
  EXPECT_EQ(memory_->Stats().ids, kIds);
}

// What is passed is little more than the checkpoint before, and nothing else makes room.
TEST_F(DeliveryMemoryTest, AFullJournalTakesACheckpointThatGivesBackLittle) {
  segment_bytes_ = 1 << 20;
  max_segments_ = 2;
  Reopen();
  for (int i = 0; i < 8'000; ++i) memory_->End("delivery " + std::to_string(i), kNow, true);
  for (int fills = 0; fills < 2; ++fills) {  // the first one fills the small segment of SetUp
    FillSegment();
    ASSERT_TRUE(PassAll());
  }
  ASSERT_EQ(memory_->Stats().checkpoints, 1);
  Reopen();  // what comes next begins another segment
  Record record = MakeRecord(std::string(200'000, 'x'));
  record.source = "collect";
  while (journal_->AppendAndWait(record)) {
  }
  ASSERT_TRUE(journal_->Stats().full);
  ASSERT_TRUE(PassAll());
  EXPECT_TRUE(journal_->AppendAndWait(record));
}

TEST_F(DeliveryMemoryTest, ForgetsAfterFourDays) {
  Store("old");
  clock_.Advance(2 * kMicrosPerDay);
  Store("new");
  clock_.Advance(2 * kMicrosPerDay);
  Store("newest");
  EXPECT_TRUE(memory_->Seen("old"));  // four days are not over
  clock_.Advance(kMicrosPerDay);
  Store("last");
  EXPECT_FALSE(memory_->Seen("old"));
  EXPECT_TRUE(memory_->Seen("new"));
  Reopen();
  EXPECT_FALSE(memory_->Seen("old"));
  EXPECT_EQ(memory_->Stats().ids, 3);
  EXPECT_EQ(memory_->Stats().forgotten_early, 0);
}

TEST_F(DeliveryMemoryTest, HasALimit) {
  DeliveryMemoryOptions options;
  options.max_ids = 3;
  Reopen(options);
  Store("a");
  Store("b");
  clock_.Advance(kMicrosPerDay);
  for (const char* id : {"c", "d"}) Store(id);
  EXPECT_FALSE(memory_->Seen("a"));
  EXPECT_TRUE(memory_->Seen("c"));
  EXPECT_TRUE(memory_->Seen("d"));
  EXPECT_EQ(memory_->Stats().forgotten_early, 2);
}

TEST_F(DeliveryMemoryTest, IdsAreStoredOnceByManyThreads) {
  std::atomic<int> stored = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const std::string id = "delivery " + std::to_string(i);
        if (memory_->Begin(id, [](bool) {}) != Start::kNew) continue;
        ++stored;
        memory_->End(id, kNow, true);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, 100);
  EXPECT_EQ(memory_->Stats().ids, 100);
  EXPECT_EQ(memory_->Stats().under_way, 0);
}

}  // namespace
}  // namespace octolake::journal
