#include "simulation.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "maintain/orphans.h"
#include "maintenance.h"
#include "planted_bugs.h"
#include "reader.h"
#include "writers.h"

namespace octolake::simulation {
namespace {

constexpr size_t kShownLines = 100;
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kDayMs = 24 * 3'600'000;

struct Operation {
  const char* name;
  int weight;
  std::function<Status(Lab&, Process&)> run;
  bool reads = false;  // a snapshot by itself, which may expire under it
};

using OnTable = Status (*)(Lab&, Process&, const iceberg::TableIdentifier&);

// On one of the tables, most often the one where most happens.
std::function<Status(Lab&, Process&)> OnAnyTable(OnTable operation) {
  return [operation](Lab& lab, Process& process) {
    const auto name = lab.world.choices.OneOf<iceberg::TableIdentifier>(
        {Facts(), Facts(), Facts(), Facts(), lake::BronzeEvents({}), lake::BronzeEvents({}), Copy(),
         Scratch()});
    return operation(lab, process, name);
  };
}

Status AppendAnywhere(Lab& lab, Process& process) {
  return AppendRows(lab, process, lab.world.choices.Chance(0.9) ? Facts() : Scratch());
}

const std::vector<Operation>& OwnOperations() {
  static const std::vector<Operation> operations = {
      {"commit journal", 8, CommitJournal},
      {"consume", 4, ConsumeBronze, true},
      {"append", 6, AppendAnywhere},
      {"overwrite", 2, OverwriteDays},
      {"compact", 9, OnAnyTable(CompactTable)},
      {"rewrite manifests", 2, OnAnyTable(RewriteManifestsOf), true},
      {"expire", 4, OnAnyTable(ExpireSnapshotsOf)},
      {"remove orphans", 6, OnAnyTable(RemoveOrphansOf)},
      {"restore orphans", 1, OnAnyTable(RestoreOrphansOf)},
      {"remove leftovers", 2, RemoveLeftoversOfDead},
      {"roll back", 1, RollBack},
      {"set reference", 2, OnAnyTable(SetReference)},
      {"scratch", 2, MakeOrDropScratch},
      {"read", 5, OnAnyTable(ReadSnapshot)},
  };
  return operations;
}

const std::vector<Operation>& ForeignOperations() {
  static const std::vector<Operation> operations = {
      {"append", 8, AppendAnywhere},
      {"delete row", 4, DeleteRow, true},
      {"set reference", 1, OnAnyTable(SetReference)},
      {"read", 2, OnAnyTable(ReadSnapshot)},
  };
  return operations;
}

const Operation& Choose(Choices& choices, const std::vector<Operation>& operations) {
  int64_t all = 0;
  for (const Operation& one : operations) all += one.weight;
  int64_t place = choices.Below(all);
  for (const Operation& one : operations) {
    place -= one.weight;
    if (place < 0) return one;
  }
  return operations.back();
}

// Metadata that is one version ahead of the catalog's is left alone until it is no more.
Status OvertakeMetadata(lake::Warehouse& warehouse, const iceberg::TableIdentifier& name) {
  for (int time = 0; time < 2; ++time) {
    iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
    transaction.Add(name, iceberg::SetProperties({{"time", std::to_string(time)}}));
    OCTO_TRY(transaction.Commit());
  }
  return {};
}

class Simulation {
 public:
  Simulation(uint64_t seed, Bug bug, const std::string& directory)
      : world_(seed, directory), ledger_(world_, AllTables()), lab_{world_, ledger_, bug} {}

  Outcome Run();

 private:
  void ChooseRates();
  void Prepare();
  // A host, on which one process runs after the other.
  void LiveOn(int host);
  void RunProcess(Process& process, ProcessClock& clock);
  void RunOperation(Process& process, const Operation& operation);
  void CheckOutcome(Process& process, const Operation& operation, const Status& status,
                    int64_t faults_before, int64_t expired_before);
  void SetClock(ProcessClock& clock);
  void TidyUp();
  bool Must(const std::string& what, const Status& status);

