#include "cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/units.h"

namespace octolake::cli {
namespace {

constexpr int64_t kDrawEveryMicros = 100'000;
constexpr int kBarWidth = 24;

int TerminalColumns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string Amount(int64_t value, std::string_view unit) {
  if (unit == "bytes") return HumanSize(value);
  return std::to_string(value) + " " + std::string(unit);
}

std::string Remaining(double seconds) {
  const auto total = std::lround(seconds);
  char text[32];
  if (total >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", total / 60, total % 60);
  }
  return std::string(text) + " left";
}

}  // namespace

std::string ProgressLine(const Progress& progress, double seconds, int columns) {
  std::string line(progress.stage);
  const double rate = seconds > 0 ? static_cast<double>(progress.done) / seconds : 0;
  if (progress.total > 0) {
    const double share =
        std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total));
    const int filled = static_cast<int>(share * kBarWidth);
    line += " [" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] " +
            std::to_string(static_cast<int>(share * 100)) + "%";
  }
  line += "  " + Amount(progress.done, progress.unit);
  if (seconds >= 0.5) line += "  " + Amount(static_cast<int64_t>(rate), progress.unit) + "/s";
  if (seconds >= 0.5 && rate > 0 && progress.total > progress.done) {
    line += "  " + Remaining(static_cast<double>(progress.total - progress.done) / rate);
  }
  if (line.size() > static_cast<size_t>(columns)) line.resize(static_cast<size_t>(columns));
  return line;
}

void ProgressBar::OnProgress(const Progress& progress) {
  if (!visible_) return;
  const TimestampMicros now = clock_.Now();
  if (progress.stage != stage_) {
    stage_ = std::string(progress.stage);
    stage_start_ = now;
  } else if (now - last_draw_ < kDrawEveryMicros && now >= last_draw_) {
    return;
  }
  last_draw_ = now;
  const double seconds = static_cast<double>(now - stage_start_) / 1e6;
  std::fprintf(stderr, "\r%s\x1b[K",
               ProgressLine(progress, seconds, TerminalColumns() - 1).c_str());
  std::fflush(stderr);
  shown_ = true;
}

void ProgressBar::Clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace octolake::cli
