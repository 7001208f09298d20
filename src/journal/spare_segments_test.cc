// Files of passed segments are written again, and nothing of what was in them comes back.
#include "journal/spare_segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <future>
#include <limits>

#include "base/crc32c.h"
#include "base/temp_directory_for_test.h"
#include "journal/inspection.h"
#include "journal/journal_for_test.h"
#include "journal/little_endian.h"
#include "journal/memory_segment_store_for_test.h"
#include "journal/recovery.h"
#include "journal/segment_format.h"

namespace octolake::journal {
namespace {

using Step = MemorySegmentStore::Step;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kBytes = 8 << 10;

// Bodies of one length, so that the groups of all segments are in the same places.
std::string BodyOf(int number) {
  const std::string digits = std::to_string(number);
  return std::string(5 - digits.size(), '0') + digits + std::string(700, 'x');
}

// Writes until `segments` are there, and goes on behind `number`.
void Fill(Journal& journal, int64_t segments, int& number) {
  while (journal.Stats().segments < segments) Put(journal, BodyOf(++number));
}

// The same, and everyone passes all of it.
void FillAndPass(Journal& journal, int64_t segments, int& number) {
  Fill(journal, segments, number);
  ASSERT_TRUE(journal.Release("bronze", journal.durable_sequence()));
}

std::vector<std::string> Spares(const MemorySegmentStore& store) {
  std::vector<std::string> names;
  for (const auto& [name, file] : store.files) {
    if (!ParseSegmentName(name)) names.push_back(name);
  }
  return names;
}

int64_t BytesOf(const MemorySegmentStore& store) {
  size_t bytes = 0;
  for (const auto& [name, file] : store.files) bytes += file->bytes.size();
  return static_cast<int64_t>(bytes);
}

bool IsReused(MemorySegmentStore& store, uint64_t number) {
  const auto header = DecodeSegmentHeader(store.files.at(SegmentName(number))->bytes);
  EXPECT_TRUE(header) << header.error().message;
  return header && header->reused;
}

// A journal whose segments 4 and 5 are in the files that were 2 and 1.
struct Reused {
  Reused() {
    journal = OpenJournal(store, SmallSegments(kBytes));
    Fill(*journal, 3, number);
    old = store.files.at(SegmentName(2))->bytes;
    EXPECT_TRUE(journal->Release("bronze", journal->durable_sequence()));
    first = journal->first_sequence();
    Fill(*journal, 2, number);
  }
  MemorySegmentStore store;
  std::unique_ptr<Journal> journal;
  int number = 0;
  uint64_t first = 0;
  std::string old;  // what is now 4, as 2
};

TEST(SpareSegmentsTest, APassedSegmentsFileIsTheNextSegment) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments(kBytes));
  int number = 0;
  Fill(*journal, 5, number);
  EXPECT_FALSE(IsReused(store, 5));
  const auto last = store.files.at(SegmentName(2));
  ASSERT_TRUE(journal->Release("bronze", journal->durable_sequence()));
  const uint64_t passed = journal->first_sequence() - 1;
  // Two are kept, the others are gone.
  EXPECT_THAT(Spares(store), ElementsAre("0000000001.segment.spare", "0000000002.segment.spare"));
  EXPECT_EQ(store.files.size(), 3u);
  int created = 0;
  store.before = [&](Step step) -> Status {
    if (step == Step::kCreate) ++created;
    return {};
  };
  Fill(*journal, 3, number);
  EXPECT_EQ(created, 0);
  EXPECT_EQ(store.files.at(SegmentName(6)), last);
  EXPECT_TRUE(IsReused(store, 6));
  EXPECT_TRUE(IsReused(store, 7));
  EXPECT_THAT(Spares(store), IsEmpty());
  Fill(*journal, 4, number);
  EXPECT_EQ(created, 1);
  EXPECT_FALSE(IsReused(store, 8));
  EXPECT_EQ(BodiesAfter(*journal, passed).size(), static_cast<size_t>(number) - passed);
  journal = nullptr;
  journal = OpenJournal(store, SmallSegments(kBytes));
  EXPECT_EQ(BodiesAfter(*journal, passed).size(), static_cast<size_t>(number) - passed);
}

