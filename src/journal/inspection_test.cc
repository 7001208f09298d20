#include "journal/inspection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"
#include "journal/segment_format.h"

namespace octolake::journal {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kFirstGroup = kSegmentHeaderBytes;

// Two segments: records 1 to 3, each a group, and 4 to 5.
class InspectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto journal = OpenJournal(store_, SmallSegments());
    uuid_ = journal->uuid();
    for (const char* body : {"one", "two", "three"}) Put(*journal, body);
    journal = nullptr;
    journal = OpenJournal(store_, SmallSegments());
    for (const char* body : {"four", "five"}) Put(*journal, body);
  }
  std::string& Bytes(int number) { return store_.files.at(SegmentName(number))->bytes; }
  void Flip(int number, int64_t offset) { Bytes(number)[static_cast<size_t>(offset)] ^= 1; }
  // Of the groups of the first segment; those of "one" and "two" are of one size.
  static int64_t GroupAt(int index) {
    return kFirstGroup + index * (kGroupHeadBytes + EncodedSize(MakeRecord("one")));
  }
  JournalVerification Verify() {
    auto report = VerifyJournal(store_);
    EXPECT_TRUE(report) << report.error().message;
    return std::move(*report);
  }

  MemorySegmentStore store_;
  Uuid uuid_;
};

TEST_F(InspectionTest, SaysWhatIsThere) {
  const auto inspection = InspectJournal(store_);
  ASSERT_TRUE(inspection) << inspection.error().message;
  EXPECT_EQ(inspection->uuid, uuid_);
  ASSERT_THAT(inspection->segments, SizeIs(2));
  EXPECT_EQ(inspection->segments[0].next_sequence, 4u);
  EXPECT_EQ(inspection->first_sequence(), 1u);
  EXPECT_EQ(inspection->last_sequence(), 5u);
  EXPECT_EQ(inspection->oldest_received_at, MakeRecord("one").received_at);
  EXPECT_EQ(inspection->newest_received_at, MakeRecord("five").received_at);
}

TEST_F(InspectionTest, OfNoJournal) {
  MemorySegmentStore empty;
  const auto inspection = InspectJournal(empty);
  ASSERT_TRUE(inspection);
  EXPECT_EQ(inspection->uuid, std::nullopt);
  EXPECT_EQ(inspection->last_sequence(), 0u);
  EXPECT_THAT(VerifyJournal(empty)->damages, IsEmpty());
}

TEST_F(InspectionTest, AWholeJournalHasNoDamage) {
  const JournalVerification report = Verify();
  EXPECT_EQ(report.uuid, uuid_);
  EXPECT_EQ(report.segments, 2);
  EXPECT_EQ(report.records, 5);
  EXPECT_EQ(report.torn_bytes, 0);
  EXPECT_THAT(report.damages, IsEmpty());
}

TEST_F(InspectionTest, ASegmentThatIsRemovedMeanwhileIsNoDamage) {
  store_.opened = [&](const std::string& name) {
    const auto first = store_.files.find(SegmentName(1));
    if (name != SegmentName(2) || first == store_.files.end()) return;
    first->second->bytes.resize(static_cast<size_t>(GroupAt(1)) + 9);
    store_.files.erase(first);
  };
  const auto files = store_.files;
  const std::string bytes = Bytes(1);
  const JournalVerification report = Verify();
  EXPECT_THAT(report.damages, IsEmpty());
  EXPECT_EQ(report.segments, 1);
  store_.files = files;
  Bytes(1) = bytes;
  const auto inspection = InspectJournal(store_);
  ASSERT_TRUE(inspection) << inspection.error().message;
  EXPECT_EQ(inspection->first_sequence(), 4u);
}

