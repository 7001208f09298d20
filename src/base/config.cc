#include "base/config.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "base/arguments.h"
#include "base/config_file.h"
#include "base/string_util.h"
#include "base/units.h"

namespace octolake {
namespace {

constexpr std::string_view kPrefix = "OCTOLAKE_";

[[noreturn]] void EndProgram(std::string_view key, const char* why) {
  std::fprintf(stderr, "octolake: configuration key '%s' %s\n", std::string(key).c_str(), why);
  std::abort();
}

Result<int64_t> ParseInt(std::string_view text) {
  const std::optional<int64_t> value = ParseNumber<int64_t>(text);
  if (value) return *value;
  return MakeError(ErrorKind::kInvalidArgument,
                   "'" + std::string(text) + "' is not a whole number");
}

Result<int64_t> ParseBool(std::string_view text) {
  std::string lower;
  for (const char c : text) {
    lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return 1;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return 0;
  return MakeError(ErrorKind::kInvalidArgument,
                   "'" + std::string(text) + "' is neither true nor false");
}

// A value of a type that is a number.
Result<int64_t> ParseNumber(ConfigType type, const std::string& text) {
  switch (type) {
    case ConfigType::kBool:
      return ParseBool(text);
    case ConfigType::kDuration:
      return ParseDuration(text);
    case ConfigType::kSize:
      return ParseSize(text);
    default:
      return ParseInt(text);
  }
}

// "at least 1", "at most 9" or "1 to 9".
std::string Allowed(const ConfigKey& key) {
  if (key.at_most.empty()) return "at least " + key.at_least;
  if (key.at_least.empty()) return "at most " + key.at_most;
  return key.at_least + " to " + key.at_most;
}

// What a bare number in an older variable of a duration means.
std::string WithLegacyUnit(const ConfigKey& key, const std::string& variable,
                           const std::string& text) {
  const bool bare = text.find_first_not_of("0123456789.") == std::string::npos;
  if (key.type != ConfigType::kDuration || !bare) return text;
  if (variable.ends_with("_MS")) return text + "ms";
  if (variable.ends_with("_S")) return text + "s";
  return text;
}

// What a setting of the file says, as a text of the key's type.
Result<std::string> TextOf(const ConfigFileSetting& setting, ConfigType type) {
  if (!setting.elements) return setting.value;
  if (type == ConfigType::kCommand) return JoinArguments(*setting.elements);
  std::string text;
  for (const std::string& element : *setting.elements) {
    if (element.find(',') != std::string::npos) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "an element of '" + setting.key + "' must not contain a comma");
    }
    text += (text.empty() ? "" : ",") + element;
  }
  return text;
}

std::string Shortened(const std::string& value) {
  constexpr size_t kShown = 64;
  return value.size() <= kShown ? value : value.substr(0, kShown) + "…";
}

}  // namespace