TEST(SpareSegmentsTest, TheyGoWithTheJournal) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments(kBytes));
  int number = 0;
  FillAndPass(*journal, 3, number);
  EXPECT_THAT(Spares(store), ::testing::SizeIs(2));
  const auto left = store.files;
  journal = nullptr;
  EXPECT_THAT(Spares(store), IsEmpty());
  store.files = left;  // as of a process that was killed
  journal = OpenJournal(store, SmallSegments(kBytes));
  EXPECT_THAT(Spares(store), IsEmpty());
}

TEST(SpareSegmentsTest, OtherNamesAreLeftAlone) {
  MemorySegmentStore store;
  const std::vector<std::string> names = {".spare", "1.segment.spare", "notes.spare"};
  for (const std::string& name : names) {
    store.files[name] = std::make_shared<MemorySegmentStore::File>();
  }
  auto journal = OpenJournal(store, SmallSegments(kBytes));
  EXPECT_EQ(Spares(store), names);
}

TEST(SpareSegmentsTest, NoneIsKeptOfWhatTheTablesNeed) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments(kBytes);
  options.reserve_bytes = int64_t{1} << 30;
  auto journal = OpenJournal(store, options);
  int number = 0;
  FillAndPass(*journal, 2, number);
  EXPECT_THAT(Spares(store), ::testing::SizeIs(1));
  // A spare takes nothing from the disk, so it can be used where nothing more may be taken.
  store.free_bytes = options.reserve_bytes;
  Fill(*journal, 2, number);
  EXPECT_TRUE(IsReused(store, 3));
  ASSERT_TRUE(journal->Release("bronze", journal->durable_sequence()));
  EXPECT_THAT(Spares(store), IsEmpty());
  EXPECT_EQ(store.files.size(), 1u);
}

TEST(SpareSegmentsTest, TheyAreGivenBackWhenTheDiskFills) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments(kBytes));
  int number = 0;
  FillAndPass(*journal, 3, number);
  EXPECT_THAT(Spares(store), ::testing::SizeIs(2));
  store.free_bytes = kBytes - 1;
  // Nothing more was passed.
  ASSERT_TRUE(journal->Release("bronze", journal->durable_sequence()));
  EXPECT_THAT(Spares(store), IsEmpty());
}

// A disk that takes long to remove a file, or to sync names, holds up no sender.
TEST(SpareSegmentsTest, TheyAreThereWhileTheDiskIsAtWork) {
  MemorySegmentStore store;
  SpareSegments spares(store, kBytes);
  ASSERT_TRUE(store.Create(SegmentName(1), kBytes));
  SegmentInfo segment{.number = 1, .file_bytes = kBytes, .is_sound = true};
  int asked = 0;
  store.before = [&](Step) -> Status {
    // From another thread, which would wait for ever.
    std::async(std::launch::async, [&] { spares.Clear(); }).get();
    ++asked;
    return {};
  };
  EXPECT_TRUE(spares.Keep(segment));
  spares.Clear();
  EXPECT_EQ(asked, 3);  // a renaming, a sync, a removal
  EXPECT_THAT(store.files, IsEmpty());
}

TEST(SpareSegmentsTest, WhereASpareCannotBeUsedTheReserveIsKept) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments(kBytes);
  options.reserve_bytes = int64_t{1} << 30;
  auto journal = OpenJournal(store, options);
  int number = 0;
  FillAndPass(*journal, 2, number);
  store.files["copy"] = store.files.at("0000000001.segment.spare");
  store.free_bytes = options.reserve_bytes;
  Result<uint64_t> taken = 0;
  for (int i = 0; i < 10 && taken; ++i) taken = journal->AppendAndWait(MakeRecord(BodyOf(i)));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_THAT(taken.error().message, HasSubstr("journal.reserve"));
  EXPECT_EQ(journal->Stats().segments, 1);
}

TEST(SpareSegmentsTest, WhereASpareCannotBeWrittenTheNextFileIsTaken) {
  for (const Step failing : {Step::kWrite, Step::kSync}) {
    MemorySegmentStore store;
    auto journal = OpenJournal(store, SmallSegments(kBytes));
    int number = 0;
    FillAndPass(*journal, 3, number);
    const uint64_t first = journal->first_sequence();
    bool is_full = false;
    store.before = [&](Step step) -> Status {
      is_full = is_full || journal->Segments().back().bytes + 1000 > kBytes - kSegmentHeaderBytes;
      const bool bad = step == failing && is_full && Spares(store).size() == 2;
      return bad ? MakeError(ErrorKind::kIo, "a bad block") : Status();
    };
    Fill(*journal, 2, number);
    EXPECT_TRUE(IsReused(store, 4));
    EXPECT_THAT(Spares(store), IsEmpty());
    EXPECT_EQ(BodiesAfter(*journal, first - 1).size(), static_cast<size_t>(number) - first + 1);
  }
}

