#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/civil_time.h"
#include "base/json_text.h"
#include "cli/all_jobs.h"
#include "cli/command.h"
#include "cli/failure_reports.h"
#include "cli/jobs_json.h"
#include "cli/standing_jobs.h"
#include "cli/text_table.h"
#include "schedule/run_once.h"
#include "schedule/scheduler.h"

namespace octolake::cli {
namespace {

struct JobsFlags {
  std::string job;
  int limit = 20;
};

std::string TimeOf(const std::optional<TimestampMicros>& time) {
  return time ? FormatTimestamp(*time) : "";
}

// What all of the subcommands need.
struct Setup {
  std::optional<model::Bundle> bundle;
  std::unique_ptr<lake::Warehouse> warehouse;
  std::unique_ptr<schedule::RunHistory> history;
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<maintain::SmallFileWatch> small_files;
  std::vector<schedule::Job> jobs;
};

Result<Setup> SetUp(const Context& context) {
  Setup setup;
  OCTO_ASSIGN(setup.bundle, LoadBundle());
  OCTO_ASSIGN(setup.warehouse, context.OpenWarehouseWithState(false));
  OCTO_ASSIGN(setup.history, OpenRunHistory(*setup.warehouse));
  // Of processes that were killed.
  OCTO_TRY(setup.history->MarkDead());
  return setup;
}

Status AddJobs(const Context& context, Setup& setup) {
  setup.pipeline = std::make_unique<Pipeline>(context.config, *setup.warehouse, *setup.bundle);
  setup.small_files = std::make_unique<maintain::SmallFileWatch>();
  OCTO_ASSIGN(setup.jobs,
              MakeAllJobs(context, *setup.warehouse, *setup.pipeline, *setup.small_files));
  return {};
}

int List(const Context& context) {
  auto setup = SetUp(context);
  if (!setup) return context.FailByKind(setup.error());
  const Status added = AddJobs(context, *setup);
  if (!added) return context.FailByKind(added.error());
  auto scheduler = schedule::Scheduler::Make(std::move(setup->jobs), *setup->history, {},
                                             SystemClock(), SystemRandom(), context.logger);
  if (!scheduler) return context.FailByKind(scheduler.error());
  const auto jobs = (*scheduler)->Jobs();
  if (!jobs) return context.FailByKind(jobs.error());
  if (context.flags.json) {
    std::printf("%s\n", JsonText(JobsJson(*jobs), 2).c_str());
    return kDone;
  }
  TextTable out({{"job"}, {"schedule"}, {"zone"}, {"next"}, {"last"}, {"state"}, {"message"}});
  for (const schedule::JobStatus& job : *jobs) {
    const auto& last = job.last_run;
    out.Add({job.name, job.enabled ? job.schedule : "off", job.zone, TimeOf(job.next_due),
             last ? FormatTimestamp(last->started_at) : "never",
             last ? std::string(schedule::RunStateName(last->state)) : "",
             last ? last->message : ""});
  }
  std::fputs(out.ToText().c_str(), stdout);
  return kDone;
}

int Runs(const Context& context, const JobsFlags& flags) {
  auto setup = SetUp(context);
  if (!setup) return context.FailByKind(setup.error());
  schedule::RunFilter filter;
  if (!flags.job.empty()) filter.job = flags.job;
  filter.limit = flags.limit;
  const auto runs = setup->history->Runs(filter);
  if (!runs) return context.FailByKind(runs.error());
  if (context.flags.json) {
    auto json = nlohmann::ordered_json::array();
    for (const schedule::RunRecord& run : *runs) {
      // With its log, which lists leave out.
      const auto whole = setup->history->Find(run.id);
      if (!whole && whole.error().kind != ErrorKind::kNotFound)
        return context.FailByKind(whole.error());
      json.push_back(RunJson(whole ? *whole : run));  // it may just have become too old
    }
    std::printf("%s\n", JsonText(json, 2).c_str());
    return kDone;
  }
  TextTable out({{"run", true},
                 {"job"},
                 {"reason"},
                 {"started"},
                 {"ended"},
                 {"state"},
                 {"attempt", true},
                 {"figures"},
                 {"message"}});
  for (const schedule::RunRecord& run : *runs) {
    out.Add({std::to_string(run.id), run.job,
             std::string(schedule::RunReasonName(run.start.reason)),
             FormatTimestamp(run.started_at), TimeOf(run.ended_at),
             std::string(schedule::RunStateName(run.state)), std::to_string(run.start.attempt),
             run.figures, run.message});
  }
  std::fputs(out.ToText().c_str(), stdout);
  return kDone;
}

void ReportFailure(const schedule::RunRecord& run, FailureReports* reports) {
  using enum schedule::RunState;
  if (reports == nullptr || (run.state != kFailed && run.state != kTimedOut)) return;
  reports->Report(run);
  reports->WaitUntilSent();
}

int RunJob(const Context& context, const JobsFlags& flags) {
  auto setup = SetUp(context);
  if (!setup) return context.FailByKind(setup.error());
  const Status added = AddJobs(context, *setup);
  if (!added) return context.FailByKind(added.error());
  std::string names;
  for (schedule::Job& job : setup->jobs) {
    names += (names.empty() ? "" : ", ") + job.name;
    if (job.name != flags.job) continue;
    const auto reports = FailureReports::Start(context.config, setup->warehouse->directory(),
                                               SystemRandom(), context.logger);
    if (!reports) return context.FailByKind(reports.error());
    context.RemoveLeftovers(*setup->warehouse);
    // Ctrl-C ends it as any crash would: the history says so from the next start on.
    const auto run = schedule::RunOnce(std::move(job), *setup->history, SystemClock(),
                                       SystemRandom(), context.logger, {});
    if (!run) return context.FailByKind(run.error());
    if (context.flags.json) {
      std::printf("%s\n", JsonText(RunJson(*run), 2).c_str());
    } else {
      std::printf("%s: %s %s%s\n", run->job.c_str(),
                  std::string(schedule::RunStateName(run->state)).c_str(), run->figures.c_str(),
                  run->message.empty() ? "" : (" " + run->message).c_str());
    }
    std::fflush(stdout);
    ReportFailure(*run, reports->get());
    return run->state == schedule::RunState::kSucceeded ? kDone : kFailed;
  }
  return context.FailUsage({ErrorKind::kInvalidArgument,
                            "there is no job '" + flags.job + "': expected one of " + names});
}

}  // namespace

void AddJobsCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<JobsFlags>();
  CLI::App* command = app.add_subcommand("jobs", "What runs by itself in up, and how it went");
  command->require_subcommand(1);
  CLI::App* list = command->add_subcommand("list", "The jobs, when they are due, their last runs");
  list->callback([&chosen] { chosen = List; });
  CLI::App* runs = command->add_subcommand("runs", "Past runs, the newest first");
  runs->add_option("job", flags->job, "Of this job only");
  runs->add_option("--limit", flags->limit, "So many at most (20)")->check(CLI::Range(1, 1000));
  runs->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Runs(context, *flags); };
  });
  CLI::App* run = command->add_subcommand("run", "Run a job now, here");
  run->add_option("job", flags->job, "Its name")->required();
  run->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return RunJob(context, *flags); };
  });
}

}  // namespace octolake::cli
