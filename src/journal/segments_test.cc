#include "journal/segments.h"

#include <gtest/gtest.h>

namespace octolake::journal {
namespace {

constexpr TimestampMicros kNow = 1'767'323'045'000'000;

// Records 1 to 4, none, 5 to 8; each of 100 bytes.
std::vector<SegmentInfo> WithAnEmptyOne() {
  std::vector<SegmentInfo> segments(3);
  for (size_t i = 0; i < segments.size(); ++i) {
    segments[i].number = i + 1;
    segments[i].first_sequence = i == 0 ? 1 : 5;
    segments[i].next_sequence = i == 2 ? 9 : 5;
    segments[i].end = kSegmentHeaderBytes + 100 * static_cast<int64_t>(segments[i].next_sequence -
                                                                       segments[i].first_sequence);
    segments[i].created_at = kNow + static_cast<int64_t>(i);
  }
  return segments;
}

TEST(SegmentsTest, ASegmentWithoutRecordsHasNoBytesAfterAny) {
  const Segments segments({}, WithAnEmptyOne());
  EXPECT_EQ(segments.BytesAfter(0), 800);
  EXPECT_EQ(segments.BytesAfter(3), 500);
  EXPECT_EQ(segments.BytesAfter(4), 400);
  EXPECT_EQ(segments.BytesAfter(6), 200);
  EXPECT_EQ(segments.BytesAfter(8), 0);
}

TEST(SegmentsTest, WhatEveryConsumerHasPassedIsRemovable) {
  Segments segments({}, WithAnEmptyOne());
  EXPECT_EQ(segments.Removable(kNow, 0).size(), 0U);
  segments.SetConsumed("a", 8);
  EXPECT_EQ(segments.Removable(kNow, 0).size(), 2U);
  segments.SetConsumed("b", 3);
  EXPECT_EQ(segments.Removable(kNow, 0).size(), 0U);
}

TEST(SegmentsTest, RecordsYoungerThanTheRetentionAreKept) {
  Segments segments({}, WithAnEmptyOne());
  segments.SetConsumed("a", 8);
  // The first one's records are from before kNow + 1, the second one's from before kNow + 2.
  EXPECT_EQ(segments.Removable(kNow + 1'000, 1'000).size(), 0U);
  EXPECT_EQ(segments.Removable(kNow + 1'001, 1'000).size(), 1U);
  EXPECT_EQ(segments.Removable(kNow + 1'002, 1'000).size(), 2U);
}

TEST(SegmentsTest, AClockThatWasSetBackKeepsNothing) {
  Segments segments({}, WithAnEmptyOne());
  segments.SetConsumed("a", 8);
  EXPECT_EQ(segments.Removable(kNow - 3'600'000'000, 0).size(), 2U);
  EXPECT_EQ(segments.Removable(kNow - 3'600'000'000, 1'000).size(), 2U);
}

}  // namespace
}  // namespace octolake::journal
