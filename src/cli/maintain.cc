#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <optional>

#include "base/units.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/table_name.h"
#include "cli/text_table.h"
#include "datafile/idle_memory.h"
#include "iceberg/filter_text.h"
#include "lake/table_version.h"
#include "maintain/compaction.h"
#include "maintain/dropped_quarantine.h"
#include "maintain/expiry.h"
#include "maintain/manifests.h"
#include "maintain/table_policy.h"

namespace octolake::cli {
namespace {

using maintain::CompactionStrategy;

constexpr char kByPolicy[] = "policy";

struct MaintainFlags {
  std::vector<std::string> tables;
  std::string compact;  // a strategy, kByPolicy, or empty: no compaction
  std::vector<std::string> columns;
  std::string target_file_size;
  std::optional<int64_t> min_input_files;
  std::optional<int64_t> days_back;
  std::string where;
  bool all_files = false;
  bool rewrite_manifests = false;
  bool expire = false;
  bool orphans = false;
  bool undo = false;
  bool dry_run = false;

  bool names_a_step() const { return !compact.empty() || rewrite_manifests || expire || orphans; }
};

std::optional<CompactionStrategy> StrategyNamed(const std::string& name) {
  if (name == "binpack") return CompactionStrategy::kBinPack;
  if (name == "sort") return CompactionStrategy::kSort;
  if (name == "zorder") return CompactionStrategy::kZOrder;
  return std::nullopt;
}

// What --where says of each table.
using FiltersByTable = std::map<iceberg::TableIdentifier, iceberg::Filter>;

// One run of the command.
class Maintenance {
 public:
  Maintenance(const Context& context, const MaintainFlags& flags, lake::Warehouse& warehouse,
              FiltersByTable filters)
      : context_(context),
        flags_(flags),
        warehouse_(warehouse),
        filters_(std::move(filters)),
        all_steps_(!flags.names_a_step()) {}

  // Every step of the table; what fails does not keep the others back.
  void Maintain(const iceberg::TableIdentifier& table);
  // What dropped tables left in quarantine, where all tables are looked after.
  void EmptyDroppedQuarantine();
  const TextTable& results() const { return results_; }
  bool failed() const { return failed_; }

 private:
  Status Compact(const iceberg::TableIdentifier& table);
  Status RewriteManifests(const iceberg::TableIdentifier& table);
  Status Expire(const iceberg::TableIdentifier& table);
  Status RemoveOrphans(const iceberg::TableIdentifier& table);
  Status Undo(const iceberg::TableIdentifier& table);
  Result<maintain::CompactionOptions> OptionsFor(const iceberg::TableIdentifier& table) const;
  void Check(const Status& status, const iceberg::TableIdentifier& table);
  void Warn(const std::vector<std::string>& warnings) const;
  void AddResult(const iceberg::TableIdentifier& table, const std::string& what, int64_t before,
                 const std::string& after, const std::string& remarks);

