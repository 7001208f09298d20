// A small lake on which commands run as processes that fail, die or lose power at a chosen step.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/temp_directory_for_test.h"
#include "io/fault_ways_for_test.h"
#include "lake/hooked_catalog.h"
#include "lake/warehouse.h"
#include "model/bundle.h"

namespace octolake::crash {

// One process: opens the warehouse, runs one command and closes it, as the program does.
class Process {
 public:
  Process(lake::Warehouse& warehouse, ManualClock& clock, const model::Bundle& bundle)
      : warehouse_(warehouse), clock_(clock), bundle_(bundle) {}

  Status Load(const std::vector<std::string>& files);
  Status Silver();
  Status Models();
  // Takes a journal's records to Bronze, a few in a commit.
  Status CommitJournal(const std::string& directory);

  // Files that Load has said it loaded, or loaded before.
  const std::set<std::string>& reported() const { return reported_; }

 private:
  lake::Warehouse& warehouse_;
  ManualClock& clock_;
  const model::Bundle& bundle_;
  std::set<std::string> reported_;
};

using Command = std::function<Status(Process&)>;

// Every row of every table, as text, without clocks and ids that each run makes anew.
using Contents = std::map<std::string, std::vector<std::string>>;

// What commands did that ran one after the other, until one failed.
struct PassResult {
  Status status;
  std::vector<io::StepKind> steps;
  std::set<std::string> reported;
};

// Random, but divided by every number up to which a transaction's waits between its attempts are
// drawn: it does not wait.
class ImpatientRandom final : public RandomSource {
 public:
  uint64_t Next() override { return SystemRandom().Next() / kMultiple * kMultiple; }

 private:
  static constexpr uint64_t kMultiple = 16'000;
};

class CrashLake {
 public:
  CrashLake();
  CrashLake(const CrashLake&) = delete;
  CrashLake& operator=(const CrashLake&) = delete;

  // The files to load: events that are in several of them, one years late, one that is rejected.
  const std::vector<std::string>& first_files() const { return first_files_; }
  const std::vector<std::string>& later_files() const { return later_files_; }

  // A journal of events, webhook deliveries and what is neither, in one segment. It stays as it is.
  std::string journal() const { return directory_ + "/journal"; }

  // The warehouse as it is now; Restore goes back to it. Without Save: none.
  void Save();
  void Restore();

  // Runs commands with a fault at a step (0: none) counted over all of them.
  PassResult Run(const std::vector<Command>& commands, const io::FaultWay& way, int64_t step);

  // The same on a healthy disk with a catalog that loses replies. Every process of a pass uses it.
  PassResult RunLosing(const std::vector<Command>& commands,
                       const std::shared_ptr<lake::ReplyLoss>& loss);

  // Checks, failing the test, what must hold at any time: each file in loaded_files is in Bronze
  // whole and once, and nothing else is, but for records of the journal, none of them twice; the
  // reported files are there; no event is in Silver twice;
  // every file that metadata names is there and whole.
  void CheckConsistent(const std::set<std::string>& reported);
  Contents ReadContents();
  // Files that no table names, the catalog's own left out.
  std::vector<std::string> Leftovers();
  // Runs RemoveLeftovers, as the commands do before and after their work.
  void RemoveLeftovers();

 private:
  Result<std::unique_ptr<lake::Warehouse>> Open(lake::WarehouseParts parts);
  Status RunCommand(const Command& command, lake::WarehouseParts parts,
                    std::set<std::string>& reported);

  void FillJournal();

  // In memory where that can be: durability is the faulty disk's to model, not the disk's.
  const TempDirectory temp_{MemoryDirectory()};
  const std::string directory_ = temp_.path();
  const std::string warehouse_ = directory_ + "/warehouse";
  std::vector<std::string> first_files_;
  std::vector<std::string> later_files_;
  ManualClock clock_;
  ImpatientRandom random_;
  model::Bundle bundle_;
};

}  // namespace octolake::crash
