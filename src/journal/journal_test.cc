#include "journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <latch>
#include <set>
#include <thread>

#include "base/temp_directory_for_test.h"
#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"

namespace octolake::journal {
namespace {

using Step = MemorySegmentStore::Step;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(JournalTest, GivesBackWhatWasPutIn) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments());
  EXPECT_EQ(journal->durable_sequence(), 0u);
  EXPECT_THAT(BodiesAfter(*journal, 0), IsEmpty());
  EXPECT_EQ(Put(*journal, "a"), 1u);
  EXPECT_EQ(Put(*journal, ""), 2u);
  EXPECT_EQ(Put(*journal, std::string("\0GRP1\xFF", 6)), 3u);
  EXPECT_THAT(BodiesAfter(*journal, 0), ElementsAre("a", "", std::string("\0GRP1\xFF", 6)));
  EXPECT_THAT(BodiesAfter(*journal, 2), ElementsAre(std::string("\0GRP1\xFF", 6)));
}

TEST(JournalTest, GoesOnAfterARestart) {
  MemorySegmentStore store;
  const Uuid uuid = [&] {
    auto journal = OpenJournal(store, SmallSegments(), 1);
    Put(*journal, "a");
    return journal->uuid();
  }();
  auto journal = OpenJournal(store, SmallSegments(), 2);
  EXPECT_EQ(journal->uuid(), uuid);
  EXPECT_EQ(Put(*journal, "b"), 2u);
  EXPECT_THAT(BodiesAfter(*journal, 0), ElementsAre("a", "b"));
}

TEST(JournalTest, ReadersSeeWhatComesLater) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments());
  auto reader = journal->ReadAfter(0);
  EXPECT_THAT(reader->Next(100).value(), IsEmpty());
  for (int i = 1; i <= 300; ++i) {
    Put(*journal, std::to_string(i));
    const auto records = reader->Next(1).value();
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].record.body, std::to_string(i));
  }
  EXPECT_GT(journal->Stats().segments, 2);
}

TEST(JournalTest, RecordsThatArriveTogetherShareASync) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments(4 << 20));
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::latch all_there(kThreads);
  std::vector<std::thread> threads;
  std::vector<std::vector<uint64_t>> sequences(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      all_there.arrive_and_wait();
      for (int i = 0; i < kEach; ++i) {
        sequences[thread].push_back(
            Put(*journal, std::to_string(thread) + "/" + std::to_string(i)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto bodies = BodiesAfter(*journal, 0);
  ASSERT_EQ(bodies.size(), static_cast<size_t>(kThreads * kEach));
  std::set<std::string> distinct(bodies.begin(), bodies.end());
  EXPECT_EQ(distinct.size(), bodies.size());
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int i = 0; i < kEach; ++i) {
      EXPECT_EQ(bodies[sequences[thread][i] - 1], std::to_string(thread) + "/" + std::to_string(i));
    }
  }
}

TEST(JournalTest, WaitingRecordsAreOneGroup) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments(1 << 20));
  std::promise<void> let_go;
  auto held = let_go.get_future().share();
  std::promise<void> in_sync;
  std::atomic<bool> first = true;
  store.before = [&](Step step) -> Status {
    if (step == Step::kSync && first.exchange(false)) {
      in_sync.set_value();
      held.wait();
    }
    return {};
  };
  std::latch done(10);
  const auto count = [&](Result<uint64_t> result) {
    EXPECT_TRUE(result);
    done.count_down();
  };
  ASSERT_TRUE(journal->Append(MakeRecord("first"), count));
  in_sync.get_future().wait();
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(journal->Append(MakeRecord("more"), count));
  EXPECT_EQ(journal->Stats().waiting_records, 9);
  let_go.set_value();
  done.wait();
  EXPECT_EQ(journal->Stats().groups, 2);
}

