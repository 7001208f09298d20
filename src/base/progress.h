// How long work reports how far it is.
#pragma once

#include <cstdint>
#include <string_view>

namespace octolake {

struct Progress {
  std::string_view stage;  // for people, for example "load 2015-01-01-15.json.gz"
  std::string_view unit;   // "bytes", "rows", "files"
  int64_t done = 0;
  int64_t total = -1;  // -1 if unknown
};

class ProgressListener {
 public:
  virtual ~ProgressListener() = default;
  // Called often, from the thread that works; must be quick. The views live only for the call.
  virtual void OnProgress(const Progress& progress) = 0;
};

// Listens to nothing.
class IgnoreProgress final : public ProgressListener {
 public:
  void OnProgress(const Progress&) override {}
};

}  // namespace octolake
