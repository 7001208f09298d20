#include "maintenance.h"

#include <utility>

#include "base/progress.h"
#include "iceberg/rewrite_manifests.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "lake/leftovers.h"
#include "maintain/compaction.h"
#include "maintain/expiry.h"
#include "maintain/manifests.h"
#include "maintain/orphans.h"
#include "planted_bugs.h"

namespace octolake::simulation {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;

template <typename T>
Status StatusOf(const Result<T>& result) {
  return result ? Status() : tl::unexpected<Error>(result.error());
}

// For the time of one operation.
class Planted {
 public:
  Planted(Process& process, bool planted) : process_(process) { process_.planted = planted; }
  ~Planted() {
    process_.planted = false;
    process_.hides = nullptr;
  }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;

 private:
  Process& process_;
};

class SetBranchUpdate final : public iceberg::TableUpdate {
 public:
  SetBranchUpdate(std::string name, int64_t snapshot_id)
      : name_(std::move(name)), snapshot_id_(snapshot_id) {}
  Status Apply(const iceberg::UpdateContext& /*context*/,
               iceberg::TableMetadata& metadata) override {
    if (metadata.FindSnapshot(snapshot_id_) == nullptr) {
      return MakeError(ErrorKind::kNotFound, "the snapshot has expired");
    }
    iceberg::SnapshotRef& ref = metadata.refs[name_];
    ref.snapshot_id = snapshot_id_;
    ref.is_branch = true;
    return {};
  }
  std::vector<std::string> Unused(const iceberg::TableMetadata* /*committed*/) const override {
    return {};
  }

 private:
  const std::string name_;
  const int64_t snapshot_id_;
};

// One of the table's snapshots; nullopt if it has none.
std::optional<int64_t> AnySnapshot(Lab& lab, const iceberg::TableMetadata& metadata) {
  if (metadata.snapshots.empty()) return std::nullopt;
  const auto place = lab.world.choices.Below(std::ssize(metadata.snapshots));
  return metadata.snapshots[static_cast<size_t>(place)].snapshot_id;
}

}  // namespace

Status CompactTable(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  Choices& choices = lab.world.choices;
  maintain::CompactionOptions options;
  options.strategy = choices.OneOf<maintain::CompactionStrategy>(
      {maintain::CompactionStrategy::kBinPack, maintain::CompactionStrategy::kBinPack,
       maintain::CompactionStrategy::kSort, maintain::CompactionStrategy::kZOrder});
  options.columns = {"id"};
  if (options.strategy == maintain::CompactionStrategy::kZOrder) {
    options.columns.push_back(name == lake::BronzeEvents({}) ? "created_at" : "day");
  }
  options.concurrency = 0;
  options.scope.min_input_files = choices.Between(2, 3);
  options.scope.all_files = choices.Chance(0.1);
  if (choices.Chance(0.5)) options.commit_bytes = 1;  // a commit for each group
  options.retention = lab.retention;
  if (lab.bug == Bug::kValidatesAtCommitTime) {
    return CompactValidatingLate(process, name, options);
  }
  IgnoreProgress progress;
  auto report = maintain::Compact(process.warehouse(), name, options, {}, progress);
  if (!report) return tl::unexpected<Error>(std::move(report).error());
  lab.world.counts["compaction: groups"] += report->groups;
  lab.world.counts["compaction: conflicts"] += report->conflicts;
  if (report->commits > 0) {
    lab.world.Note(process.name() + " compacted " + std::to_string(report->files_before) +
                   " files of " + name.ToString() + " into " + std::to_string(report->files_after));
  }
  if (!report->failures.empty()) return tl::unexpected<Error>(report->failures.front());
  return {};
}

Status RewriteManifestsOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  lake::Warehouse& warehouse = process.warehouse();
  OCTO_ASSIGN(const auto report, maintain::RewriteTableManifests(warehouse, name, false));
  if (report.needed) ++lab.world.counts["manifests rewritten"];
  if (report.before < 2 || report.needed) return {};
  // Few histories are long enough for it to pay.
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(name));
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(name, iceberg::AssertTableUuid(table.metadata->table_uuid));
  transaction.Add(name, iceberg::RewriteManifests({}));
  OCTO_TRY(transaction.Commit());
  ++lab.world.counts["manifests rewritten"];
  return {};
}

