// The program's log: lines on stderr, as text or as JSON. A logger is made once and passed in;
// nothing uses spdlog's global one. Whoever logs includes <spdlog/spdlog.h>.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spdlog {
class logger;
}

namespace octolake {

using Logger = std::shared_ptr<spdlog::logger>;

enum class LogFormat { kText, kJson };

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warn, error, off
  LogFormat format = LogFormat::kText;
};

// Thread-safe logger. Times are UTC with milliseconds. Text: "2015-01-01T00:00:00.000Z info  …";
// JSON: one object a line with time, level, message. kInvalidArgument for an unknown level.
Result<Logger> MakeStderrLogger(const LogOptions& options);

// Collects the same lines in a string that must outlive the logger (tests).
Result<Logger> MakeStringLogger(const LogOptions& options, std::string* out);

// Logs where `logger` does, by its level, and gives each line that has at least the level info to
// `also`, as text, with its end. `also` is called by one thread at a time.
Logger MakeTeeLogger(const Logger& logger, std::function<void(std::string_view line)> also);

// Logs nothing.
Logger MakeNullLogger();

// "text" or "json".
Result<LogFormat> ParseLogFormat(std::string_view text);

}  // namespace octolake
