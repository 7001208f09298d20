#include "cli/standing_jobs.h"

#include <spdlog/spdlog.h>

#include <functional>
#include <utility>

#include "base/civil_time.h"
#include "base/progress.h"
#include "base/thread.h"
#include "base/units.h"
#include "cli/config_keys.h"
#include "cli/scheduled_job.h"
#include "datafile/idle_memory.h"
#include "maintain/compaction.h"
#include "maintain/dropped_quarantine.h"
#include "maintain/expiry.h"
#include "maintain/manifests.h"
#include "maintain/orphans.h"
#include "maintain/table_policy.h"

namespace octolake::cli {
namespace {

using schedule::Job;
using schedule::JobContext;
using Figures = nlohmann::ordered_json;

constexpr int kRetries = 3;

// What is done with one table, adding to the figures.
using TableStep =
    std::function<Status(const iceberg::TableIdentifier&, const JobContext&, Figures&)>;

void Add(Figures& figures, const char* name, int64_t count) {
  figures[name] = figures.value(name, int64_t{0}) + count;
}

void Warn(const JobContext& context, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) context.logger->warn("{}", warning);
}

// Every table, whatever becomes of the others; the first error in the end. A table that is dropped
// meanwhile is none.
Result<std::string> ForAllTables(lake::Warehouse& warehouse, const JobContext& context,
                                 const TableStep& step) {
  YieldToOthers();
  OCTO_ASSIGN(const auto tables, iceberg::ListAllTables(warehouse.catalog()));
  Figures figures = Figures::object();
  Status status;
  for (const iceberg::TableIdentifier& table : tables) {
    if (context.stop.stop_requested()) break;
    const Status done = step(table, context, figures);
    if (done || done.error().kind == ErrorKind::kNotFound) continue;
    context.logger->error("{}: {}", table.ToString(), done.error().message);
    if (status) status = WithContext(done.error(), table.ToString());
  }
  OCTO_TRY(status);
  return figures.dump();
}

class Maintenance {
 public:
  Maintenance(const Config& config, lake::Warehouse& warehouse,
              maintain::SmallFileWatch& small_files)
      : config_(config), warehouse_(warehouse), small_files_(small_files) {}

  Result<std::string> Compact(const JobContext& context) const;
  Result<std::string> Tidy(const JobContext& context) const;
  Result<std::string> Expire(const JobContext& context) const;
  Result<std::string> RemoveOrphans(const JobContext& context) const;

 private:
  Status CompactTable(const iceberg::TableIdentifier& table,
                      const maintain::CompactionOptions& options, const JobContext& context,
                      Figures& figures) const;

  Status TidyTable(const iceberg::TableIdentifier& table, const JobContext& context,
                   Figures& figures) const;