  const Context& context_;
  const MaintainFlags& flags_;
  lake::Warehouse& warehouse_;
  const FiltersByTable filters_;
  const bool all_steps_;
  bool failed_ = false;
  TextTable results_{{{"table"}, {"what"}, {"before", true}, {"after", true}, {"remarks"}}};
};

void Maintenance::Check(const Status& status, const iceberg::TableIdentifier& table) {
  context_.progress.Clear();
  if (status) return;
  failed_ = true;
  context_.Fail(WithContext(status.error(), table.ToString()).value());
}

void Maintenance::Warn(const std::vector<std::string>& warnings) const {
  for (const std::string& warning : warnings) context_.Say("warning: " + warning);
}

void Maintenance::AddResult(const iceberg::TableIdentifier& table, const std::string& what,
                            int64_t before, const std::string& after, const std::string& remarks) {
  results_.Add({table.ToString(), what, std::to_string(before), after, remarks});
}

Result<maintain::CompactionOptions> Maintenance::OptionsFor(
    const iceberg::TableIdentifier& table) const {
  maintain::CompactionOptions options = CompactionOptionsOf(context_.config);
  const maintain::TablePolicy policy = maintain::PolicyFor(warehouse_.namespaces(), table);
  const bool by_policy = all_steps_ || flags_.compact == kByPolicy;
  options.strategy = by_policy ? policy.strategy : *StrategyNamed(flags_.compact);
  options.columns = policy.columns;
  if (!flags_.columns.empty()) options.columns = flags_.columns;
  options.scope.min_input_files = flags_.min_input_files.value_or(policy.min_input_files);
  options.scope.all_files = flags_.all_files;
  options.scope.days_back = flags_.days_back;
  if (const auto filter = filters_.find(table); filter != filters_.end()) {
    options.where = filter->second;
  }
  if (!flags_.target_file_size.empty()) {
    OCTO_ASSIGN(options.scope.sizes.target, ParseSize(flags_.target_file_size));
    options.scope.sizes.at_most = 0;
  }
  options.dry_run = flags_.dry_run;
  return options;
}

Status Maintenance::Compact(const iceberg::TableIdentifier& table) {
  OCTO_ASSIGN(const maintain::CompactionOptions options, OptionsFor(table));
  OCTO_ASSIGN(const maintain::CompactionReport report,
              maintain::Compact(warehouse_, table, options, {}, context_.progress));
  context_.progress.Clear();
  Warn(report.warnings);
  std::string remarks = HumanSize(report.bytes_before);
  if (!options.dry_run) remarks += " to " + HumanSize(report.bytes_after);
  if (report.conflicts > 0) {
    remarks += ", " + Grouped(report.conflicts) + " groups left to others";
  }
  if (report.files_before > 0 || report.conflicts > 0) {
    AddResult(table, "data files", report.files_before,
              options.dry_run ? "" : std::to_string(report.files_after), remarks);
  }
  for (const Error& error : report.failures) Check(tl::unexpected<Error>(error), table);
  return {};
}

Status Maintenance::RewriteManifests(const iceberg::TableIdentifier& table) {
  OCTO_ASSIGN(const maintain::ManifestReport report,
              maintain::RewriteTableManifests(warehouse_, table, flags_.dry_run));
  if (!report.needed) return {};
  AddResult(table, "manifests", report.before, flags_.dry_run ? "" : std::to_string(report.after),
            "");
  return {};
}

Status Maintenance::Expire(const iceberg::TableIdentifier& table) {
  maintain::ExpiryOptions options = ExpiryOptionsOf(context_.config);
  options.dry_run = flags_.dry_run;
  OCTO_ASSIGN(const iceberg::Table before, warehouse_.catalog().LoadTable(table));
  OCTO_ASSIGN(const maintain::ExpiryReport report,
              maintain::ExpireTable(warehouse_, table, options, {}));
  Warn(report.warnings);
  if (report.snapshots == 0) return {};
  const int64_t count = std::ssize(before.metadata->snapshots);
  AddResult(table, "snapshots", count,
            flags_.dry_run ? "" : std::to_string(count - report.snapshots),
            flags_.dry_run ? Grouped(report.snapshots) + " would go" : "");
  return {};
}

Status Maintenance::RemoveOrphans(const iceberg::TableIdentifier& table) {
  OCTO_ASSIGN(maintain::OrphanOptions options, OrphanOptionsOf(context_.config));
  options.dry_run = flags_.dry_run;
  OCTO_ASSIGN(const maintain::OrphanReport report,
              maintain::RemoveOrphans(warehouse_, table, options, {}));
  Warn(report.warnings);
  for (const std::string& location : report.locations) {
    context_.Say((flags_.dry_run ? "would go to quarantine: " : "to quarantine: ") + location);
  }
  if (report.files == 0 && report.removed == 0 && report.brought_back == 0) return {};
  std::string remarks = HumanSize(report.bytes) + (flags_.dry_run ? "" : " to quarantine");
  if (report.removed > 0) remarks += ", " + Grouped(report.removed) + " removed for good";
  if (report.brought_back > 0) remarks += ", " + Grouped(report.brought_back) + " brought back";
  AddResult(table, "orphans", report.files, flags_.dry_run ? "" : "0", remarks);
  return {};
}

Status Maintenance::Undo(const iceberg::TableIdentifier& table) {
  OCTO_ASSIGN(const maintain::RestoreReport report, maintain::RestoreOrphans(warehouse_, table));
  Warn(report.warnings);
  if (report.files > 0) AddResult(table, "quarantine", report.files, "0", "brought back");
  return {};
}

void Maintenance::Maintain(const iceberg::TableIdentifier& table) {
  // What keeps back every step is said once.
  if (const auto loaded = lake::LoadForWriting(warehouse_, table); !loaded) {
    return Check(tl::unexpected<Error>(loaded.error()), table);
  }
  if (flags_.undo) return Check(Undo(table), table);
  if (all_steps_ || !flags_.compact.empty()) Check(Compact(table), table);
  if (all_steps_ || flags_.rewrite_manifests) Check(RewriteManifests(table), table);
  if (all_steps_ || flags_.expire) Check(Expire(table), table);
  if (all_steps_ || flags_.orphans) Check(RemoveOrphans(table), table);
}

void Maintenance::EmptyDroppedQuarantine() {
  if (flags_.undo || !(all_steps_ || flags_.orphans)) return;
  const auto options = OrphanOptionsOf(context_.config);
  if (!options) return;  // said of every table
  const auto report =
      maintain::EmptyQuarantineOfDroppedTables(warehouse_, options->quarantine_ms, flags_.dry_run);
  if (!report) {
    failed_ = true;
    context_.Fail(report.error());
    return;
  }
  Warn(report->warnings);
  if (report->removals == 0) return;
  results_.Add({"(dropped tables)", "quarantine", std::to_string(report->removals),
                flags_.dry_run ? "" : "0", flags_.dry_run ? "" : "removed for good"});
}

Result<std::vector<iceberg::TableIdentifier>> TablesOf(lake::Warehouse& warehouse,
                                                       const std::vector<std::string>& names) {
  std::vector<iceberg::TableIdentifier> tables;
  for (const std::string& name : names) {
    OCTO_ASSIGN(auto table, ParseTableName(name));
    tables.push_back(std::move(table));
  }
  if (names.empty()) return iceberg::ListAllTables(warehouse.catalog());
  return tables;
}

// Before anything is done: what is written wrongly for one table is not to be done for another.
Result<FiltersByTable> FiltersOf(lake::Warehouse& warehouse, const std::string& where,
                                 const std::vector<iceberg::TableIdentifier>& tables) {
  FiltersByTable filters;
  if (where.empty()) return filters;
  for (const iceberg::TableIdentifier& name : tables) {
    OCTO_ASSIGN(const iceberg::Table table, warehouse.catalog().LoadTable(name));
    auto filter = iceberg::ParseFilter(where, table.metadata->CurrentSchema());
    if (!filter) return WithContext(std::move(filter).error(), "--where for " + name.ToString());
    filters.emplace(name, *std::move(filter));
  }
  return filters;
}

Status CheckFlags(const MaintainFlags& flags) {
  const bool known =
      flags.compact.empty() || flags.compact == kByPolicy || StrategyNamed(flags.compact);
  if (!known) {
    return MakeError(ErrorKind::kInvalidArgument, "there is no compaction by '" + flags.compact +
                                                      "': expected binpack, sort or zorder");
  }
  if (flags.undo && (flags.names_a_step() || flags.dry_run)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "--undo goes with no other step and not with --dry-run");
  }
  if (!flags.where.empty() && (flags.compact.empty() || flags.tables.empty())) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "--where goes with --compact, and with tables that have its columns");
  }
  return {};
}