Status ExpireSnapshotsOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  Choices& choices = lab.world.choices;
  maintain::ExpiryOptions options;
  options.older_than_ms = choices.OneOf<int64_t>({1'000, kHourMs, kDayMs});
  options.keep = choices.Between(1, 4);
  const Planted planted(process, lab.bug == Bug::kExpiresByMainOnly);
  return StatusOf(maintain::ExpireTable(process.warehouse(), name, options, {}));
}

namespace {

// How many files were taken away.
Result<int64_t> RemoveOrphansOnce(Lab& lab, Process& process,
                                  const iceberg::TableIdentifier& name) {
  Choices& choices = lab.world.choices;
  if (choices.Chance(0.6) && lab.world.Sleep(choices.Between(1, 8) * kDayMs * 1'000)) {
    lab.world.Note("days pass");
  }
  maintain::OrphanOptions options;
  options.older_than_ms = choices.OneOf<int64_t>({kDayMs, 3 * kDayMs});
  options.quarantine_ms = choices.OneOf<int64_t>({kHourMs, kDayMs, 7 * kDayMs});
  process.moved_away.clear();
  const Planted planted(process, lab.bug == Bug::kDoesNotLookAgain);
  OCTO_ASSIGN(const auto report, maintain::RemoveOrphans(process.warehouse(), name, options, {}));
  lab.world.counts["orphans: moved"] += report.files;
  lab.world.counts["orphans: brought back"] += report.brought_back;
  lab.world.counts["orphans: gone for good"] += report.removed;
  lab.world.Note(process.name() + " moved " + std::to_string(report.files) + " orphans, " +
                 std::to_string(report.brought_back) + " are back, " +
                 std::to_string(report.removed) + " are gone for good");
  if (!process.dead()) lab.ledger.CheckBroughtBack(process);
  return report.files;
}

}  // namespace

Status RestoreOrphansOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  OCTO_ASSIGN(const auto report, maintain::RestoreOrphans(process.warehouse(), name));
  lab.world.counts["orphans: restored"] += report.files;
  return {};
}

Status RemoveOrphansOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  OCTO_ASSIGN(const int64_t files, RemoveOrphansOnce(lab, process, name));
  if (files == 0) return {};
  if (lab.world.choices.Chance(0.2)) return RestoreOrphansOf(lab, process, name);
  if (lab.world.choices.Chance(0.5)) return StatusOf(RemoveOrphansOnce(lab, process, name));
  return {};
}

Status RemoveLeftoversOfDead(Lab& lab, Process& process) {
  const auto report = lake::RemoveLeftovers(process.warehouse());
  if (!report) return tl::unexpected<Error>(report.error());
  lab.world.counts["leftovers removed"] += report->files;
  if (report->files > 0) {
    lab.world.Note(process.name() + " removed " + std::to_string(report->files) + " leftovers");
  }
  for (const char* name_space : {"bronze", "lake"}) {
    lake::RemoveStrayMetadata(process.warehouse(), name_space);
  }
  return {};
}

Status RollBack(Lab& lab, Process& process) {
  lake::Warehouse& warehouse = process.warehouse();
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(Facts()));
  if (!table.metadata->current_snapshot_id) return {};
  const auto ancestors =
      iceberg::AncestorsOf(*table.metadata, *table.metadata->current_snapshot_id);
  const int64_t target = lab.world.choices.OneOf(ancestors)->snapshot_id;
  lab.ledger.AllowRollback(Facts(), target);
  lab.world.Note(process.name() + " rolls back to " + std::to_string(target));
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(Facts(), iceberg::AssertTableUuid(table.metadata->table_uuid));
  transaction.Add(Facts(), iceberg::RollbackTo(target));
  const Status outcome = StatusOf(transaction.Commit());
  // Somebody rolled back to before it meanwhile.
  if (!outcome && outcome.error().kind == ErrorKind::kInvalidArgument) return {};
  return outcome;
}

Status SetReference(Lab& lab, Process& process, const iceberg::TableIdentifier& name) {
  lake::Warehouse& warehouse = process.warehouse();
  OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(name));
  const auto snapshot = AnySnapshot(lab, *table.metadata);
  if (!snapshot) return {};
  const bool branch = lab.world.choices.Chance(0.4);
  const std::string ref = (branch ? "branch" : "tag") + std::to_string(lab.world.choices.Below(2));
  lab.world.Note(process.name() + " puts " + ref + " of " + name.ToString() + " at " +
                 std::to_string(*snapshot));
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(name, iceberg::AssertTableUuid(table.metadata->table_uuid));
  transaction.Add(name, branch ? std::make_unique<SetBranchUpdate>(ref, *snapshot)
                               : iceberg::SetTag(ref, *snapshot));
  return StatusOf(transaction.Commit());
}

Status MakeOrDropScratch(Lab& lab, Process& process) {
  const auto table = process.warehouse().catalog().LoadTable(Scratch());
  if (table) return process.warehouse().catalog().DropTable(Scratch());
  if (table.error().kind != ErrorKind::kNotFound) return StatusOf(table);
  return CreateScratch(lab, process);
}

}  // namespace octolake::simulation
