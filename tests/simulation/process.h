// A simulated process: a warehouse of its own over the files and the catalog of all, a clock that
// somebody may set, and an end that may come at any step.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "lake/warehouse.h"
#include "world.h"

namespace octolake::simulation {

enum class StepKind {
  kOpen,
  kRead,
  kStat,
  kList,
  kCreate,
  kAppend,
  kClose,
  kRemove,
  kMove,
  kLoad,
  kCommit,
  kCatalog,
};

enum class StepEffect { kProceeds, kFails, kTorn, kLosesReply };

class ProcessClock final : public Clock {
 public:
  explicit ProcessClock(const World& world) : world_(world) {}
  TimestampMicros Now() const override { return world_.now + offset_; }
  void Set(int64_t offset) { offset_ = offset; }

 private:
  const World& world_;
  int64_t offset_ = 0;
};

class Process {
 public:
  enum class Kind {
    kOctolake,  // opens a warehouse as the program does, with a record of what it writes
    kForeign,   // another engine, which keeps none
  };
  // Puts a catalog in the place of one, to plant a bug.
  using WrapCatalog =
      std::function<std::unique_ptr<iceberg::Catalog>(Process&, std::unique_ptr<iceberg::Catalog>)>;

  Process(World& world, std::string name, const ProcessClock& clock);
  // As a process ends: with its record removed if it knows what became of all it did, unless it is
  // dead, when its locks go and its record stays.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  Status Open(Kind kind, const WrapCatalog& wrap = {});

  World& world() { return world_; }
  const std::string& name() const { return name_; }
  lake::Warehouse& warehouse() { return *warehouse_; }
  bool foreign() const { return kind_ == Kind::kForeign; }
  bool dead() const { return dead_ || world_.violated(); }
  void Die();
  // Faults that met this process so far.
  int64_t faults() const { return faults_; }

  // Others may go on; then the step begins. What becomes of it.
  StepEffect Take(StepKind kind, const std::string& what);
  Error Failed(StepKind kind, const std::string& what) const;

  // While the catalog is at a commit to these tables: it may have taken effect.
  std::vector<iceberg::TableIdentifier> in_commit;
  // Whether a planted bug shows in what is being done.
  bool planted = false;
  // What listings leave out because of a planted bug.
  std::function<bool(const std::string& location)> hides;
  // Files that orphan removal has moved away though a table names them, and must bring back.
  std::vector<std::string> moved_away;

 private:
  StepEffect Choose(StepKind kind);

  World& world_;
  const std::string name_;
  const ProcessClock& clock_;
  Kind kind_ = Kind::kOctolake;
  bool dead_ = false;
  int64_t faults_ = 0;
  std::unique_ptr<lake::Warehouse> warehouse_;
};

// The process's way to the files of all.
std::unique_ptr<io::FileSystem> MakeProcessFileSystem(Process& process);

// The process's way to the catalog of all, which `inner` is a connection to.
std::unique_ptr<iceberg::Catalog> MakeProcessCatalog(Process& process,
                                                     std::unique_ptr<iceberg::Catalog> inner);

}  // namespace octolake::simulation