std::string ConfigEnvironmentName(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) {
    name.push_back(c == '.' || c == '-'
                       ? '_'
                       : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return name;
}

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> result;
  for (char** item = environ; item != nullptr && *item != nullptr; ++item) {
    const std::string_view text(*item);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

Result<Config> Config::Load(const std::vector<ConfigKey>& keys,
                            const std::map<std::string, std::string>& flags,
                            const std::map<std::string, std::string>& environment,
                            const std::optional<std::string>& file_path,
                            std::vector<ConfigKeyGroup> groups) {
  Config config;
  config.groups_ = std::move(groups);
  OCTO_TRY(config.AddKeys(keys));
  if (file_path) OCTO_TRY(config.ApplyFile(*file_path));
  OCTO_TRY(config.ApplyEnvironment(environment));
  OCTO_TRY(config.ApplyFlags(flags));
  return config;
}

Status Config::AddKeys(const std::vector<ConfigKey>& keys) {
  std::map<std::string, std::string> variables;
  for (const Setting& setting : settings_) {
    variables.emplace(ConfigEnvironmentName(setting.key.name), setting.key.name);
  }
  for (const ConfigKey& key : keys) {
    const auto [it, inserted] = variables.emplace(ConfigEnvironmentName(key.name), key.name);
    if (!inserted) {
      return MakeError(ErrorKind::kInvalidArgument, "configuration keys '" + it->second +
                                                        "' and '" + key.name +
                                                        "' share the variable " + it->first);
    }
    Setting setting;
    setting.key = key;
    if (!key.default_text.empty()) OCTO_TRY(Set(setting, key.default_text, "default"));
    index_.emplace(key.name, settings_.size());
    settings_.push_back(std::move(setting));
  }
  return {};
}

Status Config::AddMember(const std::string& key) {
  for (const ConfigKeyGroup& group : groups_) {
    if (!key.starts_with(group.prefix + ".")) continue;
    const size_t begin = group.prefix.size() + 1;
    const size_t end = key.find('.', begin);
    if (end == std::string::npos || end == begin) continue;
    const std::string name = key.substr(begin, end - begin);
    const bool known = std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
      return member.prefix == group.prefix && member.name == name;
    });
    if (known) return {};
    members_.push_back({group.prefix, name});
    std::vector<ConfigKey> keys = group.keys;
    for (ConfigKey& each : keys) each.name = key.substr(0, end + 1) + each.name;
    return AddKeys(keys);
  }
  return {};
}

Status Config::ApplyFile(const std::string& path) {
  OCTO_ASSIGN(const std::vector<ConfigFileSetting> items, ReadConfigFile(path));
  for (const ConfigFileSetting& item : items) {
    const std::string place = path + ":" + std::to_string(item.line);
    if (auto added = AddMember(item.key); !added) {
      return WithContext(std::move(added).error(), place);
    }
    Setting* setting = Find(item.key);
    if (setting == nullptr) {
      return MakeError(
          ErrorKind::kInvalidArgument,
          place + ": unknown key '" + Shortened(item.key) + "'" + DidYouMean(item.key, Names()));
    }
    const Result<std::string> text = TextOf(item, setting->key.type);
    if (!text) return WithContext(text.error(), place);
    OCTO_TRY(Set(*setting, *text, "file " + place));
  }
  return {};
}

Status Config::ApplyEnvironment(const std::map<std::string, std::string>& environment) {
  std::map<std::string, Setting*> ours;
  std::vector<std::string> known;
  for (Setting& setting : settings_) {
    // The weakest first, so that the strongest is set last.
    for (auto name = setting.key.legacy_env.rbegin(); name != setting.key.legacy_env.rend();
         ++name) {
      const auto found = environment.find(*name);
      if (found == environment.end() || found->second.empty()) continue;
      OCTO_TRY(
          Set(setting, WithLegacyUnit(setting.key, *name, found->second), "environment " + *name));
    }
    known.push_back(ConfigEnvironmentName(setting.key.name));
    ours.emplace(known.back(), &setting);
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    const auto found = ours.find(name);
    if (found == ours.end()) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "unknown environment variable " + Shortened(name) + DidYouMean(name, known));
    }
    if (!value.empty()) OCTO_TRY(Set(*found->second, value, "environment " + name));
  }
  return {};
}

Status Config::ApplyFlags(const std::map<std::string, std::string>& flags) {
  for (const auto& [key, value] : flags) {
    Setting* setting = Find(key);
    if (setting == nullptr) {
      return MakeError(ErrorKind::kInvalidArgument, "unknown configuration key '" + Shortened(key) +
                                                        "'" + DidYouMean(key, Names()));
    }
    OCTO_TRY(Set(*setting, value, "flag --" + key));
  }
  return {};
}

