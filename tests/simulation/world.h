// What the simulated processes share: time, files, the turns they take, and what goes wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "choices.h"
#include "fiber.h"
#include "iceberg/catalog.h"
#include "store.h"
#include "trace.h"

namespace octolake::simulation {

class Process;

// How often what happens, of all steps (commits: of all commits). Chosen anew for each seed.
struct Rates {
  double gives_way = 0.2;    // another process goes on
  double fails = 0;          // without effect
  double loses_reply = 0;    // with effect
  double is_torn = 0;        // a write; a part of it gets there
  double dies = 0;           // the process, before or after the step
  double stale_listing = 0;  // of all listings
  double commit_doubt = 0;   // the reply to a commit is lost
  double commit_busy = 0;    // the catalog is locked
};

// Is told what happens to files and in the catalog, when it happens.
class Witness {
 public:
  virtual ~Witness() = default;
  // Before a file goes, or gets another name.
  virtual void OnRemove(const std::string& path) = 0;
  virtual void OnMove(Process& process, const std::string& from, const std::string& to) = 0;
  // A commit to these tables may have taken effect, or one of them may have been dropped.
  virtual void OnCatalogChange(const std::vector<iceberg::TableIdentifier>& tables) = 0;
};

// Random bits for what is tested. They are divided by every number up to which a transaction's
// waits between its attempts are drawn, so that no time is spent waiting.
class ImpatientRandom final : public RandomSource {
 public:
  explicit ImpatientRandom(uint64_t seed) : random_(seed) {}
  uint64_t Next() override { return random_.Next() / kMultiple * kMultiple; }

 private:
  static constexpr uint64_t kMultiple = 16'000;
  SeededRandom random_;
};

class World {
 public:
  // `directory` is an empty local one, for what is no table's file: the catalog's database and the
  // records of writes, which show by real locks who lives.
  World(uint64_t seed, std::string directory);

  const std::string directory;
  Choices choices;
  ImpatientRandom random;
  TimestampMicros now;  // by the clock of the store; never goes back
  Store store;
  Trace trace;
  Rates rates;
  Witness* witness = nullptr;
  bool faults = false;       // whether anything goes wrong
  int unguarded_writes = 0;  // under way, of programs that keep no record of them
  bool ending = false;       // nobody begins anything new

  // How often what has happened.
  std::map<std::string, int64_t> counts;

  // A line of the trace, with the time.
  void Note(const std::string& what);
  // Without the directory.
  std::string Short(const std::string& path) const;

  // The first one ends the simulation: all processes die.
  void Violate(const std::string& what);
  const std::string& violation() const { return violation_; }
  bool violated() const { return !violation_.empty(); }

  // Everything that Run's works do happens in turns.
  void Spawn(std::function<void()> work);
  void Run();
  // Called by a work: others go on meanwhile.
  void GiveWay();
  // Counts a step, and lets a little time pass.
  void Step();
  int64_t steps() const { return steps_; }

  // Much time passes, unless a write is under way that no record protects; false then.
  bool Sleep(int64_t micros);

 private:
  std::vector<std::unique_ptr<Fiber>> fibers_;
  Fiber* running_ = nullptr;
  int64_t steps_ = 0;
  std::string violation_;
};

}  // namespace octolake::simulation