TEST(SpareSegmentsTest, ASpareThatCannotBeRenamedIsNotLeft) {
  MemorySegmentStore store;
  JournalOptions options = SmallSegments(kBytes);
  options.max_bytes = 3 * kBytes;
  auto journal = OpenJournal(store, options);
  int number = 0;
  FillAndPass(*journal, 3, number);
  store.before = [](Step step) -> Status {
    return step == Step::kRename ? MakeError(ErrorKind::kIo, "the disk is broken") : Status();
  };
  for (int i = 0; i < 30; ++i) (void)journal->AppendAndWait(MakeRecord(BodyOf(i)));
  EXPECT_THAT(Spares(store), IsEmpty());
  EXPECT_LE(BytesOf(store), options.max_bytes);
}

TEST(SpareSegmentsTest, AFileThatCouldNotBeWrittenIsNone) {
  for (int failing = 1; failing <= 3; ++failing) {  // the group, its sync, its mark
    MemorySegmentStore store;
    auto journal = OpenJournal(store, SmallSegments(kBytes));
    // Until it is too full to be cut, and there is room for another.
    while (journal->Segments().back().bytes + kSegmentHeaderBytes < kBytes - 600) Put(*journal, "");
    const auto bad = store.files.at(SegmentName(1));
    int step = 0;
    store.before = [&](Step) -> Status {
      return ++step == failing ? MakeError(ErrorKind::kIo, "a bad block") : Status();
    };
    (void)journal->AppendAndWait(MakeRecord(""));
    store.before = nullptr;
    Put(*journal, "next");
    ASSERT_EQ(journal->Stats().segments, 2);
    ASSERT_EQ(bad->bytes.size(), static_cast<size_t>(kBytes));
    ASSERT_TRUE(journal->Release("bronze", journal->durable_sequence()));
    EXPECT_THAT(Spares(store), IsEmpty()) << failing;
    EXPECT_EQ(store.files.size(), 1u);
  }
}

// Of how its bytes came there nothing is known: they may have been restored with holes, or a sync
// may have failed.
TEST(SpareSegmentsTest, AFileOfAnEarlierProcessIsNone) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments(kBytes));
  int number = 0;
  Fill(*journal, 2, number);
  journal = nullptr;
  journal = OpenJournal(store, SmallSegments(kBytes));
  Put(*journal, "next");
  ASSERT_TRUE(journal->Release("bronze", journal->durable_sequence()));
  EXPECT_THAT(Spares(store), IsEmpty());
}

TEST(SpareSegmentsTest, AFileWithAnotherNameIsNotOverwritten) {
  namespace fs = std::filesystem;
  const TempDirectory temp;
  const std::string& directory = temp.path();
  auto store = OpenSegmentStore(directory);
  ASSERT_TRUE(store) << store.error().message;
  auto journal = OpenJournal(**store, SmallSegments(kBytes));
  int number = 0;
  Fill(*journal, 2, number);
  fs::create_hard_link(directory + "/" + SegmentName(1), directory + "/copy");
  ASSERT_TRUE(journal->Release("bronze", journal->durable_sequence()));
  Fill(*journal, 3, number);
  auto copy = (*store)->Open("copy");
  ASSERT_TRUE(copy);
  const auto header = DecodeSegmentHeader((*copy)->ReadAt(0, kSegmentHeaderBytes).value());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->id.number, 1u);
  EXPECT_EQ(fs::file_size(directory + "/copy"), static_cast<uintmax_t>(kBytes));
}

// The page in which a group ends need not be read to be written.
TEST(SpareSegmentsTest, OldBytesInTheLastPageAreWrittenOver) {
  Reused reused;
  ASSERT_TRUE(IsReused(reused.store, 4));
  const int64_t end = reused.journal->Segments().back().bytes + kSegmentHeaderBytes;
  ASSERT_LT(end, kBytes);
  const std::string& bytes = reused.store.files.at(SegmentName(4))->bytes;
  ASSERT_EQ(bytes.size(), static_cast<size_t>(kBytes));  // two pages, of which one is the header's
  EXPECT_EQ(bytes.find_first_not_of('\0', static_cast<size_t>(end)), std::string::npos);
  // A group that fills its segment ends there.
  const int64_t rest = kBytes - end - kGroupHeadBytes;
  Record record = MakeRecord("");
  record.body.assign(static_cast<size_t>(rest - EncodedSize(record)), 'x');
  ASSERT_TRUE(reused.journal->AppendAndWait(record));
  EXPECT_EQ(reused.journal->Segments().back().bytes, kBytes - kSegmentHeaderBytes);
  EXPECT_EQ(bytes.size(), static_cast<size_t>(kBytes));
}