Status Config::Set(Setting& setting, const std::string& text, const std::string& source) {
  setting.text = text;
  setting.source = source;
  setting.set = !text.empty();
  setting.number = 0;
  setting.list.clear();
  const bool needed = !setting.key.at_least.empty() || !setting.key.at_most.empty();
  if (text.empty() && !needed) return {};
  if (text.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     setting.key.name + " (" + source +
                         "): a value is missing; allowed: " + Allowed(setting.key));
  }
  if (auto parsed = Parse(setting, text); !parsed) {
    // A secret put under the wrong key must not reach a log through its error.
    const std::string why =
        setting.key.secret ? "the value is not of its type (not shown)" : parsed.error().message;
    return MakeError(ErrorKind::kInvalidArgument, setting.key.name + " (" + source + "): " + why);
  }
  return {};
}

Status Config::Parse(Setting& setting, const std::string& text) {
  switch (setting.key.type) {
    case ConfigType::kString:
      return {};
    case ConfigType::kList:
      setting.list = SplitList(text);
      return {};
    case ConfigType::kCommand: {
      OCTO_ASSIGN(setting.list, SplitArguments(text));
      return {};
    }
    default:
      OCTO_ASSIGN(setting.number, ParseNumber(setting.key.type, text));
      return CheckLimits(setting);
  }
}

Status Config::CheckLimits(const Setting& setting) {
  const ConfigKey& key = setting.key;
  bool within = true;
  if (!key.at_least.empty()) {
    OCTO_ASSIGN(const int64_t least, ParseNumber(key.type, key.at_least));
    within = setting.number >= least;
  }
  if (!key.at_most.empty()) {
    OCTO_ASSIGN(const int64_t most, ParseNumber(key.type, key.at_most));
    within = within && setting.number <= most;
  }
  if (within) return {};
  return MakeError(ErrorKind::kInvalidArgument,
                   "'" + setting.text + "' is beyond what is allowed: " + Allowed(key));
}

std::vector<std::string> Config::Names() const {
  std::vector<std::string> names;
  for (const Setting& setting : settings_) names.push_back(setting.key.name);
  return names;
}

Config::Setting* Config::Find(std::string_view key) {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &settings_[found->second];
}

const Config::Setting& Config::Require(std::string_view key, ConfigType type) const {
  const auto found = index_.find(key);
  if (found == index_.end()) EndProgram(key, "was never declared");
  const Setting& setting = settings_[found->second];
  if (setting.key.type != type) EndProgram(key, "is of another type than asked for");
  return setting;
}

bool Config::Has(std::string_view key) const {
  const auto found = index_.find(key);
  if (found == index_.end()) EndProgram(key, "was never declared");
  return settings_[found->second].set;
}

const std::string& Config::GetString(std::string_view key) const {
  return Require(key, ConfigType::kString).text;
}
int64_t Config::GetInt(std::string_view key) const { return Require(key, ConfigType::kInt).number; }
bool Config::GetBool(std::string_view key) const {
  return Require(key, ConfigType::kBool).number != 0;
}
int64_t Config::GetMicros(std::string_view key) const {
  return Require(key, ConfigType::kDuration).number;
}
int64_t Config::GetBytes(std::string_view key) const {
  return Require(key, ConfigType::kSize).number;
}
const std::vector<std::string>& Config::GetArguments(std::string_view key) const {
  return Require(key, ConfigType::kCommand).list;
}

std::vector<std::string> Config::Members(std::string_view prefix) const {
  std::vector<std::string> names;
  for (const Member& member : members_) {
    if (member.prefix == prefix) names.push_back(member.name);
  }
  return names;
}

const std::vector<std::string>& Config::GetList(std::string_view key) const {
  return Require(key, ConfigType::kList).list;
}

const std::string& Config::SourceOf(std::string_view key) const {
  const auto found = index_.find(key);
  if (found == index_.end()) EndProgram(key, "was never declared");
  return settings_[found->second].source;
}

std::vector<ConfigEntry> Config::Entries() const {
  std::vector<ConfigEntry> entries;
  for (const Setting& setting : settings_) {
    const bool hidden = setting.key.secret && setting.set;
    entries.push_back({setting.key.name, hidden ? "********" : setting.text, setting.source,
                       setting.key.description});
  }
  return entries;
}

}  // namespace octolake
