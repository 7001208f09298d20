// Journals that were cut, damaged, or whose machine lost power.
#include "journal/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"
#include "journal/segment_scan.h"
#include "journal/spare_segments.h"

namespace octolake::journal {
namespace {

using File = MemorySegmentStore::File;
using Step = MemorySegmentStore::Step;

const std::string kFirst = SegmentName(1);
const std::string kSecond = SegmentName(2);

// One segment with five groups, and where each of them ends.
struct FiveGroups {
  FiveGroups() {
    auto journal = OpenJournal(store, SmallSegments(8 << 10));
    for (int i = 1; i <= 5; ++i) {
      Put(*journal, "body " + std::to_string(i) + std::string(static_cast<size_t>(i) * 7, 'x'));
      const auto recovered = RecoverJournal(store);
      EXPECT_TRUE(recovered) << recovered.error().message;
      ends.push_back(recovered->segments.back().end);
      marks.push_back(
          file().bytes.substr(kMarkOffsets[0], kMarkOffsets[1] + kMarkBytes - kMarkOffsets[0]));
    }
  }
  File& file() { return *store.files.at(kFirst); }
  // As if only the marks of the first `count` groups had reached the disk.
  void SetMarks(size_t count) {
    const std::string none(marks[0].size(), '\0');
    file().bytes.replace(kMarkOffsets[0], none.size(), count == 0 ? none : marks[count - 1]);
  }

  MemorySegmentStore store;
  std::vector<int64_t> ends;
  std::vector<std::string> marks;
};

TEST(RecoveryTest, ACutGivesTheExactPrefixOrSaysWhatIsMissing) {
  FiveGroups five;
  const std::string whole = five.file().bytes;
  for (size_t marked = 0; marked <= 5; ++marked) {
    five.file().bytes = whole;
    five.SetMarks(marked);
    const std::string bytes = five.file().bytes;
    const int64_t synced = marked == 0 ? kSegmentHeaderBytes : five.ends[marked - 1];
    for (int64_t size = 0; size <= five.ends[4]; ++size) {
      five.file().bytes = bytes.substr(0, static_cast<size_t>(size));
      const auto recovered = RecoverJournal(five.store);
      if (size < synced) {
        ASSERT_FALSE(recovered) << size;
        EXPECT_EQ(recovered.error().kind, ErrorKind::kCorruption);
        EXPECT_THAT(recovered.error().message, ::testing::HasSubstr(kFirst));
        continue;
      }
      ASSERT_TRUE(recovered) << size << ": " << recovered.error().message;
      const auto groups = std::count_if(five.ends.begin(), five.ends.end(),
                                        [&](int64_t end) { return end <= size; });
      EXPECT_EQ(recovered->segments.back().next_sequence, static_cast<uint64_t>(groups) + 1);
    }
  }
}

// A group that is not whole in the preallocated file, with zeros behind it.
TEST(RecoveryTest, ATornLastGroupIsLeftOut) {
  FiveGroups five;
  five.SetMarks(4);
  const std::string bytes = five.file().bytes;
  for (int64_t at = five.ends[3]; at < five.ends[4]; ++at) {
    five.file().bytes = bytes;
    const auto begin = static_cast<size_t>(at);
    five.file().bytes.replace(begin, bytes.size() - begin, bytes.size() - begin, '\0');
    const auto recovered = RecoverJournal(five.store);
    ASSERT_TRUE(recovered) << recovered.error().message;
    const auto& last = recovered->segments.back();
    // Zeros at a group's end may be what was written.
    if (five.file().bytes != bytes) {
      EXPECT_EQ(last.next_sequence, 5u);
      EXPECT_LE(recovered->torn_bytes, at - five.ends[3]);
    }
  }
}

TEST(RecoveryTest, FindsEveryFlippedBitOfWhatWasSynced) {
  FiveGroups five;
  const std::string bytes = five.file().bytes;
  for (size_t marked : {5u, 4u}) {
    five.file().bytes = bytes;
    five.SetMarks(marked);
    const std::string before = five.file().bytes;
    const int64_t synced = five.ends[marked - 1];
    for (int64_t at = kSegmentHeaderBytes; at < synced; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        five.file().bytes = before;
        five.file().bytes[static_cast<size_t>(at)] ^= static_cast<char>(1 << bit);
        const auto recovered = RecoverJournal(five.store);
        ASSERT_FALSE(recovered) << at << " bit " << bit;
        ASSERT_EQ(recovered.error().kind, ErrorKind::kCorruption);
      }
    }
  }
}

// Without any mark a later group's head shows that the damaged one had been synced.
TEST(RecoveryTest, FindsDamageBeforeAWholeGroup) {
  FiveGroups five;
  five.SetMarks(0);
  const std::string before = five.file().bytes;
  for (int64_t at = kSegmentHeaderBytes; at < five.ends[3]; ++at) {
    five.file().bytes = before;
    five.file().bytes[static_cast<size_t>(at)] ^= 4;
    EXPECT_FALSE(RecoverJournal(five.store)) << at;
  }
}

TEST(RecoveryTest, FindsEveryFlippedBitOfAHeaderInUse) {
  FiveGroups five;
  const std::string before = five.file().bytes;
  for (int64_t at = 0; at < 72; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      five.file().bytes = before;
      five.file().bytes[static_cast<size_t>(at)] ^= static_cast<char>(1 << bit);
      EXPECT_FALSE(RecoverJournal(five.store)) << at;
    }
  }
}

