#include "base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/temp_directory_for_test.h"

namespace octolake {
namespace {

using ::testing::HasSubstr;
using Map = std::map<std::string, std::string>;

std::vector<ConfigKey> Keys() {
  return {
      {"warehouse", ConfigType::kString, "./warehouse", "Where tables live", {}, false},
      {"kafka.topic", ConfigType::kString, "raw", "", {"KAFKA_TOPIC", "OLD_TOPIC"}, false},
      {"kafka.backoff", ConfigType::kDuration, "1s", "", {"KAFKA_RETRY_BACKOFF_BASE_S"}, false},
      {"bronze.commit_interval", ConfigType::kDuration, "30s", "", {"COMMIT_MS"}, false},
      {"queue.max_bytes", ConfigType::kSize, "64MB", "", {}, false},
      {"queue.max_events", ConfigType::kInt, "100000", "", {"QUEUE_MAX_SIZE"}, false},
      {"silver.sources", ConfigType::kList, "", "", {}, false},
      {"json", ConfigType::kBool, "false", "", {}, false},
      {"s3.secret_key", ConfigType::kString, "", "", {"MINIO_ROOT_PASSWORD"}, true},
      {"secret.number", ConfigType::kInt, "", "", {}, true},
  };
}

class ConfigTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }
  Result<Config> FromFile(const std::string& text) {
    return Config::Load(Keys(), {}, {}, Write(text));
  }
  std::string FileError(const std::string& text) {
    const auto config = FromFile(text);
    EXPECT_FALSE(config) << text;
    if (config) return "";
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalidArgument);
    return config.error().message;
  }

  const TempDirectory temp_;
  const std::string path_ = temp_.path() + "/config.yaml";
};

TEST_F(ConfigTest, DefaultsAreTyped) {
  const auto config = Config::Load(Keys(), {}, {}, std::nullopt);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->GetString("warehouse"), "./warehouse");
  EXPECT_EQ(config->GetMicros("bronze.commit_interval"), 30'000'000);
  EXPECT_EQ(config->GetBytes("queue.max_bytes"), 64'000'000);
  EXPECT_EQ(config->GetInt("queue.max_events"), 100'000);
  EXPECT_FALSE(config->GetBool("json"));
  EXPECT_TRUE(config->GetList("silver.sources").empty());
  EXPECT_FALSE(config->Has("silver.sources"));
  EXPECT_TRUE(config->Has("warehouse"));
  EXPECT_EQ(config->SourceOf("warehouse"), "default");
}

