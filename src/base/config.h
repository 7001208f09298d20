// Configuration: typed values by key, each with the place it came from.
//
// A key such as bronze.commit_interval is set, strongest first, by a flag; by the environment
// (OCTOLAKE_BRONZE_COMMIT_INTERVAL, then the key's older names); by the YAML file (nested maps, or
// the dotted name itself); by its default. The keys themselves are given by the program.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace octolake {

enum class ConfigType {
  kString,
  kInt,
  kBool,      // true, false, yes, no, on, off, 1, 0
  kDuration,  // base/units.h ParseDuration
  kSize,      // base/units.h ParseSize
  kList,      // comma-separated; in YAML also a sequence
  kCommand,   // base/arguments.h SplitArguments; in YAML also a sequence, of anything
};

struct ConfigKey {
  std::string name;
  ConfigType type = ConfigType::kString;
  std::string default_text;  // "" means not set
  std::string description;
  // Older environment variables, strongest first. Of a duration key, one whose name ends in _S
  // (_MS) may hold a bare number of seconds (milliseconds).
  std::vector<std::string> legacy_env;
  bool secret = false;
  // The least and the greatest value of a number, duration or size, as texts of the key's type;
  // "": no limit. With one of them the key cannot be set to nothing.
  std::string at_least = {};
  std::string at_most = {};
};

// Keys of things that the file names: <prefix>.<name>.<key>, for as many names as there are.
struct ConfigKeyGroup {
  std::string prefix;
  std::vector<ConfigKey> keys;
};

struct ConfigEntry {
  std::string key;
  std::string value;   // as written; "********" for a secret that is set
  std::string source;  // "default", "flag --warehouse", "environment KAFKA_TOPIC", "file x.yaml:12"
  std::string description;
};

// Immutable after Load; safe to read from any thread. Asking for a key that was not given to Load,
// or by the getter of another type, is a mistake of the program and ends it.
class Config {
 public:
  // `flags` maps keys to texts. `environment` is the whole environment; an empty variable counts as
  // not set. kInvalidArgument names the source and the nearest known name for an unknown key, flag
  // or OCTOLAKE_ variable, and says what was expected for a value of the wrong type or beyond the
  // key's limits; kNotFound if the file does not exist. What the file names in a group can be set
  // by all of them.
  static Result<Config> Load(const std::vector<ConfigKey>& keys,
                             const std::map<std::string, std::string>& flags,
                             const std::map<std::string, std::string>& environment,
                             const std::optional<std::string>& file_path,
                             std::vector<ConfigKeyGroup> groups = {});

  // Whether the key has a value: from anywhere, or a default that is not empty.
  bool Has(std::string_view key) const;

  // Of a key without a value: "", 0, false, empty.
  const std::string& GetString(std::string_view key) const;
  int64_t GetInt(std::string_view key) const;
  bool GetBool(std::string_view key) const;
  int64_t GetMicros(std::string_view key) const;  // a duration
  int64_t GetBytes(std::string_view key) const;   // a size
  const std::vector<std::string>& GetList(std::string_view key) const;
  const std::vector<std::string>& GetArguments(std::string_view key) const;  // of a command
  // The names in a group, as they come in the file.
  std::vector<std::string> Members(std::string_view prefix) const;

  // For messages: "flag --warehouse", ….
  const std::string& SourceOf(std::string_view key) const;

  // Every key in the order given to Load, secrets masked.
  std::vector<ConfigEntry> Entries() const;

 private:
  struct Setting {
    ConfigKey key;
    std::string text;
    std::string source = "default";
    bool set = false;
    int64_t number = 0;  // kInt, kBool, kDuration, kSize
    std::vector<std::string> list;
  };
  struct Member {
    std::string prefix;
    std::string name;
  };

  Status AddKeys(const std::vector<ConfigKey>& keys);
  // Of the group that the key belongs to, if it does and its keys are not there yet.
  Status AddMember(const std::string& key);
  Status ApplyFile(const std::string& path);
  Status ApplyEnvironment(const std::map<std::string, std::string>& environment);
  Status ApplyFlags(const std::map<std::string, std::string>& flags);
  static Status Set(Setting& setting, const std::string& text, const std::string& source);
  static Status Parse(Setting& setting, const std::string& text);
  static Status CheckLimits(const Setting& setting);
  std::vector<std::string> Names() const;
  Setting* Find(std::string_view key);
  const Setting& Require(std::string_view key, ConfigType type) const;

  std::vector<ConfigKeyGroup> groups_;
  std::vector<Member> members_;
  std::vector<Setting> settings_;
  std::map<std::string, size_t, std::less<>> index_;
};

// "bronze.commit_interval" -> "OCTOLAKE_BRONZE_COMMIT_INTERVAL".
std::string ConfigEnvironmentName(std::string_view key);

// The process's environment.
std::map<std::string, std::string> ProcessEnvironment();

}  // namespace octolake
