#include "schedule/time_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "base/civil_time.h"
#include "base/temp_directory_for_test.h"
#include "schedule/posix_time_zone.h"
#include "schedule/system_zone_for_test.h"

namespace octolake::schedule {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::string_literals;

int64_t Seconds(const char* text) { return ParseTimestamp(text).value() / kMicrosPerSecond; }

// A TZif file of version 2 with the given second block and footer.
std::string Number(int64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}
std::string Header(int leap_seconds, int times, int types, int name_bytes) {
  std::string header = "TZif2" + std::string(15, '\0') + Number(0, 8);
  for (const int count : {leap_seconds, times, types, name_bytes}) header += Number(count, 4);
  return header;
}
std::string Type(int64_t offset) { return Number(offset, 4) + Number(0, 2); }
std::string File(const std::string& second_header, const std::string& block,
                 const std::string& footer) {
  return Header(0, 0, 1, 1) + Type(0) + std::string(1, '\0') + second_header + block + footer;
}

TEST(TimeZone, UtcNeedsNoFiles) {
  const TimeZone utc = TimeZone::Load("UTC", "/nowhere").value();
  EXPECT_EQ(utc.name(), "UTC");
  EXPECT_EQ(utc.OffsetAt(Seconds("2025-07-01")), 0);
  EXPECT_EQ(utc.NextTransition(0), std::nullopt);
}

TEST(TimeZone, KnowsOffsets) {
  const TimeZone berlin = TimeZone::Load("Europe/Berlin").value();
  EXPECT_EQ(berlin.OffsetAt(Seconds("2025-01-01")), 3600);
  EXPECT_EQ(berlin.OffsetAt(Seconds("2025-07-01")), 7200);
  EXPECT_EQ(berlin.NextTransition(Seconds("2025-01-01")), Seconds("2025-03-30T01:00:00Z"));
  EXPECT_EQ(berlin.NextTransition(Seconds("2025-03-30T01:00:00Z")),
            Seconds("2025-10-26T01:00:00Z"));
  // Far beyond what files list.
  EXPECT_EQ(berlin.NextTransition(Seconds("2500-01-01")), Seconds("2500-03-28T01:00:00Z"));
  EXPECT_EQ(berlin.OffsetAt(Seconds("2500-07-01")), 7200);
  const TimeZone kathmandu = TimeZone::Load("Asia/Kathmandu").value();
  EXPECT_EQ(kathmandu.OffsetAt(Seconds("2025-07-01")), 5 * 3600 + 45 * 60);
  EXPECT_EQ(kathmandu.NextTransition(Seconds("2025-07-01")), std::nullopt);
  const TimeZone lord_howe = TimeZone::Load("Australia/Lord_Howe").value();
  EXPECT_EQ(lord_howe.OffsetAt(Seconds("2025-01-01")), 11 * 3600);
  EXPECT_EQ(lord_howe.OffsetAt(Seconds("2025-07-01")), 10 * 3600 + 1800);
}

TEST(TimeZone, AgreesWithTheCLibrary) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int64_t> times(Seconds("1900-01-01"), Seconds("2200-01-01"));
  for (const char* name :
       {"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
        "Africa/Casablanca", "Europe/Dublin", "America/Godthab", "Pacific/Apia", "America/Havana",
        "Asia/Gaza", "Antarctica/Troll", "Etc/GMT+12", "Pacific/Kiritimati", "America/Sao_Paulo"}) {
    const TimeZone zone = TimeZone::Load(name).value();
    const SystemZone system(name);
    for (int i = 0; i < 3000; ++i) {
      const int64_t time = times(random);
      ASSERT_EQ(zone.OffsetAt(time), SystemZone::OffsetAt(time)) << name << ' ' << time;
    }
    // Each transition is one, and none lies between.
    int64_t time = Seconds("1960-01-01");
    while (time < Seconds("2100-01-01")) {
      const int64_t next = zone.NextTransition(time).value_or(Seconds("2100-01-01"));
      ASSERT_GT(next, time);
      for (int64_t t = time; t < next; t += 86400) {
        ASSERT_EQ(SystemZone::OffsetAt(t), SystemZone::OffsetAt(time)) << name << ' ' << t;
      }
      ASSERT_EQ(SystemZone::OffsetAt(next - 1), SystemZone::OffsetAt(time)) << name << ' ' << next;
      if (next < Seconds("2100-01-01")) {
        ASSERT_NE(SystemZone::OffsetAt(next), SystemZone::OffsetAt(next - 1)) << name;
      }
      time = next;
    }
  }
}

TEST(TimeZone, NamesAreNamesOnly) {
  for (const char* name : {"", "/etc/passwd", "../zoneinfo/UTC", "Europe/../Europe/Berlin", "a b",
                           "Europe/", "zone.tab"}) {
    const auto zone = TimeZone::Load(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().kind, ErrorKind::kInvalidArgument) << name;
  }
  const auto unknown = TimeZone::Load("Europe/Berlim");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(unknown.error().message,
              AllOf(HasSubstr("'Europe/Berlim'"), HasSubstr("did you mean 'Europe/Berlin'?")));
  const auto directory = TimeZone::Load("Europe");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().kind, ErrorKind::kNotFound);
  const auto without = TimeZone::Load("Europe/Berlin", "/nowhere");
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(without.error().message, HasSubstr("install tzdata"));
  EXPECT_EQ(TimeZone::Load("leapseconds").error().kind, ErrorKind::kCorruption);
}