TEST_F(ConfigTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  const std::string file = Write(
      "warehouse: /file\n"
      "kafka:\n"
      "  topic: file_topic\n"
      "queue.max_bytes: 1KiB\n"
      "bronze: {commit_interval: 5s}\n"
      "silver:\n"
      "  sources:\n"
      "    - collect\n"
      "    - webhook\n");
  const auto config = Config::Load(Keys(), {{"warehouse", "/flag"}},
                                   {{"OCTOLAKE_WAREHOUSE", "/env"},
                                    {"OCTOLAKE_KAFKA_TOPIC", "env_topic"},
                                    {"KAFKA_TOPIC", "legacy_topic"},
                                    {"PATH", "/bin"}},
                                   file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->GetString("warehouse"), "/flag");
  EXPECT_EQ(config->SourceOf("warehouse"), "flag --warehouse");
  EXPECT_EQ(config->GetString("kafka.topic"), "env_topic");
  EXPECT_EQ(config->SourceOf("kafka.topic"), "environment OCTOLAKE_KAFKA_TOPIC");
  EXPECT_EQ(config->GetBytes("queue.max_bytes"), 1024);
  EXPECT_EQ(config->SourceOf("queue.max_bytes"), "file " + file + ":4");
  EXPECT_EQ(config->GetMicros("bronze.commit_interval"), 5'000'000);
  EXPECT_EQ(config->GetList("silver.sources"), (std::vector<std::string>{"collect", "webhook"}));
  EXPECT_EQ(config->SourceOf("silver.sources"), "file " + file + ":7");
  EXPECT_EQ(config->GetInt("queue.max_events"), 100'000);
}

TEST_F(ConfigTest, OlderVariablesKeepTheirNamesAndUnits) {
  const auto config = Config::Load(Keys(), {},
                                   {{"KAFKA_RETRY_BACKOFF_BASE_S", "0.5"},
                                    {"COMMIT_MS", "250"},
                                    {"OLD_TOPIC", "oldest"},
                                    {"KAFKA_TOPIC", "older"},
                                    {"QUEUE_MAX_SIZE", "7"}},
                                   std::nullopt);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->GetMicros("kafka.backoff"), 500'000);
  EXPECT_EQ(config->SourceOf("kafka.backoff"), "environment KAFKA_RETRY_BACKOFF_BASE_S");
  EXPECT_EQ(config->GetMicros("bronze.commit_interval"), 250'000);
  EXPECT_EQ(config->GetString("kafka.topic"), "older");
  EXPECT_EQ(config->GetInt("queue.max_events"), 7);
}

TEST_F(ConfigTest, AnEmptyVariableIsNotSet) {
  const auto config = Config::Load(
      Keys(), {}, {{"KAFKA_TOPIC", ""}, {"OCTOLAKE_QUEUE_MAX_EVENTS", ""}}, std::nullopt);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->GetString("kafka.topic"), "raw");
  EXPECT_EQ(config->SourceOf("queue.max_events"), "default");
}

TEST_F(ConfigTest, UnknownNamesAreErrorsWithTheNearestKnownOne) {
  EXPECT_EQ(FileError("warehouse: x\nkafka:\n  topik: y\n"),
            path_ + ":3: unknown key 'kafka.topik' (did you mean 'kafka.topic'?)");
  const auto env = Config::Load(Keys(), {}, {{"OCTOLAKE_WAREHOSE", "x"}}, std::nullopt);
  EXPECT_EQ(env.error().message,
            "unknown environment variable OCTOLAKE_WAREHOSE (did you mean 'OCTOLAKE_WAREHOUSE'?)");
  const auto flag = Config::Load(Keys(), {{"jso", "x"}}, {}, std::nullopt);
  EXPECT_EQ(flag.error().message, "unknown configuration key 'jso' (did you mean 'json'?)");
}

TEST_F(ConfigTest, ValuesOfTheWrongTypeNameTheirSource) {
  EXPECT_EQ(FileError("queue:\n  max_events: many\n"),
            "queue.max_events (file " + path_ + ":2): 'many' is not a whole number");
  EXPECT_THAT(FileError("bronze.commit_interval: 30\n"), HasSubstr("'30' is not a duration"));
  EXPECT_THAT(FileError("json: maybe\n"), HasSubstr("neither true nor false"));
  EXPECT_THAT(FileError("queue.max_bytes: big\n"), HasSubstr("'big' is not a size"));
}

TEST_F(ConfigTest, BrokenFilesNameTheLine) {
  EXPECT_THAT(FileError("warehouse: a\nwarehouse: b\n"),
              HasSubstr(":2: 'warehouse' is set twice; first at line 1"));
  EXPECT_THAT(FileError("kafka: {topic: a}\nkafka.topic: b\n"), HasSubstr("set twice"));
  EXPECT_THAT(FileError("- a\n- b\n"), HasSubstr("expected keys with values"));
  EXPECT_THAT(FileError("a: [b\n"), HasSubstr("no valid YAML"));
  EXPECT_THAT(FileError("silver.sources: [[a], b]\n"), HasSubstr("list of plain values"));
  EXPECT_THAT(FileError("warehouse: " + std::string(1 << 20, 'x')), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(FileError("jobs:\n  custom: {nightly: {}}\n"),
              HasSubstr(":2: 'jobs.custom.nightly' is an empty map"));
  EXPECT_TRUE(FromFile(""));
  EXPECT_TRUE(FromFile("{}"));
  EXPECT_TRUE(FromFile("# nothing\n"));
}

TEST_F(ConfigTest, AMissingFileIsNotFound) {
  const auto config = Config::Load(Keys(), {}, {}, path_ + ".absent");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr(path_ + ".absent"));
}

TEST_F(ConfigTest, SecretsAreMaskedEverywhere) {
  const auto config = Config::Load(Keys(), {}, {{"MINIO_ROOT_PASSWORD", "hunter2"}}, std::nullopt);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->GetString("s3.secret_key"), "hunter2");
  for (const ConfigEntry& entry : config->Entries()) {
    EXPECT_EQ(entry.value.find("hunter2"), std::string::npos) << entry.key;
    if (entry.key == "s3.secret_key") {
      EXPECT_EQ(entry.value, "********");
      EXPECT_EQ(entry.source, "environment MINIO_ROOT_PASSWORD");
    }
    if (entry.key == "secret.number") {
      EXPECT_EQ(entry.value, "");
    }
  }
  const auto wrong =
      Config::Load(Keys(), {}, {{"OCTOLAKE_SECRET_NUMBER", "hunter2"}}, std::nullopt);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message.find("hunter2"), std::string::npos);
}