TEST(JournalTest, RefusesWhatExceedsTheQueue) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments();
  options.max_waiting_records = 2;
  auto journal = OpenJournal(store, options);
  std::promise<void> let_go;
  auto held = let_go.get_future().share();
  std::promise<void> in_sync;
  std::atomic<bool> first = true;
  store.before = [&](Step step) -> Status {
    if (step == Step::kSync && first.exchange(false)) {
      in_sync.set_value();
      held.wait();
    }
    return {};
  };
  std::latch done(3);
  const auto count = [&](Result<uint64_t>) { done.count_down(); };
  ASSERT_TRUE(journal->Append(MakeRecord("a"), count));
  in_sync.get_future().wait();
  ASSERT_TRUE(journal->Append(MakeRecord("b"), count));
  ASSERT_TRUE(journal->Append(MakeRecord("c"), count));
  const Status refused = journal->Append(MakeRecord("d"), count);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kResourceExhausted);
  let_go.set_value();
  done.wait();
  EXPECT_THAT(BodiesAfter(*journal, 0), ElementsAre("a", "b", "c"));
}

TEST(JournalTest, RefusesARecordLargerThanASegmentAndAnyAfterStop) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments());
  EXPECT_EQ(journal->AppendAndWait(MakeRecord(std::string(16 << 10, 'x'))).error().kind,
            ErrorKind::kInvalidArgument);
  journal->Stop();
  EXPECT_EQ(journal->AppendAndWait(MakeRecord("a")).error().kind, ErrorKind::kTransient);
}

TEST(JournalTest, AFailedSyncAcknowledgesNothingAndEndsTheSegment) {
  for (const Step failing : {Step::kWrite, Step::kSync}) {
    MemorySegmentStore store;
    auto journal = OpenJournal(store, SmallSegments());
    Put(*journal, "a");
    bool fail = true;
    store.before = [&](Step step) -> Status {
      if (step != failing || !std::exchange(fail, false)) return {};
      return MakeError(ErrorKind::kIo, "the disk is broken");
    };
    const auto lost = journal->AppendAndWait(MakeRecord("lost"));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind, ErrorKind::kIo);
    EXPECT_EQ(Put(*journal, "b"), 2u);
    EXPECT_THAT(BodiesAfter(*journal, 0), ElementsAre("a", "b"));
    EXPECT_EQ(journal->Stats().failed_groups, 1);
    journal.reset();
    journal = OpenJournal(store, SmallSegments());
    EXPECT_THAT(BodiesAfter(*journal, 0), ElementsAre("a", "b"));
  }
}

TEST(JournalTest, AFullDiskRefusesUntilThereIsRoom) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments());
  std::vector<std::string> kept;
  bool full = true;
  store.before = [&](Step step) -> Status {
    if (step != Step::kCreate || !full) return {};
    return MakeError(ErrorKind::kResourceExhausted, "no space left");
  };
  while (true) {
    const std::string body(1000, 'x');
    const auto taken = journal->AppendAndWait(MakeRecord(body));
    if (!taken) {
      EXPECT_EQ(taken.error().kind, ErrorKind::kResourceExhausted);
      break;
    }
    kept.push_back(body);
  }
  full = false;
  Put(*journal, "room again");
  kept.push_back("room again");
  EXPECT_EQ(BodiesAfter(*journal, 0), kept);
}

TEST(JournalTest, AFullDiskLeavesTheRoomOfTheLastSegment) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments());
  Put(*journal, std::string(4000, 'x'));
  store.before = [](MemorySegmentStore::Step step) -> Status {
    if (step != MemorySegmentStore::Step::kCreate) return {};
    return MakeError(ErrorKind::kResourceExhausted, "no space left");
  };
  EXPECT_EQ(journal->AppendAndWait(MakeRecord(std::string(4000, 'y'))).error().kind,
            ErrorKind::kResourceExhausted);
  EXPECT_EQ(Put(*journal, "small"), 2u);
}

Record OwnRecord() {
  Record record = MakeRecord("own");
  record.source = std::string(kOwnSourcePrefix) + "test";
  return record;
}

