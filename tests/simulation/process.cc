#include "process.h"

#include <utility>

#include "iceberg/sql_catalog.h"
#include "io/local_file_system.h"

namespace octolake::simulation {
namespace {

// Reads and writes of a file's bytes are many, and little happens between two of them.
constexpr double kRareness = 0.1;

bool IsFine(StepKind kind) { return kind == StepKind::kRead || kind == StepKind::kAppend; }

const char* NameOf(StepKind kind) {
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
    case StepKind::kAppend:
      return "append";
    case StepKind::kClose:
      return "close";
    case StepKind::kRemove:
      return "remove";
    case StepKind::kMove:
      return "move";
    case StepKind::kLoad:
      return "load";
    case StepKind::kCommit:
      return "commit";
    case StepKind::kCatalog:
      return "catalog";
  }
  return "";
}

const char* NameOf(StepEffect effect) {
  switch (effect) {
    case StepEffect::kProceeds:
      return "proceeds";
    case StepEffect::kFails:
      return "fails";
    case StepEffect::kTorn:
      return "is torn";
    case StepEffect::kLosesReply:
      return "loses its reply";
  }
  return "";
}

bool Changes(StepKind kind) {
  switch (kind) {
    case StepKind::kCreate:
    case StepKind::kAppend:
    case StepKind::kClose:
    case StepKind::kRemove:
    case StepKind::kMove:
      return true;
    default:
      return false;
  }
}

}  // namespace

Process::Process(World& world, std::string name, const ProcessClock& clock)
    : world_(world), name_(std::move(name)), clock_(clock) {}

Process::~Process() {
  // A failed removal makes the file system keep its record, as the kernel leaves that of a killed
  // process.
  if (warehouse_ != nullptr && dead()) {
    static_cast<void>(warehouse_->file_system().Remove("/none"));
  }
}

Status Process::Open(Kind kind, const WrapCatalog& wrap) {
  kind_ = kind;
  lake::WarehouseOptions options;
  options.directory = world_.directory;
  options.catalog_busy_timeout_ms = 0;
  const auto wrap_catalog = [&](std::unique_ptr<iceberg::Catalog> inner) {
    auto catalog = MakeProcessCatalog(*this, std::move(inner));
    return wrap ? wrap(*this, std::move(catalog)) : std::move(catalog);
  };
  if (kind == Kind::kOctolake) {
    OCTO_ASSIGN(warehouse_, lake::Warehouse::OpenOn({MakeProcessFileSystem(*this), wrap_catalog},
                                                    options, clock_, world_.random));
    return {};
  }
  auto files = MakeProcessFileSystem(*this);
  iceberg::SqlCatalogOptions catalog;
  catalog.database_path = world_.directory + "/catalog.db";
  catalog.catalog_name = options.catalog_name;
  catalog.warehouse_location = io::FileLocation(world_.directory);
  catalog.busy_timeout_ms = 0;
  OCTO_ASSIGN(auto opened, iceberg::OpenSqlCatalog(catalog, *files, clock_, world_.random));
  warehouse_ = lake::Warehouse::Assemble(options, std::move(files), wrap_catalog(std::move(opened)),
                                         clock_, world_.random);
  return {};
}

void Process::Die() {
  if (dead_) return;
  dead_ = true;
  ++world_.counts["deaths"];
  world_.Note(name_ + " dies");
}

StepEffect Process::Choose(StepKind kind) {
  const Rates& rates = world_.rates;
  Choices& choices = world_.choices;
  const double rareness = IsFine(kind) ? kRareness : 1;
  if (choices.Chance(rates.fails * rareness)) return StepEffect::kFails;
  if (kind == StepKind::kAppend && choices.Chance(rates.is_torn * rareness)) {
    return StepEffect::kTorn;
  }
  if (Changes(kind) && choices.Chance(rates.loses_reply * rareness)) {
    return StepEffect::kLosesReply;
  }
  return StepEffect::kProceeds;
}

StepEffect Process::Take(StepKind kind, const std::string& what) {
  if (!in_commit.empty() && world_.witness != nullptr) world_.witness->OnCatalogChange(in_commit);
  if (dead()) return StepEffect::kFails;
  world_.Step();
  const double rareness = IsFine(kind) ? kRareness : 1;
  if (world_.choices.Chance(world_.rates.gives_way * rareness)) world_.GiveWay();
  if (dead()) return StepEffect::kFails;
  if (!world_.faults) return StepEffect::kProceeds;
  StepEffect effect = Choose(kind);
  if (world_.choices.Chance(world_.rates.dies * rareness)) {
    // With all of the step, a part of it, or nothing.
    effect = Changes(kind) ? world_.choices.OneOf<StepEffect>(
                                 {StepEffect::kFails, StepEffect::kTorn, StepEffect::kLosesReply})
                           : StepEffect::kFails;
    Die();
  }
  if (effect == StepEffect::kProceeds) return effect;
  ++faults_;
  ++world_.counts[std::string(NameOf(kind)) + " " + NameOf(effect)];
  world_.Note(name_ + ": " + NameOf(kind) + " " + NameOf(effect) + ", " + world_.Short(what));
  return effect;
}

Error Process::Failed(StepKind kind, const std::string& what) const {
  const bool catalog =
      kind == StepKind::kLoad || kind == StepKind::kCommit || kind == StepKind::kCatalog;
  return {catalog && !dead() ? ErrorKind::kTransient : ErrorKind::kIo,
          dead() ? "the process is dead" : "injected fault at " + world_.Short(what)};
}

}  // namespace octolake::simulation
