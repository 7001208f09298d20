#include "lake/event_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/random.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kDay = 86'400'000'000;

std::vector<bool> ChosenRows(const EventKeys& keys, size_t row_count) {
  std::vector<bool> rows(row_count);
  keys.MarkChosen(rows);
  return rows;
}

TEST(EventKeys, LeastIngestionThenTraceIsChosen) {
  EventKeys keys;
  keys.Add("7", 100, 20, "b", 0);
  keys.Add("7", 100, 10, "z", 1);  // received earlier
  keys.Add("7", 100, 10, "y", 2);  // the same instant, read earlier
  keys.Add("7", 100, 10, "y", 3);  // a tie: the first stays
  keys.Add("7", 100, 11, "a", 4);
  EXPECT_EQ(keys.size(), 1);
  EXPECT_THAT(ChosenRows(keys, 5), ElementsAre(false, false, true, false, false));
}

TEST(EventKeys, SameIdAtAnotherInstantIsAnotherEvent) {
  EventKeys keys;
  keys.Add("7", 100, 1, "a", 0);
  keys.Add("7", 101, 1, "b", 1);
  keys.Add("8", 100, 1, "c", 2);
  EXPECT_EQ(keys.size(), 3);
  EXPECT_TRUE(keys.Remove("7", 101));
  EXPECT_FALSE(keys.Remove("7", 101));
  EXPECT_FALSE(keys.Remove("9", 100));
  EXPECT_THAT(ChosenRows(keys, 3), ElementsAre(true, false, true));
}

TEST(EventKeys, RangesOfDaysLeaveOutWhatWasRemoved) {
  EventKeys keys;
  keys.Add("5", 0, 1, "a", 0);
  keys.Add("10", kDay - 1, 1, "b", 1);  // as text "10" is before "5"
  keys.Add("3", kDay, 1, "c", 2);
  keys.Add("4", -1, 1, "d", 3);
  keys.Add("9", kDay, 1, "e", 4);
  keys.Remove("9", kDay);
  const auto days = keys.IdsOfDays();
  ASSERT_EQ(days.size(), 3u);
  EXPECT_EQ(days.at(-1).least, "4");
  EXPECT_EQ(days.at(0).least, "10");
  EXPECT_EQ(days.at(0).greatest, "5");
  EXPECT_EQ(days.at(1).greatest, "3");
}

TEST(EventKeys, EmptyTableHasNothing) {
  EventKeys keys;
  EXPECT_FALSE(keys.Remove("1", 1));
  EXPECT_TRUE(keys.IdsOfDays().empty());
  keys.Add("", 0, 0, "", 0);
  EXPECT_THAT(ChosenRows(keys, 1), ElementsAre(true));
}

TEST(EventKeys, PartsHoldEveryKeyOnceAndAboutEquallyMany) {
  constexpr int64_t kKeys = 10'000;
  constexpr int64_t kParts = 7;
  std::vector<bool> chosen(kKeys);
  int64_t held = 0;
  int removed = 0;
  for (int64_t part = 0; part < kParts; ++part) {
    EventKeys keys({part, kParts});
    for (int64_t row = 0; row < kKeys; ++row) {
      keys.Add(std::to_string(row), kDay, 1, "", row);
      keys.Add(std::to_string(row), kDay, 2, "", row);
    }
    EXPECT_LT(keys.held(), kKeys / kParts * 5 / 4);
    held += keys.held();
    removed += keys.Remove("0", kDay) ? 1 : 0;
    keys.MarkChosen(chosen);
  }
  EXPECT_EQ(held, kKeys);
  EXPECT_EQ(removed, 1);
  EXPECT_FALSE(chosen.at(0));  // removed by the one part that held it
  for (size_t row = 1; row < chosen.size(); ++row) ASSERT_TRUE(chosen[row]) << row;
}

TEST(EventKeys, AgreesWithAMapOverManyKeys) {
  SeededRandom random(3);
  EventKeys keys;
  std::map<std::pair<std::string, int64_t>, std::pair<int64_t, int64_t>> expected;
  constexpr int64_t kRows = 200'000;
  for (int64_t row = 0; row < kRows; ++row) {
    const std::string id = std::to_string(random.Next() % 5'000);
    const int64_t time = static_cast<int64_t>(random.Next() % 30) * 1'000'000;
    const auto ingestion = static_cast<int64_t>(random.Next() % 1'000);
    keys.Add(id, time, ingestion, "", row);
    const auto [found, added] = expected.try_emplace({id, time}, std::pair(ingestion, row));
    if (!added) found->second = std::min(found->second, std::pair(ingestion, row));
  }
  EXPECT_EQ(keys.size(), static_cast<int64_t>(expected.size()));
  const std::vector<bool> chosen = ChosenRows(keys, kRows);
  int64_t count = 0;
  for (const bool one : chosen) count += one ? 1 : 0;
  EXPECT_EQ(count, keys.size());
  for (const auto& [key, winner] : expected) {
    ASSERT_TRUE(chosen[static_cast<size_t>(winner.second)]) << key.first << '@' << key.second;
  }
}

}  // namespace
}  // namespace octolake::lake