// As a quota, or a limit on open files, has it: the disk's sizes say nothing of it.
TEST(JournalTest, IsFullUntilASegmentCanBeBegun) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments());
  Put(*journal, std::string(4000, 'x'));
  EXPECT_FALSE(journal->Stats().full);
  std::atomic<bool> refuses{true};
  store.before = [&](Step step) -> Status {
    if (step != Step::kCreate || !refuses) return {};
    return MakeError(ErrorKind::kResourceExhausted, "Disk quota exceeded");
  };
  ASSERT_FALSE(journal->AppendAndWait(MakeRecord(std::string(4000, 'y'))));
  EXPECT_TRUE(journal->Stats().full);
  ASSERT_TRUE(journal->AppendAndWait(OwnRecord()));
  EXPECT_TRUE(journal->Stats().full);
  // Without another record: nobody sends to what says that it is full.
  const auto segments = journal->Stats().segments;
  refuses = false;
  while (journal->Stats().full) std::this_thread::yield();
  EXPECT_EQ(journal->Stats().segments, segments + 1);
  EXPECT_EQ(Put(*journal, std::string(4000, 'y')), 3u);
  EXPECT_EQ(journal->Stats().segments, segments + 1);
}

TEST(JournalTest, LeavesAReserveOnTheDisk) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments();
  options.reserve_bytes = 1 << 20;
  auto journal = OpenJournal(store, options);
  store.free_bytes = options.reserve_bytes + options.segment_bytes - 1;
  Put(*journal, std::string(4000, 'x'));
  const auto refused = journal->AppendAndWait(MakeRecord(std::string(4000, 'x')));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_NE(refused.error().message.find("journal.reserve"), std::string::npos);
  while (journal->Stats().segments == 1) EXPECT_TRUE(journal->AppendAndWait(OwnRecord()));
  store.free_bytes += 1;
  EXPECT_TRUE(journal->AppendAndWait(MakeRecord(std::string(4000, 'x'))));
}

TEST(JournalTest, WhatIsBeyondTheLimitIsForItsOwnRecords) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments();
  options.max_bytes = 2 * options.segment_bytes;
  auto journal = OpenJournal(store, options);
  const std::string body(4000, 'x');
  Put(*journal, body);
  Put(*journal, body);
  EXPECT_FALSE(journal->AppendAndWait(MakeRecord(body)));
  while (journal->Stats().segments == 2) ASSERT_TRUE(journal->AppendAndWait(OwnRecord()));
  // The new segment has room, but not for others; over a restart there is a further one.
  EXPECT_FALSE(journal->AppendAndWait(MakeRecord("small")));
  journal = nullptr;
  journal = OpenJournal(store, options);
  EXPECT_FALSE(journal->AppendAndWait(MakeRecord("small")));
  EXPECT_TRUE(journal->AppendAndWait(OwnRecord()));
  ASSERT_TRUE(journal->Release("bronze", journal->durable_sequence()));
  EXPECT_TRUE(journal->AppendAndWait(MakeRecord("small")));
}

TEST(JournalTest, WhatARestartCountsIsOnDiskEvenAfterAFailedSync) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments());
  Put(*journal, "one");
  bool fail = true;
  store.before = [&](MemorySegmentStore::Step step) -> Status {
    const bool bad = fail && step == MemorySegmentStore::Step::kSync;
    return bad ? MakeError(ErrorKind::kIo, "sync failed") : Status();
  };
  EXPECT_FALSE(journal->AppendAndWait(MakeRecord("two")));
  journal = nullptr;
  // As Linux has it: the pages count as clean, and are not on disk.
  for (auto& [name, file] : store.files) file->unsynced.clear();
  fail = false;
  journal = OpenJournal(store, SmallSegments());
  const auto counted = BodiesAfter(*journal, 0);
  EXPECT_EQ(counted.size(), 2u);
  journal = nullptr;
  SeededRandom random(7);
  store.CutPower(random);
  journal = OpenJournal(store, SmallSegments());
  EXPECT_EQ(BodiesAfter(*journal, 0), counted);
}

