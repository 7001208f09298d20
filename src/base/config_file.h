// The YAML file of a configuration as a flat list of settings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace octolake {

struct ConfigFileSetting {
  std::string key;                                        // dotted
  std::string value;                                      // of a scalar; null as ""
  int line = 0;                                           // 1-based
  std::optional<std::vector<std::string>> elements = {};  // of a sequence
};

// Settings in the order of the file. kNotFound if there is no such file, kIo if it cannot be read,
// kInvalidArgument with file and line if it is no YAML, no map, sets a key twice or holds a value
// that is neither a scalar nor a list of scalars.
Result<std::vector<ConfigFileSetting>> ReadConfigFile(const std::string& path);

}  // namespace octolake