TEST(SpareSegmentsTest, AHeadWithAnotherLengthThanAnyGroupHasIsCountedWithinTheFile) {
  Reused reused;
  const Uuid uuid = reused.journal->uuid();
  const int64_t end = reused.journal->Segments().back().bytes + kSegmentHeaderBytes;
  reused.journal = nullptr;
  std::string& bytes = reused.store.files.at(SegmentName(4))->bytes;
  for (const int64_t length : {std::numeric_limits<int64_t>::max(), int64_t{-100}}) {
    bytes.replace(static_cast<size_t>(end), static_cast<size_t>(kGroupHeadBytes),
                  EncodeGroupHead({uuid, 4}, end, {1'000'000, 1, length}));
    const auto recovered = RecoverJournal(reused.store);
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(recovered->torn_bytes, length < 0 ? kGroupHeadBytes : kBytes - end);
  }
}

// The power fails at any byte of a group that is written over one of the same size.
TEST(SpareSegmentsTest, ATornGroupIsNotCompletedByWhatWasThere) {
  Reused reused;
  ASSERT_TRUE(IsReused(reused.store, 4));
  const auto begin = static_cast<size_t>(reused.journal->Segments().back().bytes) +
                     static_cast<size_t>(kSegmentHeaderBytes);
  std::string& bytes = reused.store.files.at(SegmentName(4))->bytes;
  // Also what the zeros behind the group before are written over.
  const std::string before = bytes.substr(0, begin) + reused.old.substr(begin);
  const uint64_t last = Put(*reused.journal, BodyOf(++reused.number));
  const auto end = static_cast<size_t>(reused.journal->Segments().back().bytes) +
                   static_cast<size_t>(kSegmentHeaderBytes);
  // Its mark comes with the next one.
  const std::string after = before.substr(0, begin) + bytes.substr(begin);
  ASSERT_EQ(before.compare(begin, 4, "GRP1"), 0);  // a group was there, of the same size
  reused.journal = nullptr;
  for (size_t at = begin; at < end; ++at) {
    // Either end may have come first.
    for (const std::string& torn :
         {after.substr(0, at) + before.substr(at), before.substr(0, at) + after.substr(at)}) {
      bytes = torn;
      const bool whole = torn.compare(begin, end - begin, after, begin, end - begin) == 0;
      const auto recovered = RecoverJournal(reused.store);
      ASSERT_TRUE(recovered) << recovered.error().message;
      ASSERT_EQ(recovered->segments.back().next_sequence, whole ? last + 1 : last) << at;
      ASSERT_LE(recovered->torn_bytes, static_cast<int64_t>(end - begin));
      const auto verified = VerifyJournal(reused.store);
      ASSERT_TRUE(verified) << verified.error().message;
      ASSERT_THAT(verified->damages, IsEmpty());
    }
  }
}

TEST(SpareSegmentsTest, EveryFlippedBitOfAReusedSegmentIsFound) {
  Reused reused;
  const int64_t end = reused.journal->Segments().back().bytes + kSegmentHeaderBytes;
  reused.journal = nullptr;
  std::string& bytes = reused.store.files.at(SegmentName(4))->bytes;
  const std::string whole = bytes;
  for (int64_t at = 0; at < end; ++at) {
    if (at == 80) at = kSegmentHeaderBytes;
    for (int bit = 0; bit < 8; ++bit) {
      bytes = whole;
      bytes[static_cast<size_t>(at)] ^= static_cast<char>(1 << bit);
      ASSERT_FALSE(RecoverJournal(reused.store)) << at << " bit " << bit;
    }
  }
}

