#include "kafka/rejected_parts.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace octolake::kafka {
namespace {

constexpr TimestampMicros kNow = 1'767'323'045'000'006;

class RejectedPartsTest : public testing::Test {
 protected:
  explicit RejectedPartsTest(PartsLimits limits = {}) : parts_(AddRow(), limits) {}

  // At the next offset of the partition. `end`: how much there was of it when it was fetched.
  void Take(const std::string& trace_id, int64_t part, int64_t parts, const std::string& document,
            int32_t partition = 0, int64_t end = 1000) {
    const event::MessagePlace place{"t", partition, next_[partition]++, kNow};
    EXPECT_TRUE(parts_.Take({document, "why", "collect", trace_id, kNow, part, parts}, place, end));
  }
  RejectedParts::AddRow AddRow() {
    return [this](const event::RejectedMessage& row, const event::MessagePlace& place) {
      added_.push_back(std::string(row.raw) + "|" + std::string(row.reason) + "|" +
                       std::to_string(*place.offset));
      return Status();
    };
  }

  std::map<int32_t, int64_t> next_;
  std::vector<std::string> added_;
  RejectedParts parts_;
};

TEST_F(RejectedPartsTest, PutsPartsTogether) {
  Take("a", 1, 1, "whole");
  EXPECT_EQ(parts_.HeldFrom(0), std::nullopt);
  Take("b", 1, 3, "x");
  EXPECT_EQ(parts_.HeldFrom(0), 1);
  Take("c", 1, 2, "other", 1);
  Take("b", 2, 3, "y");
  Take("c", 2, 2, " partition", 1);
  EXPECT_EQ(parts_.HeldFrom(0), 1);
  EXPECT_EQ(parts_.HeldFrom(1), std::nullopt);
  Take("b", 3, 3, "z");
  EXPECT_EQ(parts_.HeldFrom(0), std::nullopt);
  EXPECT_EQ(added_,
            (std::vector<std::string>{"whole|why|0", "other partition|why|0", "xyz|why|1"}));
}

// Several gateways send to one partition at a time.
TEST_F(RejectedPartsTest, PutsPartsTogetherThatLieBetweenOthers) {
  Take("a", 1, 3, "x");
  Take("b", 1, 2, "1");
  Take("a", 2, 3, "y");
  Take("c", 1, 1, "whole");
  Take("b", 2, 2, "2");
  // Reading that began behind b would have the rest of a alone.
  EXPECT_EQ(parts_.HeldFrom(0), 0);
  EXPECT_TRUE(added_.empty());
  Take("d", 1, 2, "3");
  Take("a", 3, 3, "z");
  EXPECT_EQ(parts_.HeldFrom(0), 0);
  Take("d", 2, 2, "4");
  EXPECT_EQ(parts_.HeldFrom(0), std::nullopt);
  EXPECT_EQ(added_, (std::vector<std::string>{"whole|why|3", "12|why|1", "xyz|why|0", "34|why|5"}));
}

TEST_F(RejectedPartsTest, WaitsForPartsAsFarAsTheyCanBe) {
  Take("a", 1, 3, "x", 0, 4);
  Take("b", 1, 2, "1", 0, 6);
  EXPECT_TRUE(parts_.Passed(0, 3));
  EXPECT_EQ(parts_.HeldFrom(0), 0);
  EXPECT_TRUE(parts_.Passed(1, 100));
  EXPECT_TRUE(parts_.Passed(0, 4));
  EXPECT_TRUE(added_.empty());  // b is open
  Take("b", 2, 2, "2", 0, 6);
  EXPECT_EQ(parts_.HeldFrom(0), std::nullopt);
  Take("c", 1, 2, "begun", 0, 6);
  EXPECT_TRUE(parts_.Passed(0, 6));
  EXPECT_EQ(added_, (std::vector<std::string>{"x|why (in part: up to 1 of 3 parts)|0", "12|why|1",
                                              "begun|why (in part: up to 1 of 2 parts)|3"}));
}

TEST_F(RejectedPartsTest, KeepsWhatCameOfADocumentThatIsNotWhole) {
  Take("a", 2, 3, "a tail");
  Take("a", 3, 3, " of two");
  Take("b", 1, 3, "x");
  Take("b", 3, 3, "z");
  Take("c", 1, 3, "1");
  Take("c", 1, 2, "again");
  Take("c", 2, 2, " whole");
  EXPECT_EQ(parts_.HeldFrom(0), std::nullopt);
  EXPECT_EQ(added_,
            (std::vector<std::string>{
                "a tail of two|why (in part: 2 to 3 of 3 parts)|0",
                "x|why (in part: up to 1 of 3 parts)|2", "z|why (in part: 3 to 3 of 3 parts)|3",
                "1|why (in part: up to 1 of 3 parts)|4", "again whole|why|5"}));
}

TEST_F(RejectedPartsTest, ForgetsWhatIsReadAgain) {
  Take("a", 1, 2, "x");
  parts_.Clear();
  EXPECT_EQ(parts_.HeldFrom(0), std::nullopt);
  Take("a", 1, 2, "x");
  Take("a", 2, 2, "y");
  EXPECT_EQ(added_, (std::vector<std::string>{"xy|why|1"}));
}

TEST_F(RejectedPartsTest, PassesOverMessagesWithoutADocument) {
  RejectedPart nothing;
  nothing.nothing = true;
  Take("b", 1, 2, "x");
  EXPECT_TRUE(parts_.Take(nothing, {"t", 0, next_[0]++, kNow}, 1000));
  Take("b", 2, 2, "y");
  EXPECT_EQ(added_, (std::vector<std::string>{"xy|why|0"}));
}

class SmallRejectedPartsTest : public RejectedPartsTest {
 protected:
  SmallRejectedPartsTest() : RejectedPartsTest({.document_bytes = 10, .held_bytes = 10'000}) {}
};

TEST_F(SmallRejectedPartsTest, ADocumentHasALimit) {
  Take("a", 1, 3, "12345678");
  Take("a", 2, 3, "90");
  Take("a", 3, 3, "x");
  EXPECT_EQ(added_, (std::vector<std::string>{"1234567890|why (in part: up to 2 of 3 parts)|0",
                                              "x|why (in part: 3 to 3 of 3 parts)|2"}));
}

TEST_F(SmallRejectedPartsTest, WhatIsHeldHasALimit) {
  Take("never whole", 1, 2, "x");
  Take("of another partition", 1, 2, "y", 1);
  int64_t taken = 0;
  for (; added_.empty() && taken < 100; ++taken) Take("a", 1, 1, "z");
  EXPECT_GT(taken, 2);
  EXPECT_LT(taken, 10);
  EXPECT_EQ(parts_.HeldFrom(0), std::nullopt);
  EXPECT_EQ(parts_.HeldFrom(1), std::nullopt);
  EXPECT_EQ(std::ssize(added_), taken + 2);
  EXPECT_EQ(added_.back(), "y|why (in part: up to 1 of 2 parts)|0");
  Take("never whole", 2, 2, "later");
  EXPECT_EQ(added_.back(),
            "later|why (in part: 2 to 2 of 2 parts)|" + std::to_string(next_[0] - 1));
}

}  // namespace
}  // namespace octolake::kafka