  World world_;
  Ledger ledger_;
  Lab lab_;
  int64_t operations_left_ = 0;
  int64_t processes_ = 0;
};

void Simulation::ChooseRates() {
  Choices& choices = world_.choices;
  Rates& rates = world_.rates;
  rates.gives_way = choices.OneOf<double>({0.02, 0.1, 0.3, 0.6});
  rates.fails = choices.OneOf<double>({0, 0.0005, 0.003, 0.01});
  rates.loses_reply = choices.OneOf<double>({0, 0.0005, 0.003, 0.01});
  rates.is_torn = choices.OneOf<double>({0, 0.003, 0.01});
  rates.dies = choices.OneOf<double>({0, 0.001, 0.003, 0.008});
  rates.stale_listing = choices.OneOf<double>({0, 0.1, 0.5});
  rates.commit_doubt = choices.OneOf<double>({0, 0.02, 0.1, 0.3});
  rates.commit_busy = choices.OneOf<double>({0, 0.02, 0.1});
  iceberg::RetentionPolicy& retention = lab_.retention;
  retention.max_snapshots = choices.Between(3, 30);
  retention.keep_all_ms = choices.OneOf<int64_t>({60'000, 3'600'000});
  retention.interval_ms = choices.OneOf<int64_t>({0, 3'600'000});
  retention.max_age_ms = choices.OneOf<int64_t>({3'600'000, 7 * kDayMs});
  retention.min_snapshots = choices.Between(1, 4);
  retention.reader_tags = "octolake.";
  retention.lasting_tags = "octolake.";
  operations_left_ = choices.Between(20, 60);
}

bool Simulation::Must(const std::string& what, const Status& status) {
  if (!status) world_.Violate(what + " failed without a fault: " + status.error().message);
  return !world_.violated();
}

void Simulation::Prepare() {
  lab_.journals = {Uuid::RandomV4(world_.random), Uuid::RandomV4(world_.random)};
  const ProcessClock clock(world_);
  Process process(world_, "setup", clock);
  if (!Must("opening the warehouse", process.Open(Process::Kind::kOctolake))) return;
  Must("creating the tables", CreateTables(lab_, process));
}

// By hours or days, and back.
void Simulation::SetClock(ProcessClock& clock) {
  const int64_t offset =
      world_.choices.OneOf<int64_t>({0, 0, kHour, -kHour, kDay, -kDay, 10 * kDay, -30 * kDay});
  clock.Set(offset);
  world_.Note("a clock is set to " + std::to_string(offset / kSecond) + " s off");
}

void Simulation::CheckOutcome(Process& process, const Operation& operation, const Status& status,
                              int64_t faults_before, int64_t expired_before) {
  if (status || process.dead()) return;
  // What is gone may have expired; a process that met a fault as well cannot always tell.
  const bool faulty = process.faults() > faults_before;
  if ((operation.reads || faulty) && ledger_.expired() > expired_before) return;
  const ErrorKind kind = status.error().kind;
  const bool damage = kind == ErrorKind::kCorruption || kind == ErrorKind::kInvalidArgument ||
                      kind == ErrorKind::kAlreadyExists;
  const bool without_cause = !faulty && kind == ErrorKind::kIo;
  if ((damage || without_cause) && !ledger_.AnyAway()) {
    world_.Violate(process.name() + " " + operation.name + ": " + status.error().message);
  }
}

void Simulation::RunOperation(Process& process, const Operation& operation) {
  const std::string what = process.name() + " " + operation.name;
  world_.Note(what + " begins");
  ++world_.counts["operations"];
  const int64_t faults = process.faults();
  const int64_t expired = ledger_.expired();
  const Status status = operation.run(lab_, process);
  const std::string how =
      status ? "ends" : "fails: " + std::string(ErrorKindName(status.error().kind));
  world_.Note(what + " " + (process.dead() ? "is dead" : how));
  if (!process.dead()) ++world_.counts[std::string(operation.name) + " " + how];
  CheckOutcome(process, operation, status, faults, expired);
}

void Simulation::RunProcess(Process& process, ProcessClock& clock) {
  const auto kind = world_.choices.Chance(0.3) ? Process::Kind::kForeign : Process::Kind::kOctolake;
  const Status opened =
      process.Open(kind, [this](Process& of, std::unique_ptr<iceberg::Catalog> catalog) {
        return Plant(lab_.bug, of, std::move(catalog));
      });
  if (!opened) return;
  const auto& operations = kind == Process::Kind::kForeign ? ForeignOperations() : OwnOperations();
  if (kind == Process::Kind::kOctolake && world_.choices.Chance(0.15)) {
    RunOperation(process, {"remove leftovers", 0, RemoveLeftoversOfDead});
  }
  for (int64_t left = world_.choices.Between(1, 8);
       left > 0 && operations_left_ > 0 && !process.dead() && !world_.ending; --left) {
    --operations_left_;
    if (world_.choices.Chance(0.05)) SetClock(clock);
    RunOperation(process, Choose(world_.choices, operations));
    world_.GiveWay();
  }
}

void Simulation::LiveOn(int host) {
  ProcessClock clock(world_);
  while (operations_left_ > 0 && !world_.ending) {
    Process process(world_, "host" + std::to_string(host) + ".p" + std::to_string(++processes_),
                    clock);
    RunProcess(process, clock);
    world_.GiveWay();
  }
}

// Everybody is gone. What the dead left is removed, what is old, and then what was taken away.
void Simulation::TidyUp() {
  const ProcessClock clock(world_);
  {
    Process process(world_, "leftovers", clock);
    if (!Must("opening the warehouse", process.Open(Process::Kind::kOctolake))) return;
    if (!Must("removing leftovers", RemoveLeftoversOfDead(lab_, process))) return;
  }
  Process process(world_, "tidy", clock);
  if (!Must("opening the warehouse", process.Open(Process::Kind::kOctolake))) return;
  lake::Warehouse& warehouse = process.warehouse();
  for (const iceberg::TableIdentifier& name : AllTables()) {
    if (!warehouse.catalog().LoadTable(name)) continue;  // dropped
    if (!Must("a last commit", OvertakeMetadata(warehouse, name))) return;
  }
  for (int round = 0; round < 2; ++round) {
    world_.Sleep(10 * kDay);
    for (const iceberg::TableIdentifier& name : AllTables()) {
      if (!warehouse.catalog().LoadTable(name)) continue;  // dropped
      const auto removed = maintain::RemoveOrphans(warehouse, name, {}, {});
      if (!removed && !Must("removing orphans", tl::unexpected<Error>(removed.error()))) return;
      if (!removed->warnings.empty()) {
        world_.Violate("removing orphans of " + name.ToString() +
                       " warns: " + removed->warnings.front());
      }
    }
  }
  if (!world_.violated()) ledger_.CheckQuiet();
}

Outcome Simulation::Run() {
  world_.witness = &ledger_;
  ChooseRates();
  world_.Spawn([this] { Prepare(); });
  world_.Run();
  world_.faults = true;
  const int64_t hosts = world_.choices.Between(2, 5);
  for (int host = 0; host < hosts; ++host) {
    world_.Spawn([this, host] { LiveOn(host); });
  }
  world_.Run();
  world_.faults = false;
  if (!world_.violated()) world_.Spawn([this] { TidyUp(); });
  world_.Run();
  Outcome outcome;
  outcome.violation = world_.violation();
  outcome.trace = world_.trace.Last(kShownLines);
  outcome.trace_hash = world_.trace.hash();
  outcome.trace_lines = world_.trace.lines();
  outcome.counts = std::move(world_.counts);
  outcome.counts["steps"] = world_.steps();
  outcome.counts["commits"] = ledger_.commits();
  outcome.counts["snapshots expired"] = ledger_.expired();
  return outcome;
}

}  // namespace

Outcome Simulate(uint64_t seed, Bug bug, const std::string& directory) {
  return Simulation(seed, bug, directory).Run();
}

}  // namespace octolake::simulation
