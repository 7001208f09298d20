#include "io/fault_plan.h"

#include <utility>

namespace octolake::io {

std::string_view StepKindName(StepKind kind) {
  switch (kind) {
    case StepKind::kOpen:
      return "open";
    case StepKind::kRead:
      return "read";
    case StepKind::kStat:
      return "stat";
    case StepKind::kList:
      return "list";
    case StepKind::kCreate:
      return "create";
    case StepKind::kWrite:
      return "write";
    case StepKind::kSync:
      return "sync";
    case StepKind::kSyncDirectory:
      return "sync directory";
    case StepKind::kRemove:
      return "remove";
    case StepKind::kSqlOpen:
      return "SQL open";
    case StepKind::kSqlLock:
      return "SQL lock";
    case StepKind::kSqlWrite:
      return "SQL write";
    case StepKind::kSqlTruncate:
      return "SQL truncate";
    case StepKind::kSqlSync:
      return "SQL sync";
    case StepKind::kSqlDelete:
      return "SQL delete";
  }
  return "";
}

bool OnlyReads(StepKind kind) {
  switch (kind) {
    case StepKind::kOpen:
    case StepKind::kRead:
    case StepKind::kStat:
    case StepKind::kList:
    case StepKind::kSqlOpen:
    case StepKind::kSqlLock:
      return true;
    default:
      return false;
  }
}

StepEffect FaultPlan::Take(StepKind kind) {
  const std::lock_guard lock(mutex_);
  if (dead_) return StepEffect::kFails;
  steps_.push_back(kind);
  if (std::ssize(steps_) != fault_.step) return StepEffect::kProceeds;
  dead_ = fault_.dies;
  const bool torn = fault_.effect == StepEffect::kTorn;
  return torn && !IsWrite(kind) ? StepEffect::kFails : fault_.effect;
}

bool FaultPlan::dead() const {
  const std::lock_guard lock(mutex_);
  return dead_;
}

bool FaultPlan::happened() const {
  const std::lock_guard lock(mutex_);
  return fault_.step > 0 && std::ssize(steps_) >= fault_.step;
}

std::vector<StepKind> FaultPlan::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_;
}

uint64_t FaultPlan::RandomUpTo(uint64_t size) {
  const std::lock_guard lock(mutex_);
  return random_.Next() % (size + 1);
}

}  // namespace octolake::io
