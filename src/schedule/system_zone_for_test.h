// The C library's own idea of a time zone, to compare ours with. For tests only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace octolake::schedule {

// While it lives, localtime_r works in that zone, in the whole process.
class SystemZone {
 public:
  explicit SystemZone(const std::string& name) {
    if (const char* before = std::getenv("TZ"); before != nullptr) before_ = before;
    ::setenv("TZ", (":" + name).c_str(), 1);
    ::tzset();
  }
  ~SystemZone() {
    if (before_) {
      ::setenv("TZ", before_->c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }
  SystemZone(const SystemZone&) = delete;
  SystemZone& operator=(const SystemZone&) = delete;

  static std::tm At(int64_t time) {
    const auto seconds = static_cast<std::time_t>(time);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return local;
  }
  static int64_t OffsetAt(int64_t time) { return At(time).tm_gmtoff; }

 private:
  std::optional<std::string> before_;
};

}  // namespace octolake::schedule
