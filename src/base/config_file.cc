#include "base/config_file.h"

#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

namespace octolake {
namespace {

// A configuration is a page of text; anything beyond this is another file given by mistake.
constexpr int64_t kMaxFileBytes = 1 << 20;
constexpr int kMaxDepth = 16;

class Flattener {
 public:
  explicit Flattener(const std::string& path) : path_(path) {}

  Status AddMap(const YAML::Node& map, const std::string& prefix, int depth) {
    if (depth > kMaxDepth) return Refuse(map.Mark(), "maps are nested too deeply");
    for (const auto& item : map) {
      if (!item.first.IsScalar()) return Refuse(item.first.Mark(), "a key must be a plain word");
      OCTO_TRY(AddItem(prefix + item.first.Scalar(), item.first.Mark(), item.second, depth));
    }
    return {};
  }

  tl::unexpected<Error> Refuse(const YAML::Mark& mark, const std::string& what) const {
    return MakeError(ErrorKind::kInvalidArgument,
                     path_ + ":" + std::to_string(mark.line + 1) + ": " + what);
  }

  std::vector<ConfigFileSetting> Take() { return std::move(settings_); }

 private:
  Status AddItem(const std::string& key, const YAML::Mark& mark, const YAML::Node& value,
                 int depth) {
    if (value.IsMap() && value.size() == 0) {
      return Refuse(mark, "'" + key + "' is an empty map: give it keys, or leave it out");
    }
    if (value.IsMap()) return AddMap(value, key + ".", depth + 1);
    const int line = mark.line + 1;
    if (const auto [it, inserted] = first_line_.emplace(key, line); !inserted) {
      return Refuse(mark,
                    "'" + key + "' is set twice; first at line " + std::to_string(it->second));
    }
    ConfigFileSetting& setting = settings_.emplace_back();
    setting.key = key;
    setting.line = line;
    if (value.IsScalar()) setting.value = value.Scalar();
    if (!value.IsSequence()) return {};
    setting.elements.emplace();
    for (const YAML::Node& element : value) {
      if (!element.IsScalar()) {
        return Refuse(element.Mark(), "'" + key + "' must be a list of plain values");
      }
      setting.elements->push_back(element.Scalar());
    }
    return {};
  }

  const std::string& path_;
  std::map<std::string, int> first_line_;
  std::vector<ConfigFileSetting> settings_;
};

Result<std::string> ReadText(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int error = errno;
    return MakeError(error == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo,
                     "cannot open configuration file " + path + ": " + std::strerror(error));
  }
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) {
    return MakeError(ErrorKind::kIo, "cannot read configuration file " + path);
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "configuration file " + path + " is larger than 1 MiB");
  }
  return text;
}

}  // namespace

Result<std::vector<ConfigFileSetting>> ReadConfigFile(const std::string& path) {
  OCTO_ASSIGN(const std::string text, ReadText(path));
  Flattener flattener(path);
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return std::vector<ConfigFileSetting>{};
    if (!root.IsMap()) {
      return flattener.Refuse(root.Mark(), "expected keys with values, such as 'warehouse: /data'");
    }
    OCTO_TRY(flattener.AddMap(root, "", 0));
  } catch (const YAML::Exception& error) {
    return flattener.Refuse(error.mark, "no valid YAML: " + error.msg);
  }
  return flattener.Take();
}

}  // namespace octolake
