// Any bytes as a configuration file: settings, or an error that names file and line.
#include <cstdio>
#include <string>
#include <string_view>

#include "base/arguments.h"
#include "base/config_file.h"
#include "base/fuzz.h"
#include "base/temp_directory_for_test.h"
#include "base/units.h"

namespace octolake {
namespace {

// One file for all inputs, removed when the program ends.
class ScratchFile {
 public:
  const std::string& path() const { return path_; }

  void Write(std::string_view bytes) const {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    if (file == nullptr) fuzz::Fail("the file cannot be opened", path_);
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    if (std::fclose(file) != 0 || !written) fuzz::Fail("the file cannot be written", path_);
  }

 private:
  const TempDirectory temp_;
  const std::string path_ = temp_.path() + "/config.yaml";
};

// What is a duration or a size is written back as the same.
void CheckUnits(std::string_view text) {
  if (const auto micros = ParseDuration(text)) {
    fuzz::Check(fuzz::Value(ParseDuration(FormatDuration(*micros)), "no duration") == *micros,
                "a duration is read back as another", text);
  }
  if (const auto bytes = ParseSize(text)) {
    fuzz::Check(fuzz::Value(ParseSize(FormatSize(*bytes)), "no size") == *bytes,
                "a size is read back as another", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ScratchFile file;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  file.Write(bytes);
  const auto settings = ReadConfigFile(file.path());
  if (!settings) {
    fuzz::Check(settings.error().kind == ErrorKind::kInvalidArgument, "an error of another kind");
    fuzz::Check(settings.error().message.starts_with(file.path() + ":"),
                "an error that does not name its place", settings.error().message);
    return 0;
  }
  for (const ConfigFileSetting& setting : *settings) {
    fuzz::Check(setting.line > 0 && setting.line <= static_cast<int>(size) + 1, "no such line");
    CheckUnits(setting.value);
    if (!setting.elements) continue;
    fuzz::Check(setting.value.empty(), "a sequence that is a scalar too");
    fuzz::Check(fuzz::Value(SplitArguments(JoinArguments(*setting.elements)), "no arguments") ==
                    *setting.elements,
                "arguments are read back as others");
  }
  return 0;
}

}  // namespace octolake