TEST(TimeZone, ReadsWhatAFileSays) {
  const std::string block =
      Number(1000, 8) + Number(2000, 8) + "\1\2" + Type(60) + Type(120) + Type(120) + "A";
  const TimeZone zone =
      TimeZone::Parse("X", File(Header(0, 2, 3, 1), block, "\n<+00>-0:01\n")).value();
  EXPECT_EQ(zone.OffsetAt(999), 60);
  EXPECT_EQ(zone.OffsetAt(1000), 120);
  EXPECT_EQ(zone.OffsetAt(1999), 120);
  EXPECT_EQ(zone.OffsetAt(2000), 60);  // by the footer
  EXPECT_EQ(zone.NextTransition(0), 1000);
  EXPECT_EQ(zone.NextTransition(1000), 2000);
  const TimeZone no_footer = TimeZone::Parse("X", File(Header(0, 2, 3, 1), block, "\n\n")).value();
  EXPECT_EQ(no_footer.OffsetAt(5000), 120);
  EXPECT_EQ(no_footer.NextTransition(1000), std::nullopt);
}

TEST(TimeZone, DamagedFilesAreRefused) {
  const std::string block =
      Number(1000, 8) + Number(2000, 8) + "\0\1"s + Type(60) + Type(120) + "A";
  const std::string whole = File(Header(0, 2, 2, 1), block, "\nUTC0\n");
  ASSERT_TRUE(TimeZone::Parse("X", whole));
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto cut = TimeZone::Parse("X", whole.substr(0, size));
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().kind, ErrorKind::kCorruption);
  }
  std::string damaged = whole;
  damaged[whole.size() - 20] = '\7';  // before two types, a name and the footer
  EXPECT_FALSE(TimeZone::Parse("X", damaged)) << "no such type";
  const std::string unordered =
      Number(2000, 8) + Number(1000, 8) + "\0\1"s + Type(60) + Type(120) + "A";
  EXPECT_FALSE(TimeZone::Parse("X", File(Header(0, 2, 2, 1), unordered, "\n\n")));
  EXPECT_FALSE(TimeZone::Parse("X", File(Header(0, 2, 2, 1), block, "\nCET-1CEST\n")));
  const std::string leap = block + std::string(12, '\0');
  EXPECT_EQ(TimeZone::Parse("X", File(Header(1, 2, 2, 1), leap, "\n\n")).error().kind,
            ErrorKind::kUnsupported);
  EXPECT_FALSE(TimeZone::Parse("X", Header(-1, -1, -1, -1)));
}

TEST(PosixTimeZone, RulesOfEveryForm) {
  // Without February 29, and with it.
  const auto julian = PosixTimeZone::Parse("AAA0BBB,J60/0,J300").value();
  EXPECT_EQ(julian.NextTransition(Seconds("2024-01-01")), Seconds("2024-03-01"));
  EXPECT_EQ(julian.NextTransition(Seconds("2025-01-01")), Seconds("2025-03-01"));
  const auto days = PosixTimeZone::Parse("AAA0BBB,59/0,300").value();
  EXPECT_EQ(days.NextTransition(Seconds("2024-01-01")), Seconds("2024-02-29"));
  EXPECT_EQ(days.NextTransition(Seconds("2025-01-01")), Seconds("2025-03-01"));
  // The evening before the last Sunday; the offset of daylight saving time is given.
  const auto weekday = PosixTimeZone::Parse("<-02>2<-01>1,M3.5.0/-1,M10.5.0/0").value();
  EXPECT_EQ(weekday.NextTransition(Seconds("2025-01-01")), Seconds("2025-03-30T01:00:00Z"));
  EXPECT_EQ(weekday.OffsetAt(Seconds("2025-07-01")), -3600);
  EXPECT_EQ(weekday.OffsetAt(Seconds("2025-12-01")), -7200);
}

TEST(PosixTimeZone, DaylightSavingMayLastAllYear) {
  const auto zone = PosixTimeZone::Parse("XXX3EDT4,0/0,J365/23").value();
  EXPECT_EQ(zone.OffsetAt(Seconds("2025-07-01")), -4 * 3600);
  EXPECT_EQ(zone.OffsetAt(Seconds("2026-01-01T03:00:00Z")), -4 * 3600);
  EXPECT_EQ(zone.NextTransition(Seconds("2025-07-01")), std::nullopt);
}

TEST(PosixTimeZone, OtherTextIsRefused) {
  for (const char* text :
       {"", "CE", "CET", "CET-25", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J1",
        "CET-1CEST,366,1", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1 ", "<+01-1", "CET99999999999"}) {
    const auto zone = PosixTimeZone::Parse(text);
    ASSERT_FALSE(zone) << text;
    EXPECT_EQ(zone.error().kind, ErrorKind::kCorruption);
  }
}

}  // namespace
}  // namespace octolake::schedule