// Power cuts and failing disks at random, while a consumer lets go of segments.
TEST(SpareSegmentsTest, NothingOldComesBackAndNothingAcknowledgedGoes) {
  JournalOptions options = SmallSegments(kBytes);
  options.max_bytes = 6 * kBytes;
  int64_t reused = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SeededRandom random(seed);
    MemorySegmentStore store;
    std::vector<std::string> acknowledged;
    uint64_t passed = 0;
    int number = 0;
    for (int life = 0; life < 4; ++life) {
      auto journal = OpenJournal(store, options, seed);
      ASSERT_NE(journal, nullptr) << "seed " << seed;
      ASSERT_LE(journal->first_sequence(), passed + 1) << "seed " << seed;
      const auto found = BodiesAfter(*journal, passed);
      const std::vector<std::string> kept(
          acknowledged.begin() + static_cast<std::ptrdiff_t>(passed), acknowledged.end());
      ASSERT_GE(found.size(), kept.size()) << "seed " << seed;
      ASSERT_TRUE(std::equal(kept.begin(), kept.end(), found.begin())) << "seed " << seed;
      // Only one that was sent last and not acknowledged may be there besides.
      ASSERT_LE(found.size(), kept.size() + 1) << "seed " << seed;
      if (found.size() > kept.size()) {
        ASSERT_EQ(std::count(acknowledged.begin(), acknowledged.end(), found.back()), 0);
        acknowledged.push_back(found.back());
      }
      bool dead = false;
      uint64_t steps = 5 + random.Next() % 120;
      int64_t left_bytes = 0;  // of files that could not be removed
      store.before = [&](Step step) -> Status {
        if (dead || --steps == 0) {
          dead = true;
          return MakeError(ErrorKind::kIo, "no power");
        }
        if (random.Next() % 60 != 0) return {};
        if (step == Step::kRemove) left_bytes += kBytes;
        return MakeError(ErrorKind::kIo, "the disk is broken");
      };
      while (!dead) {
        const std::string body = BodyOf(++number);
        if (journal->AppendAndWait(MakeRecord(body))) acknowledged.push_back(body);
        ASSERT_TRUE(dead || BytesOf(store) <= options.max_bytes + left_bytes) << "seed " << seed;
        if (random.Next() % 6 != 0) continue;
        passed = acknowledged.size();
        (void)journal->Release("bronze", passed);
      }
      for (const auto& [name, file] : store.files) {
        const auto header = DecodeSegmentHeader(file->bytes);
        if (ParseSegmentName(name) && header && header->reused) ++reused;
      }
      store.CutPower(random);  // the process has not seen it yet
      const auto names = store.files;
      journal.reset();
      store.before = nullptr;
      store.files = names;
    }
  }
  EXPECT_GT(reused, 400);
}

// Journals of before: their records' CRCs say nothing of the segment.
TEST(SpareSegmentsTest, SegmentsOfVersionOneAreRead) {
  MemorySegmentStore store;
  auto journal = OpenJournal(store, SmallSegments(kBytes));
  const uint64_t count = Put(*journal, "one") + 1;
  EXPECT_EQ(Put(*journal, "two"), count);
  const Uuid uuid = journal->uuid();
  journal = nullptr;
  std::string& bytes = store.files.at(SegmentName(1))->bytes;
  bytes[8] = 1;
  std::memset(bytes.data() + 72, 0, 8);
  const uint32_t crc = Crc32c(std::string_view(bytes).substr(16, 56));
  std::memcpy(bytes.data() + 12, &crc, sizeof(crc));
  auto at = static_cast<size_t>(kSegmentHeaderBytes);
  for (const char* body : {"one", "two"}) {
    at += static_cast<size_t>(kGroupHeadBytes);
    std::string record;
    AppendRecord(MakeRecord(body), 0, record);
    bytes.replace(at, record.size(), record);
    at += record.size();
  }
  EXPECT_THAT(VerifyJournal(store)->damages, IsEmpty());
  journal = OpenJournal(store, SmallSegments(kBytes));
  EXPECT_EQ(journal->uuid(), uuid);
  EXPECT_THAT(BodiesAfter(*journal, 0), ElementsAre("one", "two"));
  // What comes is written in a new segment, of version 2; the old one's file is used after that.
  EXPECT_EQ(Put(*journal, "three"), 3u);
  EXPECT_EQ(DecodeSegmentHeader(store.files.at(SegmentName(2))->bytes)->id.version, 2u);
  EXPECT_THAT(BodiesAfter(*journal, 0), ElementsAre("one", "two", "three"));
  // One of its bits flips.
  bytes[at - 1] ^= 1;
  EXPECT_FALSE(RecoverJournal(store));
}

}  // namespace
}  // namespace octolake::journal
