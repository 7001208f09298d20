// The ways in which tests let a step fail.
#pragma once

#include <string>
#include <vector>

#include "io/fault_plan.h"

namespace octolake::io {

struct FaultWay {
  std::string name;
  StepEffect effect = StepEffect::kFails;
  bool dies = false;
  bool loses_power = false;  // dies, and what was not synced may be lost
  bool disk_full = false;

  Fault At(int64_t step) const {
    return {.step = step, .effect = effect, .dies = dies, .disk_full = disk_full};
  }
};

inline const std::vector<FaultWay>& FaultWays() {
  static const std::vector<FaultWay> ways = {
      {.name = "fails"},
      {.name = "loses its reply", .effect = StepEffect::kLosesReply},
      {.name = "is torn", .effect = StepEffect::kTorn},
      {.name = "finds the disk full", .disk_full = true},
      {.name = "dies", .dies = true},
      {.name = "is torn and dies", .effect = StepEffect::kTorn, .dies = true},
      {.name = "dies with the power", .dies = true, .loses_power = true},
      {.name = "is torn and dies with the power",
       .effect = StepEffect::kTorn,
       .dies = true,
       .loses_power = true}};
  return ways;
}

// Whether a step can fail in this way and not just as in another: what only reads has nothing to
// tear or to lose, and to die before it is to die before the next step that changes something.
inline bool Applies(const FaultWay& way, StepKind kind) {
  if (OnlyReads(kind)) return way.effect == StepEffect::kFails && !way.dies && !way.disk_full;
  if (way.effect == StepEffect::kTorn) return IsWrite(kind);
  if (way.disk_full) return IsWrite(kind) || kind == StepKind::kCreate;
  return true;
}

}  // namespace octolake::io