TEST_F(ConfigTest, EntriesKeepTheOrderOfTheKeys) {
  const auto config = Config::Load(Keys(), {}, {}, std::nullopt);
  const auto entries = config->Entries();
  ASSERT_EQ(entries.size(), Keys().size());
  for (size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].key, Keys()[i].name);
  EXPECT_EQ(entries[0].description, "Where tables live");
}

TEST_F(ConfigTest, RefusesWhatIsBeyondTheLimitsOfAKey) {
  const std::vector<ConfigKey> keys = {
      {"keep.count", ConfigType::kInt, "5", "", {}, false, "1", "100"},
      {"keep.age", ConfigType::kDuration, "7d", "", {}, false, "1m", ""},
      {"keep.size", ConfigType::kSize, "", "", {}, false, "", "1GiB"},
  };
  const auto error = [&](const Map& flags, const Map& environment, const std::string& text) {
    const auto config = Config::Load(keys, flags, environment, Write(text));
    if (config) return std::string();
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalidArgument);
    return config.error().message;
  };
  EXPECT_EQ(error({{"keep.count", "0"}}, {}, ""),
            "keep.count (flag --keep.count): '0' is beyond what is allowed: 1 to 100");
  EXPECT_THAT(error({{"keep.count", "-5"}}, {}, ""), HasSubstr("'-5' is beyond"));
  EXPECT_THAT(error({}, {{"OCTOLAKE_KEEP_COUNT", "101"}}, ""),
              HasSubstr("environment OCTOLAKE_KEEP_COUNT): '101' is beyond"));
  EXPECT_EQ(error({}, {}, "keep:\n  age: 59s\n"),
            "keep.age (file " + path_ + ":2): '59s' is beyond what is allowed: at least 1m");
  EXPECT_THAT(error({}, {}, "keep.size: 1025MiB\n"), HasSubstr("allowed: at most 1GiB"));
  EXPECT_THAT(error({}, {}, "keep.count:\n"), HasSubstr("a value is missing; allowed: 1 to 100"));
  for (const char* count : {"1", "100"}) EXPECT_EQ(error({{"keep.count", count}}, {}, ""), "");
  EXPECT_EQ(error({{"keep.age", "60s"}, {"keep.size", "1GiB"}}, {}, ""), "");
}

TEST_F(ConfigTest, ADefaultBeyondItsLimitsIsAMistakeThatShows) {
  const auto config = Config::Load({{"keep.count", ConfigType::kInt, "0", "", {}, false, "1", ""}},
                                   {}, {}, std::nullopt);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("keep.count (default)"));
}

TEST_F(ConfigTest, RefusesKeysThatShareAVariable) {
  std::vector<ConfigKey> keys = Keys();
  keys.push_back({"kafka_topic", ConfigType::kString, "", "", {}, false});
  const auto config = Config::Load(keys, {}, {}, std::nullopt);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("OCTOLAKE_KAFKA_TOPIC"));
}

std::vector<ConfigKeyGroup> Groups() {
  return {{"jobs.custom",
           {{"schedule", ConfigType::kString, "", "When", {}, false},
            {"command", ConfigType::kCommand, "", "What", {}, false},
            {"retries", ConfigType::kInt, "3", "", {}, false, "0", "9"}}}};
}

