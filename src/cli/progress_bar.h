// A progress bar on stderr: stage, share done, rate and remaining time. Shown only on a terminal.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/progress.h"

namespace octolake::cli {

class ProgressBar final : public ProgressListener {
 public:
  // `visible` is whether stderr is a terminal that the user wants progress on.
  ProgressBar(const Clock& clock, bool visible) : clock_(clock), visible_(visible) {}
  ~ProgressBar() override { Clear(); }

  void OnProgress(const Progress& progress) override;
  // Removes the bar from the screen, before other text is written.
  void Clear();

 private:
  const Clock& clock_;
  bool visible_;
  bool shown_ = false;
  std::string stage_;
  TimestampMicros stage_start_ = 0;
  TimestampMicros last_draw_ = 0;
};

// The line for a progress, at most `columns` wide (tests).
std::string ProgressLine(const Progress& progress, double seconds, int columns);

}  // namespace octolake::cli