TEST(RecoveryTest, ADamagedMarkHidesNothing) {
  FiveGroups five;
  const std::string before = five.file().bytes;
  for (const int64_t offset : kMarkOffsets) {
    for (int64_t at = offset; at < offset + kMarkBytes; ++at) {
      five.file().bytes = before;
      five.file().bytes[static_cast<size_t>(at)] ^= 1;
      const auto recovered = RecoverJournal(five.store);
      ASSERT_TRUE(recovered) << recovered.error().message;
      EXPECT_EQ(recovered->segments.back().next_sequence, 6u);
    }
  }
}

TEST(RecoveryTest, NamesAMissingAndAForeignSegment) {
  MemorySegmentStore store;
  {
    auto journal = OpenJournal(store, SmallSegments(8 << 10));
    for (int i = 0; i < 10; ++i) Put(*journal, std::string(700, 'x'));
  }
  const auto second = store.files.extract(kSecond);
  const auto missing = RecoverJournal(store);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, ::testing::HasSubstr("follows " + kSecond));

  MemorySegmentStore other;
  {
    auto journal = OpenJournal(other, SmallSegments(8 << 10), 99);
    for (int i = 0; i < 10; ++i) Put(*journal, std::string(700, 'x'));
  }
  store.files[kSecond] = other.files.at(kSecond);
  const auto foreign = RecoverJournal(store);
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().message, ::testing::HasSubstr("is of journal"));
}

TEST(RecoveryTest, ASegmentWhoseMakingWasCutOffIsMadeAgain) {
  for (const size_t size : {size_t{0}, size_t{10}, size_t{4096}, size_t{8192}}) {
    FiveGroups five;
    auto unfinished = std::make_shared<File>();
    unfinished->bytes.assign(size, '\0');
    if (size >= 10) unfinished->bytes.replace(0, 8, "OCTOJRNL");
    five.store.files[SpareName(2)] = unfinished;
    auto journal = OpenJournal(five.store, SmallSegments(8 << 10));
    ASSERT_NE(journal, nullptr);
    EXPECT_EQ(Put(*journal, "more"), 6u);
    EXPECT_EQ(BodiesAfter(*journal, 0).size(), 6u);
  }
}

TEST(RecoveryTest, ASegmentOfZerosIsDamaged) {
  FiveGroups five;
  std::string& bytes = five.file().bytes;
  bytes.assign(bytes.size(), '\0');
  const auto recovered = RecoverJournal(five.store);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(recovered.error().message, ::testing::HasSubstr("move it away"));
}

// Power cuts and failing disks at random: what was acknowledged is there, once and in order, and
// nothing is there that was not sent.
TEST(RecoveryTest, LosesNothingThatWasAcknowledged) {
  int cuts = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SeededRandom random(seed);
    MemorySegmentStore store;
    std::vector<std::string> acknowledged;
    std::vector<std::string> sent;
    for (int life = 0; life < 4; ++life) {
      auto journal = OpenJournal(store, SmallSegments(8 << 10), seed);
      ASSERT_NE(journal, nullptr) << "seed " << seed;
      const auto found = BodiesAfter(*journal, 0);
      // Only a last group that was sent and not acknowledged may be there besides.
      ASSERT_LE(found.size(), acknowledged.size() + (sent.empty() ? 0 : 1)) << "seed " << seed;
      ASSERT_TRUE(std::equal(acknowledged.begin(), acknowledged.end(), found.begin()))
          << "seed " << seed;
      if (found.size() > acknowledged.size()) {
        ASSERT_EQ(std::count(sent.begin(), sent.end(), found.back()), 1) << "seed " << seed;
        ASSERT_EQ(std::count(found.begin(), found.end(), found.back()), 1) << "seed " << seed;
      }
      acknowledged = found;
      bool dead = false;
      uint64_t steps = 5 + random.Next() % 60;
      store.before = [&](Step) -> Status {
        if (dead || --steps == 0) {
          dead = true;
          return MakeError(ErrorKind::kIo, "no power");
        }
        if (random.Next() % 40 == 0) return MakeError(ErrorKind::kIo, "the disk is broken");
        return {};
      };
      while (!dead) {
        sent.push_back(std::to_string(seed) + "." + std::to_string(sent.size()) +
                       std::string(random.Next() % 900, 'x'));
        if (journal->AppendAndWait(MakeRecord(sent.back()))) acknowledged.push_back(sent.back());
      }
      journal.reset();
      store.before = nullptr;
      store.CutPower(random);
      ++cuts;
    }
  }
  EXPECT_EQ(cuts, 1600);
}

}  // namespace
}  // namespace octolake::journal
