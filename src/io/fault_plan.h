// Which step of a run is to fail, and how. Steps are counted over everything that asks the same
// plan (a FaultyDisk, a faulty SQLite), so that "the Nth step" is one of a whole pass. For tests.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace octolake::io {

enum class StepKind {
  kOpen,
  kRead,
  kStat,
  kList,
  kCreate,
  kWrite,
  kSync,
  kSyncDirectory,
  kRemove,
  kSqlOpen,
  kSqlLock,
  kSqlWrite,
  kSqlTruncate,
  kSqlSync,
  kSqlDelete,
};
std::string_view StepKindName(StepKind kind);
inline bool IsWrite(StepKind kind) {
  return kind == StepKind::kWrite || kind == StepKind::kSqlWrite;
}
// Steps that change nothing: losing their reply is the same as failing.
bool OnlyReads(StepKind kind);

// What happens at a step.
enum class StepEffect {
  kProceeds,
  kFails,      // without effect
  kTorn,       // a write: a prefix of the bytes gets there, then it fails; other steps fail
  kLosesReply  // takes effect, but an error is reported
};

struct Fault {
  int64_t step = 0;  // from 1; 0: none
  StepEffect effect = StepEffect::kFails;
  // From this step on the process is dead: every later step fails without effect, and files that it
  // had open are not removed by it.
  bool dies = false;
  bool disk_full = false;  // the error is that of a full disk, where it can be
};

// Thread-safe.
class FaultPlan {
 public:
  explicit FaultPlan(Fault fault = {}, uint64_t seed = 0) : fault_(fault), random_(seed) {}

  StepEffect Take(StepKind kind);
  bool disk_full() const { return fault_.disk_full; }
  bool dead() const;
  bool happened() const;                // the fault
  std::vector<StepKind> steps() const;  // taken so far
  // At most `size`; for a prefix of so many bytes.
  uint64_t RandomUpTo(uint64_t size);

 private:
  const Fault fault_;
  mutable std::mutex mutex_;
  SeededRandom random_;
  std::vector<StepKind> steps_;
  bool dead_ = false;
};

}  // namespace octolake::io