TEST_F(InspectionTest, AGroupThatIsWrittenMeanwhileIsNoDamage) {
  auto journal = OpenJournal(store_, SmallSegments());
  Put(*journal, "six");
  const auto look_while_writing = [&](const auto& look) {
    const int64_t end = journal->Segments().back().bytes + kSegmentHeaderBytes;
    bool is_written = false;
    store_.was_read = [&](int64_t offset) {
      if (offset != end || std::exchange(is_written, true)) return;
      for (const char* body : {"more", "later"}) Put(*journal, body);
    };
    look();
    store_.was_read = nullptr;
    EXPECT_TRUE(is_written);
  };
  look_while_writing([&] { EXPECT_THAT(Verify().damages, IsEmpty()); });
  look_while_writing([&] {
    const auto inspection = InspectJournal(store_);
    EXPECT_TRUE(inspection) << inspection.error().message;
  });
}

TEST_F(InspectionTest, NamesEveryDamageAndGoesOn) {
  Flip(1, GroupAt(1) + kGroupHeadBytes + 9);
  Flip(2, kFirstGroup + 3);
  const JournalVerification report = Verify();
  ASSERT_THAT(report.damages, SizeIs(2));
  EXPECT_EQ(report.damages[0].segment, SegmentName(1));
  EXPECT_EQ(report.damages[0].offset, GroupAt(1));
  EXPECT_EQ(report.damages[0].first_sequence, 2u);
  EXPECT_EQ(report.damages[0].last_sequence, 2u);
  EXPECT_THAT(report.damages[0].what, HasSubstr("record 2 is damaged"));
  EXPECT_EQ(report.damages[1].segment, SegmentName(2));
  EXPECT_EQ(report.damages[1].offset, kFirstGroup);
  EXPECT_EQ(report.damages[1].first_sequence, 4u);
  EXPECT_EQ(report.damages[1].last_sequence, 4u);
  EXPECT_EQ(report.records, 3);
}

TEST_F(InspectionTest, DamageAtTheEndOfASegment) {
  Flip(1, GroupAt(2));
  const JournalVerification report = Verify();
  ASSERT_THAT(report.damages, SizeIs(1));
  EXPECT_EQ(report.damages[0].first_sequence, 3u);
  EXPECT_EQ(report.damages[0].last_sequence, 3u);
  EXPECT_EQ(report.records, 4);
}

TEST_F(InspectionTest, AMissingSegment) {
  auto journal = OpenJournal(store_, SmallSegments());
  Put(*journal, "six");
  journal = nullptr;
  store_.files.erase(SegmentName(2));
  const JournalVerification report = Verify();
  ASSERT_THAT(report.damages, SizeIs(1));
  EXPECT_EQ(report.damages[0].segment, SegmentName(3));
  EXPECT_EQ(report.damages[0].first_sequence, 4u);
  EXPECT_EQ(report.damages[0].last_sequence, 5u);
  EXPECT_EQ(report.records, 4);
}

TEST_F(InspectionTest, ADamagedHeader) {
  Flip(1, 20);
  const JournalVerification report = Verify();
  ASSERT_THAT(report.damages, SizeIs(1));
  EXPECT_EQ(report.damages[0].segment, SegmentName(1));
  EXPECT_EQ(report.damages[0].offset, 0);
  EXPECT_EQ(report.records, 2);
}

TEST_F(InspectionTest, EveryFlippedBitOfWhatIsSyncedIsFound) {
  const int64_t end = GroupAt(2);
  for (int64_t offset = kFirstGroup; offset < end; ++offset) {
    Flip(1, offset);
    EXPECT_THAT(Verify().damages, SizeIs(1)) << offset;
    Flip(1, offset);
  }
}

TEST_F(InspectionTest, TornBytesAreNoDamage) {
  Bytes(2).replace(static_cast<size_t>(8000), 4, "torn");
  const JournalVerification report = Verify();
  EXPECT_THAT(report.damages, IsEmpty());
  EXPECT_GT(report.torn_bytes, 0);
}

TEST_F(InspectionTest, AFileCutWithinWhatIsSynced) {
  Bytes(2).resize(static_cast<size_t>(kFirstGroup));
  const JournalVerification report = Verify();
  ASSERT_THAT(report.damages, SizeIs(1));
  EXPECT_EQ(report.damages[0].first_sequence, 4u);
}

}  // namespace
}  // namespace octolake::journal
