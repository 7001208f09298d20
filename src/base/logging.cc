#include "base/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "base/civil_time.h"
#include "base/string_util.h"

namespace octolake {
namespace {

std::string_view LevelName(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
    case spdlog::level::critical:
      return "error";
    default:
      return "off";
  }
}

Result<spdlog::level::level_enum> ParseLevel(const std::string& text) {
  for (const auto level : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                           spdlog::level::warn, spdlog::level::err, spdlog::level::off}) {
    if (text == LevelName(level)) return level;
  }
  return MakeError(ErrorKind::kInvalidArgument,
                   "unknown log level '" + text +
                       "': expected trace, debug, info, warn, error or off" +
                       DidYouMean(text, {"trace", "debug", "info", "warn", "error", "off"}));
}

// Always three digits of the second, so that lines align and sort.
std::string TimeOf(const spdlog::details::log_msg& message) {
  const int64_t micros =
      std::chrono::duration_cast<std::chrono::microseconds>(message.time.time_since_epoch())
          .count();
  const int64_t seconds = FloorDiv(micros, kMicrosPerSecond);
  std::string text = FormatTimestamp(seconds * kMicrosPerSecond);
  char millis[16];
  std::snprintf(millis, sizeof(millis), ".%03dZ",
                static_cast<int>((micros - seconds * kMicrosPerSecond) / 1000));
  text.pop_back();
  return text + millis;
}

void Append(std::string_view text, spdlog::memory_buf_t& out) {
  out.append(text.data(), text.data() + text.size());
}

// Control characters, which could forge another line or move a terminal's cursor, are escaped.
void AppendEscaped(std::string_view text, bool json, spdlog::memory_buf_t& out) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (json && (c == '"' || c == '\\')) {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      Append("\\n", out);
    } else if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", byte);
      Append(escape, out);
    } else {
      out.push_back(c);
    }
  }
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const std::string_view level = LevelName(message.level);
    if (format_ == LogFormat::kJson) {
      Append(R"({"time":")" + TimeOf(message) + R"(","level":")" + std::string(level) +
                 R"(","message":")",
             out);
      AppendEscaped(text, true, out);
      Append("\"}\n", out);
      return;
    }
    Append(TimeOf(message) + ' ' + std::string(level) + std::string(6 - level.size(), ' '), out);
    AppendEscaped(text, false, out);
    out.push_back('\n');
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  LogFormat format_;
};

class StringSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit StringSink(std::string* out) : out_(out) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    out_->append(line.data(), line.size());
  }
  void flush_() override {}

  std::string* out_;
};

class TeeSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  TeeSink(Logger logger, std::function<void(std::string_view)> also)
      : logger_(std::move(logger)), also_(std::move(also)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    logger_->log(message.time, message.source, message.level, text);
    if (message.level < spdlog::level::info) return;
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    also_(std::string_view(line.data(), line.size()));
  }
  void flush_() override { logger_->flush(); }

  const Logger logger_;
  const std::function<void(std::string_view)> also_;
};

Result<Logger> MakeLogger(const LogOptions& options, std::shared_ptr<spdlog::sinks::sink> sink) {
  OCTO_ASSIGN(const spdlog::level::level_enum level, ParseLevel(options.level));
  auto logger = std::make_shared<spdlog::logger>("octolake", std::move(sink));
  logger->set_formatter(std::make_unique<LineFormatter>(options.format));
  logger->set_level(level);
  logger->flush_on(spdlog::level::warn);
  return logger;
}

}  // namespace

Result<Logger> MakeStderrLogger(const LogOptions& options) {
  return MakeLogger(options, std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

Result<Logger> MakeStringLogger(const LogOptions& options, std::string* out) {
  return MakeLogger(options, std::make_shared<StringSink>(out));
}

Logger MakeTeeLogger(const Logger& logger, std::function<void(std::string_view)> also) {
  auto tee = std::make_shared<spdlog::logger>("octolake",
                                              std::make_shared<TeeSink>(logger, std::move(also)));
  tee->set_formatter(std::make_unique<LineFormatter>(LogFormat::kText));
  tee->set_level(std::min(logger->level(), spdlog::level::info));
  tee->flush_on(spdlog::level::warn);
  return tee;
}

Logger MakeNullLogger() {
  auto logger =
      std::make_shared<spdlog::logger>("null", std::make_shared<spdlog::sinks::null_sink_mt>());
  logger->set_level(spdlog::level::off);
  return logger;
}

Result<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return MakeError(ErrorKind::kInvalidArgument,
                   "unknown log format '" + std::string(text) + "': expected text or json");
}

}  // namespace octolake
