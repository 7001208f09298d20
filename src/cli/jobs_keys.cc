#include "cli/config_keys.h"
#include "cli/custom_jobs.h"

namespace octolake::cli {

std::vector<ConfigKey> JobsConfigKeys() {
  using enum ConfigType;
  const auto text = [](const char* name, const char* value, const char* description,
                       bool secret = false) {
    return ConfigKey{name, kString, value, description, {}, secret};
  };
  const auto limited = [](const char* name, ConfigType type, const char* value,
                          const char* description, const char* at_least, const char* at_most) {
    return ConfigKey{name, type, value, description, {}, false, at_least, at_most};
  };
  return {
      text("jobs.time_zone", "UTC", "Time zone of the schedules below"),
      text("jobs.tidy", "every 1m",
           "When many small files are looked for and compacted; off: never"),
      text("jobs.compact", "0 2 * * *", "When all tables are compacted; off: never"),
      text("jobs.expire", "0 3 * * SUN", "When old snapshots are removed; off: never"),
      text("jobs.orphans", "0 4 * * SUN", "When orphans are removed; off: never"),
      text("jobs.failure_webhook", "", "URL that is sent a POST when a job has failed for good",
           true),
      text("jobs.failure_webhook_secret", "", "What it is signed with (X-Hub-Signature-256)", true),
      limited("jobs.failure_webhook_timeout", kDuration, "10s", "For its answer", "100ms", "5m"),
      limited("jobs.failure_webhook_retries", kInt, "4",
              "How often it is sent again, after 1 s, 2 s, 4 s, ...", "0", "10"),
  };
}

std::vector<ConfigKeyGroup> ConfigKeyGroups() {
  using enum ConfigType;
  return {
      {kCustomJobs,
       {{"schedule", kString, "", "When it runs; off: only on request", {}, false},
        {"octolake", kCommand, "", "Arguments of the octolake command it runs", {}, false},
        {"command", kCommand, "", "Or any program, with its arguments", {}, false},
        {"time_zone", kString, "", "Of its schedule; empty: jobs.time_zone", {}, false},
        {"retries", kInt, "3", "How often a failed run is tried again", {}, false, "0", "100"},
        {"time_limit",
         kDuration,
         "6h",
         "When a run is asked to end; 0s: never",
         {},
         false,
         "0s",
         "36500d"},
        {"catch_up", kString, "one", "What was missed is run: none, one or always", {}, false}}}};
}

}  // namespace octolake::cli
