#include "base/logging.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <regex>

namespace octolake {
namespace {

TEST(LoggingTest, TextLinesHaveUtcTimeAndLevel) {
  std::string out;
  const auto logger = MakeStringLogger({"info", LogFormat::kText}, &out);
  ASSERT_TRUE(logger);
  (*logger)->info("loaded {} events", 3);
  (*logger)->debug("not shown");
  (*logger)->error("line one\nline two\x1b[2J");
  const std::regex expected(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  loaded 3 events\n)"
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z error line one\\nline two\\u001b\[2J\n)");
  EXPECT_TRUE(std::regex_match(out, expected)) << out;
}

TEST(LoggingTest, JsonLinesAreEscaped) {
  std::string out;
  const auto logger = MakeStringLogger({"debug", LogFormat::kJson}, &out);
  ASSERT_TRUE(logger);
  (*logger)->warn("a \"b\" \\ \t c");
  const size_t level = out.find(R"(","level":"warn","message":"a \"b\" \\ \u0009 c"})");
  EXPECT_EQ(out.rfind("{\"time\":\"", 0), 0u);
  EXPECT_NE(level, std::string::npos) << out;
  EXPECT_EQ(out.back(), '\n');
}

TEST(LoggingTest, RefusesUnknownLevelsAndFormats) {
  std::string out;
  const auto logger = MakeStringLogger({"inf", LogFormat::kText}, &out);
  ASSERT_FALSE(logger);
  EXPECT_EQ(logger.error().message,
            "unknown log level 'inf': expected trace, debug, info, warn, error or off (did you "
            "mean 'info'?)");
  EXPECT_EQ(ParseLogFormat("json").value(), LogFormat::kJson);
  EXPECT_FALSE(ParseLogFormat("xml"));
}

TEST(LoggingTest, ATeeGivesLinesToBoth) {
  std::string out;
  std::string also;
  const auto logger = MakeStringLogger({"warn", LogFormat::kJson}, &out);
  const Logger tee = MakeTeeLogger(*logger, [&](std::string_view line) { also += line; });
  tee->debug("a");
  tee->info("b {}", "{}");
  tee->warn("c");
  EXPECT_EQ(out.find("\"b"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("level":"warn","message":"c"})"), std::string::npos) << out;
  const std::regex expected(R"([-:.\dTZ]{24} info  b \{\}\n[-:.\dTZ]{24} warn  c\n)");
  EXPECT_TRUE(std::regex_match(also, expected)) << also;
}

TEST(LoggingTest, ATeeOfADetailedLogKeepsItsDetails) {
  std::string out;
  std::string also;
  const auto logger = MakeStringLogger({"debug", LogFormat::kText}, &out);
  MakeTeeLogger(*logger, [&](std::string_view line) { also += line; })->debug("a");
  EXPECT_NE(out.find("debug a\n"), std::string::npos) << out;
  EXPECT_EQ(also, "");
}

TEST(LoggingTest, OffLogsNothing) {
  std::string out;
  const auto logger = MakeStringLogger({"off", LogFormat::kText}, &out);
  (*logger)->error("x");
  MakeNullLogger()->error("x");
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace octolake
