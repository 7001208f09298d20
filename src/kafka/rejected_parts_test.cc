#include "kafka/rejected_parts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace octolake::kafka {
namespace {

constexpr TimestampMicros kNow = 1'767'323'045'000'006;

class RejectedPartsTest : public testing::Test {
 protected:
  void Take(const std::string& trace_id, int64_t part, int64_t parts, const std::string& document,
            int32_t partition = 0) {
    const event::MessagePlace place{"t", partition, 10 * part, kNow};
    EXPECT_TRUE(parts_.Take({document, "why", "collect", trace_id, kNow, part, parts}, place));
  }

  std::vector<std::string> added_;
  RejectedParts parts_{[this](const event::RejectedMessage& row, const event::MessagePlace& place) {
    added_.push_back(std::string(row.raw) + "|" + std::string(row.reason) + "|" +
                     std::to_string(*place.offset));
    return Status();
  }};
};

TEST_F(RejectedPartsTest, PutsPartsTogether) {
  Take("a", 1, 1, "whole");
  Take("b", 1, 3, "x");
  EXPECT_TRUE(parts_.open());
  Take("c", 1, 2, "other", 1);
  Take("b", 2, 3, "y");
  Take("c", 2, 2, " partition", 1);
  Take("b", 3, 3, "z");
  EXPECT_FALSE(parts_.open());
  EXPECT_EQ(added_,
            (std::vector<std::string>{"whole|why|10", "other partition|why|10", "xyz|why|10"}));
}

TEST_F(RejectedPartsTest, KeepsWhatCameOfADocumentThatIsNotWhole) {
  Take("a", 1, 3, "x");
  Take("b", 1, 1, "whole");
  Take("c", 2, 2, "a tail");
  Take("d", 1, 2, "begun");
  EXPECT_TRUE(parts_.End(0));
  EXPECT_FALSE(parts_.open());
  EXPECT_EQ(added_,
            (std::vector<std::string>{"x|why (in part: up to 1 of 3 parts)|10", "whole|why|10",
                                      "a tail|why (in part: up to 2 of 2 parts)|20",
                                      "begun|why (in part: up to 1 of 2 parts)|10"}));
}

TEST_F(RejectedPartsTest, PassesOverMessagesWithoutADocument) {
  RejectedPart nothing;
  nothing.nothing = true;
  Take("b", 1, 2, "x");
  EXPECT_TRUE(parts_.Take(nothing, {"t", 0, 11, kNow}));
  Take("b", 2, 2, "y");
  EXPECT_EQ(added_, (std::vector<std::string>{"xy|why|10"}));
}

}  // namespace
}  // namespace octolake::kafka