int Maintain(const Context& context, const MaintainFlags& flags) {
  // A compaction holds its rows once, and then the process ends.
  datafile::TakeMemoryByThePage();
  if (const Status flags_fit = CheckFlags(flags); !flags_fit) {
    return context.FailUsage(flags_fit.error());
  }
  const auto prefixes = OrphanOptionsOf(context.config);
  if (!prefixes) return context.FailUsage(prefixes.error());
  auto warehouse = context.OpenWarehouse(false);
  if (!warehouse) return context.Fail(warehouse.error());
  context.RemoveLeftovers(**warehouse);
  const auto tables = TablesOf(**warehouse, flags.tables);
  if (!tables) return context.FailByKind(tables.error());
  auto filters = FiltersOf(**warehouse, flags.where, *tables);
  if (!filters) return context.FailByKind(filters.error());
  Maintenance maintenance(context, flags, **warehouse, *std::move(filters));
  for (const iceberg::TableIdentifier& table : *tables) maintenance.Maintain(table);
  if (flags.tables.empty()) maintenance.EmptyDroppedQuarantine();
  const TextTable& results = maintenance.results();
  std::fputs((context.flags.json ? results.ToJson() : results.ToText()).c_str(), stdout);
  return maintenance.failed() ? kFailed : kDone;
}

}  // namespace

void AddMaintainCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<MaintainFlags>();
  CLI::App* command = app.add_subcommand(
      "maintain", "Keep tables fast and tidy; without a step named: all of them, as suits a table");
  command->add_option("tables", flags->tables, "NAMESPACE.TABLE ...; none: all tables");
  command
      ->add_flag(std::string("--compact{") + kByPolicy + "}", flags->compact,
                 "Bring small data files together: --compact=binpack keeps the order of rows, "
                 "=sort and =zorder order them by --columns")
      ->type_name("[=STRATEGY]");
  command->add_option("--columns", flags->columns, "Columns of =sort and =zorder")
      ->delimiter(',')
      ->type_name("COLUMN,...");
  command
      ->add_option("--target-file-size", flags->target_file_size,
                   "Size of data files (default: maintain.target_file_size)")
      ->type_name("SIZE");
  command
      ->add_option("--min-input-files", flags->min_input_files,
                   "Leave partitions with fewer small files alone")
      ->check(CLI::PositiveNumber);
  command->add_option("--days-back", flags->days_back, "Leave partitions of older days alone")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--where", flags->where,
                   "Rewrite only files that can hold such rows: column, =, <, <=, >, >=, IN, "
                   "BETWEEN or IS [NOT] NULL, and values; joined by AND")
      ->type_name("CONDITIONS");
  command->add_flag("--all-files", flags->all_files, "Rewrite files of every size");
  command->add_flag("--rewrite-manifests", flags->rewrite_manifests,
                    "Make manifests few, and order them by partition");
  command->add_flag("--expire", flags->expire,
                    "Remove snapshots older than maintain.expire_older_than");
  command->add_flag("--orphans", flags->orphans,
                    "Move files that no table names to .quarantine, and remove what has been there "
                    "for maintain.quarantine");
  command->add_flag("--undo", flags->undo, "Bring back what is in quarantine");
  command->add_flag("--dry-run", flags->dry_run, "Say what would be done");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Maintain(context, *flags); };
  });
}

}  // namespace octolake::cli
