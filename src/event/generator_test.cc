// The generator by itself, and the reader over what it makes.
#include "event/generator.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/sha256.h"
#include "event/canonical_json.h"
#include "event/reading_for_test.h"
#include "event/rebuild.h"

namespace octolake::event {
namespace {

using ::testing::IsEmpty;

std::vector<std::string> Generate(Era era, uint64_t seed, int count) {
  GeneratorOptions options;
  options.era = era;
  options.seed = seed;
  EventGenerator generator(options);
  std::vector<std::string> events;
  for (int i = 0; i < count; ++i) events.push_back(generator.Next());
  return events;
}

std::string Join(const std::vector<std::string>& events, const std::string& separator) {
  std::string text;
  for (const std::string& event : events) text += event + separator;
  return text;
}

class GeneratorTest : public ::testing::TestWithParam<Era> {};

TEST_P(GeneratorTest, IsRepeatableFromItsSeed) {
  EXPECT_EQ(Generate(GetParam(), 5, 300), Generate(GetParam(), 5, 300));
  EXPECT_NE(Generate(GetParam(), 5, 300), Generate(GetParam(), 6, 300));
}

TEST_P(GeneratorTest, EveryEventIsReadAndRebuilt) {
  const std::vector<std::string> events = Generate(GetParam(), 11, 3000);
  const Reading reading = ReadText(Join(events, "\n"));
  ASSERT_THAT(reading.rejected, IsEmpty());
  ASSERT_EQ(reading.events.size(), events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const Result<std::string> rebuilt = RebuildEvent(reading.events[i]);
    ASSERT_TRUE(rebuilt);
    ASSERT_EQ(*CanonicalJson(*rebuilt), *CanonicalJson(events[i]));
  }
}

TEST_P(GeneratorTest, FramingAndPiecesDoNotMatter) {
  const std::vector<std::string> events = Generate(GetParam(), 3, 200);
  const Reading lines = ReadText(Join(events, "\n"));
  for (const int64_t piece : {1, 7, 64, 1 << 20}) {
    for (const char* separator : {"", ",", " \r\n"}) {
      const Reading other = ReadText(Join(events, separator), TestOptions(), piece);
      ASSERT_EQ(other.Ids(), lines.Ids());
      for (size_t i = 0; i < events.size(); ++i) {
        ASSERT_EQ(other.events[i].payload, lines.events[i].payload);
        ASSERT_EQ(other.events[i].extra, lines.events[i].extra);
      }
    }
  }
}

// Cut anywhere, what was whole before the cut is read and nothing else is an event.
TEST_P(GeneratorTest, CutsKeepWhatWasWhole) {
  const std::vector<std::string> events = Generate(GetParam(), 4, 4);
  const std::string text = Join(events, "\n");
  const std::vector<std::string> ids = ReadText(text).Ids();
  for (size_t cut = 1; cut < text.size(); cut += 13) {
    size_t whole = 0;
    for (size_t end = events[0].size(); whole < events.size() && end <= cut;) {
      if (++whole < events.size()) end += 1 + events[whole].size();
    }
    const Reading reading = ReadText(text.substr(0, cut), TestOptions(), 50);
    ASSERT_EQ(reading.Ids(), std::vector<std::string>(ids.begin(), ids.begin() + whole));
    ASSERT_LE(reading.rejected.size(), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Eras, GeneratorTest, ::testing::Values(Era::k2011, Era::k2015, Era::k2025),
                         [](const auto& era) {
                           return era.param == Era::k2011   ? "Of2011"
                                  : era.param == Era::k2015 ? "Of2015"
                                                            : "Of2025";
                         });

TEST(GeneratedStreamTest, HasTheSkewAndTheOdditiesOfTheRealOne) {
  const std::vector<std::string> events = Generate(Era::k2015, 1, 30000);
  const Reading reading = ReadText(Join(events, "\n"));
  std::map<std::string_view, int> repositories;
  std::map<std::string_view, int> types;
  std::map<std::string_view, std::set<std::string_view>> contents;  // of an id
  int bots = 0;
  int organizations = 0;
  int late = 0;
  int repeated = 0;
  TimestampMicros latest = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    const EventRow& row = reading.events[i];
    ++repositories[*row.repo_name];
    ++types[*row.type];
    bots += row.actor_login->ends_with("[bot]") ? 1 : 0;
    organizations += row.org_id ? 1 : 0;
    late += *row.event_time < latest ? 1 : 0;
    latest = std::max(latest, *row.event_time);
    auto& copies = contents[*row.id];
    repeated += copies.contains(events[i]) ? 1 : 0;
    copies.insert(events[i]);
  }
  int changed = 0;
  for (const auto& [id, copies] : contents) changed += copies.size() > 1 ? 1 : 0;
  int hottest = 0;
  for (const auto& [name, count] : repositories) hottest = std::max(hottest, count);
  EXPECT_GT(hottest, 2000);
  EXPECT_GT(repositories.size(), 2000u);
  EXPECT_EQ(types.size(), 14u);
  EXPECT_GT(types["PushEvent"], 14000);
  EXPECT_GT(bots, 300);
  EXPECT_GT(organizations, 3000);
  EXPECT_GT(late, 500);
  EXPECT_GT(repeated, 50);
  EXPECT_GT(changed, 0);
  EXPECT_LT(changed, 60);
  const std::string all = Join(events, "\n");
  EXPECT_NE(all.find("\xe2\x80\xa8"), std::string::npos);
  EXPECT_EQ(static_cast<size_t>(std::count(all.begin(), all.end(), '\n')), events.size());
}

TEST(GeneratedStreamTest, TheFirstEventsAreTheSameOnEveryPlatform) {
  EXPECT_EQ(Sha256Hex(Join(Generate(Era::k2011, 1, 1000), "\n")),
            "c20c73466518672c8c0f718ee1596c79f1862a61d9b55a760c0da2a5ece97e09");
  EXPECT_EQ(Sha256Hex(Join(Generate(Era::k2015, 1, 1000), "\n")),
            "f01bb9c13674fe5a03a48de89bcee381094dd862de065be87545f4d17cb8961a");
  EXPECT_EQ(Sha256Hex(Join(Generate(Era::k2025, 1, 1000), "\n")),
            "cd8477595736767b454dfb6013c8ab34bae0e46256ba80f48ac2bf75c2df8b7f");
}

TEST(GeneratedStreamTest, StartAndRateSetTheTimes) {
  GeneratorOptions options;
  options.start = 1767323045000000;
  options.rate = 0.5;
  EventGenerator generator(options);
  std::string text;
  for (int i = 0; i < 100; ++i) text += generator.Next();
  const Reading reading = ReadText(text);
  TimestampMicros latest = 0;
  for (const EventRow& row : reading.events) latest = std::max(latest, *row.event_time);
  EXPECT_GT(latest, options.start + 190 * 1000000);
  EXPECT_LE(latest, options.start + 200 * 1000000);
}

TEST(GeneratedStreamTest, ErasByName) {
  EXPECT_EQ(*ParseEra("2011"), Era::k2011);
  EXPECT_EQ(*ParseEra("2025"), Era::k2025);
  EXPECT_EQ(ParseEra("2013").error().message, "era: expected 2011, 2015 or 2025, found '2013'");
}

}  // namespace
}  // namespace octolake::event