  const Config& config_;
  lake::Warehouse& warehouse_;
  maintain::SmallFileWatch& small_files_;
};

Status Maintenance::CompactTable(const iceberg::TableIdentifier& table,
                                 const maintain::CompactionOptions& options,
                                 const JobContext& context, Figures& figures) const {
  IgnoreProgress progress;
  OCTO_ASSIGN(const maintain::CompactionReport report,
              maintain::Compact(warehouse_, table, options, context.stop, progress));
  Warn(context, report.warnings);
  Add(figures, "files_before", report.files_before);
  Add(figures, "files_after", report.files_after);
  Add(figures, "bytes_before", report.bytes_before);
  Add(figures, "bytes_after", report.bytes_after);
  Add(figures, "conflicts", report.conflicts);
  if (report.files_before > 0) {
    context.logger->info("{}: {} data files ({}) became {} ({})", table.ToString(),
                         report.files_before, HumanSize(report.bytes_before), report.files_after,
                         HumanSize(report.bytes_after));
  }
  if (report.failures.empty()) return {};
  return tl::unexpected<Error>(report.failures.front());
}

Result<std::string> Maintenance::Compact(const JobContext& context) const {
  return ForAllTables(warehouse_, context, [&](const auto& table, const auto& run, auto& figures) {
    maintain::CompactionOptions options = CompactionOptionsOf(config_);
    const maintain::TablePolicy policy = maintain::PolicyFor(warehouse_.namespaces(), table);
    options.strategy = policy.strategy;
    options.columns = policy.columns;
    options.scope.min_input_files = policy.min_input_files;
    options.scope.days_back = config_.GetInt("maintain.days_back");
    Status done = CompactTable(table, options, run, figures);
    if (!done) return done;
    const auto manifests = maintain::RewriteTableManifests(warehouse_, table, false);
    if (!manifests) return Status(tl::unexpected<Error>(manifests.error()));
    if (manifests->needed) Add(figures, "manifests_rewritten", manifests->before);
    return done;
  });
}

Status Maintenance::TidyTable(const iceberg::TableIdentifier& table, const JobContext& context,
                              Figures& figures) const {
  const maintain::SmallFilePolicy policy = SmallFilePolicyOf(config_);
  OCTO_ASSIGN(maintain::SmallFileCost cost, small_files_.Look(warehouse_, table, policy));
  if (cost.pays) {
    maintain::CompactionOptions options = CompactionOptionsOf(config_);
    options.scope = maintain::ScopeOf(policy);
    OCTO_TRY(CompactTable(table, options, context, figures));
    OCTO_ASSIGN(cost, small_files_.Look(warehouse_, table, policy));
  }
  Add(figures, "small_files", cost.files);
  Add(figures, "scan_cost", cost.scan_cost);
  return {};
}

Result<std::string> Maintenance::Tidy(const JobContext& context) const {
  OCTO_ASSIGN(const auto tables, iceberg::ListAllTables(warehouse_.catalog()));
  small_files_.Keep(tables);
  return ForAllTables(warehouse_, context, [&](const auto& table, const auto& run, auto& figures) {
    return TidyTable(table, run, figures);
  });
}

Result<std::string> Maintenance::Expire(const JobContext& context) const {
  return ForAllTables(warehouse_, context, [&](const auto& table, const auto& run, auto& figures) {
    const auto report =
        maintain::ExpireTable(warehouse_, table, ExpiryOptionsOf(config_), run.stop);
    if (!report) return Status(tl::unexpected<Error>(report.error()));
    Warn(run, report->warnings);
    Add(figures, "snapshots", report->snapshots);
    return Status();
  });
}

Result<std::string> Maintenance::RemoveOrphans(const JobContext& context) const {
  OCTO_ASSIGN(const maintain::OrphanOptions options, OrphanOptionsOf(config_));
  Result<std::string> figures =
      ForAllTables(warehouse_, context, [&](const auto& table, const auto& run, auto& counts) {
        const auto report = maintain::RemoveOrphans(warehouse_, table, options, run.stop);
        if (!report) return Status(tl::unexpected<Error>(report.error()));
        Warn(run, report->warnings);
        for (const std::string& location : report->locations) {
          run.logger->info("to quarantine: {}", location);
        }
        Add(counts, "to_quarantine", report->files);
        Add(counts, "bytes", report->bytes);
        Add(counts, "brought_back", report->brought_back);
        Add(counts, "removed", report->removed);
        return Status();
      });
  OCTO_TRY(figures);
  OCTO_ASSIGN(const auto dropped,
              maintain::EmptyQuarantineOfDroppedTables(warehouse_, options.quarantine_ms, false));
  Warn(context, dropped.warnings);
  if (dropped.removals > 0) {
    context.logger->info("{} removals of dropped tables were removed from quarantine for good",
                         dropped.removals);
  }
  return figures;
}

}  // namespace

Result<std::vector<Job>> MakeStandingJobs(const Config& config, lake::Warehouse& warehouse,
                                          Pipeline& pipeline,
                                          maintain::SmallFileWatch& small_files) {
  OCTO_ASSIGN(const schedule::TimeZone zone, TimeZoneOf(config, "jobs.time_zone"));
  std::vector<Job> jobs;
  const std::string interval = FormatDuration(config.GetMicros("pipeline.interval"));
  OCTO_ASSIGN(Job run, ScheduledJob(kPipelineJob, "pipeline.interval", "every " + interval, zone));
  run.work = [&pipeline](const JobContext& context) {
    YieldToOthers();
    return pipeline.Run(context.logger);
  };
  run.retry = {.retries = kRetries, .first_wait_micros = 2 * kMicrosPerSecond};
  run.catch_up = schedule::CatchUp::kAlways;
  jobs.push_back(std::move(run));

  const auto maintenance = std::make_shared<const Maintenance>(config, warehouse, small_files);
  using Step = Result<std::string> (Maintenance::*)(const JobContext&) const;
  const auto add = [&](const char* name, Step step, int64_t limit_micros,
                       schedule::CatchUp catch_up) -> Status {
    const std::string key = std::string("jobs.") + name;
    OCTO_ASSIGN(Job job, ScheduledJob(name, key, config.GetString(key), zone));
    job.retry.retries = kRetries;
    job.work = [maintenance, step](const JobContext& context) {
      auto figures = (*maintenance.*step)(context);
      datafile::GiveBackIdleMemory();
      return figures;
    };
    job.time_limit_micros = limit_micros;
    job.catch_up = catch_up;
    jobs.push_back(std::move(job));
    return {};
  };
  OCTO_TRY(add("tidy", &Maintenance::Tidy, kMicrosPerHour, schedule::CatchUp::kNone));
  OCTO_TRY(add("compact", &Maintenance::Compact, 6 * kMicrosPerHour, schedule::CatchUp::kOne));
  OCTO_TRY(add("expire", &Maintenance::Expire, 6 * kMicrosPerHour, schedule::CatchUp::kOne));
  OCTO_TRY(
      add("orphans", &Maintenance::RemoveOrphans, 6 * kMicrosPerHour, schedule::CatchUp::kOne));
  return jobs;
}

Result<std::unique_ptr<schedule::RunHistory>> OpenRunHistory(const lake::Warehouse& warehouse) {
  schedule::RunHistoryOptions options;
  options.path = warehouse.state_directory() + "/jobs.db";
  return schedule::RunHistory::Open(std::move(options));
}

}  // namespace octolake::cli