TEST(JournalTest, RemovesWhatAllConsumersHavePassed) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments();
  options.max_bytes = 4 * options.segment_bytes;
  auto journal = OpenJournal(store, options);
  const std::string body(3000, 'x');
  uint64_t last = 0;
  while (auto taken = journal->AppendAndWait(MakeRecord(body))) last = *taken;
  const auto segments = journal->Stats().segments;
  ASSERT_TRUE(journal->Release("slow", 1));
  ASSERT_TRUE(journal->Release("bronze", last));
  EXPECT_EQ(journal->Stats().segments, segments);
  ASSERT_TRUE(journal->Release("slow", last));
  EXPECT_EQ(journal->Stats().segments, 1);
  EXPECT_GT(journal->first_sequence(), 1u);
  EXPECT_EQ(Put(*journal, "more"), last + 1);
  EXPECT_EQ(journal->ReadAfter(0)->Next(1).error().kind, ErrorKind::kNotFound);
}

TEST(LocalSegmentStoreTest, ARemovedFileIsGoneAndItsOtherNamesAreWhole) {
  namespace fs = std::filesystem;
  const TempDirectory temp;
  const std::string& directory = temp.path();
  auto store = OpenSegmentStore(directory);
  ASSERT_TRUE(store) << store.error().message;
  constexpr int64_t kBytes = 5 << 20;
  ASSERT_TRUE((*store)->Create("plain", kBytes));
  ASSERT_TRUE((*store)->Create("linked", kBytes));
  fs::create_hard_link(directory + "/linked", directory + "/copy");
  EXPECT_TRUE((*store)->Remove("plain"));
  EXPECT_TRUE((*store)->Remove("linked"));
  EXPECT_FALSE(fs::exists(directory + "/plain"));
  EXPECT_FALSE(fs::exists(directory + "/linked"));
  EXPECT_EQ(fs::file_size(directory + "/copy"), static_cast<uintmax_t>(kBytes));
  EXPECT_EQ((*store)->Remove("plain").error().kind, ErrorKind::kNotFound);
}

TEST(JournalTest, ChecksPositionsOfEarlierRuns) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments();
  auto journal = OpenJournal(store, options);
  for (int i = 0; i < 20; ++i) Put(*journal, std::string(3000, 'x'));
  const Uuid uuid = journal->uuid();
  EXPECT_TRUE(journal->CheckPosition({uuid, 0}));
  EXPECT_TRUE(journal->CheckPosition({uuid, 20}));
  EXPECT_TRUE(journal->CheckPosition({Uuid{}, 99}));
  const Status beyond = journal->CheckPosition({uuid, 21});
  ASSERT_FALSE(beyond);
  EXPECT_THAT(beyond.error().message, HasSubstr("ends with record 20"));
  ASSERT_TRUE(journal->Release("bronze", 12));
  const uint64_t first = journal->first_sequence();
  ASSERT_GT(first, 2u);
  EXPECT_TRUE(journal->CheckPosition({uuid, first - 1}));
  const Status before = journal->CheckPosition({uuid, 1});
  ASSERT_FALSE(before);
  EXPECT_THAT(before.error().message,
              HasSubstr("records 2 to " + std::to_string(first - 1) + " are missing"));
}

TEST(JournalTest, WorksInADirectoryThatOneProcessHas) {
  const TempDirectory temp;
  const std::string directory = temp.path() + "/journal";
  {
    auto store = OpenSegmentStore(directory);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(OpenSegmentStore(directory).error().kind, ErrorKind::kTransient);
    auto journal = OpenJournal(**store, SmallSegments());
    for (int i = 0; i < 100; ++i) Put(*journal, std::to_string(i));
    EXPECT_EQ(BodiesAfter(*journal, 0).size(), 100u);
  }
  auto store = OpenSegmentStore(directory);
  ASSERT_TRUE(store) << store.error().message;
  auto journal = OpenJournal(**store, SmallSegments());
  EXPECT_EQ(BodiesAfter(*journal, 0).size(), 100u);
  EXPECT_EQ(BodiesAfter(*journal, 98), (std::vector<std::string>{"98", "99"}));
}

}  // namespace
}  // namespace octolake::journal