TEST_F(ConfigTest, TheFileNamesMembersOfAGroup) {
  const Map environment = {{"OCTOLAKE_JOBS_CUSTOM_SORT_RETRIES", "5"}};
  const auto config = Config::Load(Keys(), {}, environment, Write(R"(
jobs:
  custom:
    sort: {schedule: "0 5 * * *", command: [maintain, "a,b", "it's", ""]}
    tell-me: {command: "sh -c 'echo $HOME'"}
jobs.custom.sort.retries: 1
)"),
                                   Groups());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->Members("jobs.custom"), (std::vector<std::string>{"sort", "tell-me"}));
  EXPECT_EQ(config->GetArguments("jobs.custom.sort.command"),
            (std::vector<std::string>{"maintain", "a,b", "it's", ""}));
  EXPECT_EQ(config->GetArguments("jobs.custom.tell-me.command"),
            (std::vector<std::string>{"sh", "-c", "echo $HOME"}));
  EXPECT_EQ(config->GetInt("jobs.custom.sort.retries"), 5);
  EXPECT_EQ(config->GetInt("jobs.custom.tell-me.retries"), 3);
  EXPECT_FALSE(config->Has("jobs.custom.tell-me.schedule"));
  const auto entries = config->Entries();
  const auto shown = std::find_if(entries.begin(), entries.end(), [](const ConfigEntry& entry) {
    return entry.key == "jobs.custom.sort.command";
  });
  ASSERT_NE(shown, entries.end());
  EXPECT_EQ(shown->value, R"(maintain a,b 'it'\''s' '')");
  EXPECT_EQ(shown->source, "file " + path_ + ":4");
  EXPECT_TRUE(Config::Load(Keys(), {}, {}, std::nullopt, Groups())->Members("jobs.custom").empty());
}

TEST_F(ConfigTest, MistakesInAGroupNameTheirPlace) {
  const auto error = [&](const std::string& text, const Map& environment = {}) {
    const auto config = Config::Load(Keys(), {}, environment, Write(text), Groups());
    EXPECT_FALSE(config) << text;
    return config ? std::string() : config.error().message;
  };
  EXPECT_EQ(error("jobs.custom.sort.shedule: x\n"),
            path_ +
                ":1: unknown key 'jobs.custom.sort.shedule' (did you mean "
                "'jobs.custom.sort.schedule'?)");
  EXPECT_THAT(error("jobs.custom.sort: x\n"), HasSubstr("unknown key 'jobs.custom.sort'"));
  EXPECT_THAT(error("jobs.custom..schedule: x\n"),
              HasSubstr("unknown key 'jobs.custom..schedule'"));
  EXPECT_THAT(error("jobs.custom.a.b.schedule: x\n"), HasSubstr("unknown key"));
  EXPECT_THAT(
      error("jobs.custom.sort.command: a | b\n"),
      HasSubstr("jobs.custom.sort.command (file " + path_ + ":1): at character 3 there is"));
  EXPECT_THAT(error("jobs.custom.a-b.retries: 1\njobs.custom.a_b.retries: 1\n"),
              HasSubstr("share the variable OCTOLAKE_JOBS_CUSTOM_A_B_SCHEDULE"));
  // Only the file can name one.
  EXPECT_THAT(error("", {{"OCTOLAKE_JOBS_CUSTOM_SORT_RETRIES", "1"}}),
              HasSubstr("unknown environment variable OCTOLAKE_JOBS_CUSTOM_SORT_RETRIES"));
  EXPECT_THAT(error("silver.sources: [\"a,b\"]\n"),
              HasSubstr(path_ + ":1: an element of 'silver.sources' must not contain a comma"));
}

TEST_F(ConfigTest, ReadsTheProcessEnvironment) {
  ASSERT_EQ(::setenv("OCTOLAKE_TEST_ONLY", "a=b", 1), 0);
  EXPECT_EQ(ProcessEnvironment()["OCTOLAKE_TEST_ONLY"], "a=b");
  ::unsetenv("OCTOLAKE_TEST_ONLY");
}

TEST(ConfigDeathTest, AskingForAnUndeclaredKeyEndsTheProgram) {
  const auto config = Config::Load(Keys(), {}, {}, std::nullopt);
  EXPECT_DEATH(config->GetString("nope"), "'nope' was never declared");
  EXPECT_DEATH(config->GetInt("warehouse"), "another type");
}

}  // namespace
}  // namespace octolake
