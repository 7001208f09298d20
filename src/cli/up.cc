#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/thread.h"
#include "base/units.h"
#include "cli/all_jobs.h"
#include "cli/command.h"
#include "cli/custom_jobs.h"
#include "cli/demo_traffic.h"
#include "cli/failure_reports.h"
#include "cli/hook_recovery.h"
#include "cli/journal_sink.h"
#include "cli/kafka_sink.h"
#include "cli/pipeline.h"
#include "cli/recovery_loop.h"
#include "cli/standing_jobs.h"
#include "cli/stop_signals.h"
#include "cli/up_options.h"
#include "cli/up_status.h"
#include "datafile/idle_memory.h"
#include "gateway/gateway.h"
#include "journal/delivery_memory.h"
#include "journal/journal.h"
#include "lake/commit_loop.h"
#include "schedule/scheduler.h"

namespace octolake::cli {
namespace {

constexpr std::chrono::milliseconds kStopMillis{9'500};
constexpr char kDemoPipelineSchedule[] = "every 3s";
constexpr int64_t kDemoCommitMicros = 1'000'000;
// What is not in Bronze by then comes there after the next start.
constexpr int64_t kStopDrainMicros = 2'000'000;
// What is left of the ten seconds after requests had theirs.
constexpr std::chrono::milliseconds kJobsGrace{3'000};
// Descriptors kept for tables, the journal and the catalog.
constexpr int kOtherDescriptors = 256;

struct UpFlags {
  std::string listen;
  std::string sink;
  bool demo = false;
  bool allow_anonymous = false;
};

// As many connections as there can be descriptors for.
int LimitConnections(int wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return wanted;
  const auto most = static_cast<int64_t>(limit.rlim_cur) - kOtherDescriptors;
  return static_cast<int>(std::min<int64_t>(wanted, std::max<int64_t>(most, 16)));
}

std::string UrlOf(const gateway::GatewayOptions& options, int port) {
  const bool v6 = options.server.host.find(':') != std::string::npos;
  return (options.server.tls_certificate_file.empty() ? "http://" : "https://") +
         (v6 ? "[" + options.server.host + "]" : options.server.host) + ":" + std::to_string(port);
}

void SayBanner(const Context& context, const std::string& url, const lake::Warehouse& warehouse,
               bool demo, bool to_kafka) {
  context.Say("octolake is up" + std::string(demo ? ", with synthetic events" : "") + ":");
  context.Say("  status      " + url + "/");
  context.Say("  events      POST " + url + "/collect, /collect/batch");
  context.Say("  webhooks    POST " + url + "/webhooks/github");
  context.Say("  metrics     " + url + "/metrics    API: " + url + "/docs");
  if (to_kafka) {
    context.Say("  Kafka       " + context.config.GetString("kafka.bootstrap_servers") +
                ", topic " + context.config.GetString("kafka.topic"));
  }
  context.Say((to_kafka ? "  journal     " : "  warehouse   ") + warehouse.directory());
  context.Say("Ctrl-C ends it; what was accepted is kept.");
}

// Ends the process when stopping takes too long, such as on a disk that hangs. Nothing acknowledged
// is lost by that.
class Watchdog {
 public:
  Watchdog(std::chrono::milliseconds time, const Logger& logger) {
    auto thread = StartThread("to watch over the stop", [this, time, logger] {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, time, [this] { return done_; })) return;
      logger->error("stopping takes longer than {} ms; ending now", time.count());
      _exit(kFailed);
    });
    if (thread) {
      thread_ = *std::move(thread);
    } else {
      logger->warn("{}", thread.error().message);
    }
  }
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::jthread thread_;
};

class Up {
 public:
  Up(const Context& context, const UpFlags& flags) : context_(context), flags_(flags) {}
  int Run();

 private:
  Status Start();
  Status OpenJournal();
  Status ChooseSink();
  Status StartCommits();
  Status MakeRecovery();
  Status MakeScheduler();
  int Stop();

  const Context& context_;
  const UpFlags& flags_;
  const StopSignals signals_;
  gateway::GatewayOptions options_;
  std::optional<model::Bundle> bundle_;
  std::unique_ptr<lake::Warehouse> warehouse_;
  std::unique_ptr<journal::SegmentStore> store_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<journal::DeliveryMemory> deliveries_;
  std::optional<KafkaSink> kafka_;  // nullopt: events go to Bronze
  std::unique_ptr<lake::CommitLoop> commits_;
  std::unique_ptr<Pipeline> pipeline_;
  maintain::SmallFileWatch small_files_;
  std::unique_ptr<schedule::RunHistory> history_;
  std::unique_ptr<FailureReports> reports_;  // nullptr: no webhook is configured
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::unique_ptr<RecoveryLoop> recovery_;  // nullptr: no hooks are configured
  std::unique_ptr<UpStatus> status_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<DemoTraffic> demo_;
};

Status Up::OpenJournal() {
  OCTO_ASSIGN(const auto options, JournalOptionsOf(context_.config));
  OCTO_ASSIGN(store_, journal::OpenSegmentStore(warehouse_->state_directory() + "/journal"));
  OCTO_TRY(ClaimJournal(store_->directory(), kafka_ ? Sink::kKafka : Sink::kBronze));
  OCTO_ASSIGN(journal_, journal::Journal::Open(*store_, options, SystemClock(), SystemRandom()));
  const journal::JournalStats stats = journal_->Stats();
  context_.logger->info("journal {}: {} records durable, {} segments, {} torn bytes left out",
                        journal_->uuid().ToString(), journal_->durable_sequence(), stats.segments,
                        stats.torn_bytes);
  return {};
}

Status Up::MakeRecovery() {
  if (!context_.config.Has("github.hooks")) return {};
  OCTO_ASSIGN(auto recoveries,
              HookRecoveries::Make(context_.config, *journal_, *deliveries_, context_.logger));
  const std::chrono::microseconds interval(context_.config.GetMicros("recover.interval"));
  recovery_ = std::make_unique<RecoveryLoop>(std::move(recoveries), interval, context_.logger);
  return {};
}

Status Up::MakeScheduler() {
  pipeline_ = std::make_unique<Pipeline>(context_.config, *warehouse_, *bundle_);
  OCTO_ASSIGN(auto jobs, MakeAllJobs(context_, *warehouse_, *pipeline_, small_files_,
                                     kafka_ ? JobsOf::kOperatorOnly : JobsOf::kTablesToo));
  for (schedule::Job& job : jobs) {
    if (!flags_.demo || job.name != kPipelineJob) continue;
    OCTO_ASSIGN(job.schedule, schedule::Schedule::Parse(kDemoPipelineSchedule));
  }
  OCTO_ASSIGN(history_, OpenRunHistory(*warehouse_));
  schedule::SchedulerOptions options;
  // A command that takes hours keeps no other job back.
  const auto custom = static_cast<int>(context_.config.Members(kCustomJobs).size());
  options.workers = std::min(options.workers + custom, schedule::kMaxWorkers);
  OCTO_ASSIGN(reports_, FailureReports::Start(context_.config, warehouse_->directory(),
                                              SystemRandom(), context_.logger));
  options.on_failure = [this](const schedule::RunRecord& run) {
    context_.logger->error("job {} failed for good at this due time: {}", run.job, run.message);
    if (reports_) reports_->Report(run);
  };
  OCTO_ASSIGN(scheduler_,
              schedule::Scheduler::Make(std::move(jobs), *history_, std::move(options),
                                        SystemClock(), SystemRandom(), context_.logger));
  return {};
}

Status Up::ChooseSink() {
  const std::string& sink =
      flags_.sink.empty() ? context_.config.GetString("gateway.sink") : flags_.sink;
  if (sink == "kafka") {
    kafka_.emplace();
    return {};
  }
  if (sink == "bronze") return {};
  return MakeError(ErrorKind::kInvalidArgument,
                   "gateway.sink (--sink) " + sink + ": expected bronze or kafka");
}

Status Up::StartCommits() {
  lake::CommitLoopOptions commit = CommitLoopOptionsOf(context_.config);
  commit.drain_micros = kStopDrainMicros;
  // The journal keeps segments until their delivery ids are carried on.
  commit.on_position = [this](uint64_t sequence) {
    const Status passed = deliveries_->Passed(sequence);
    if (!passed) context_.logger->warn("journal: {}", passed.error().message);
  };
  if (flags_.demo) commit.interval_micros = std::min(commit.interval_micros, kDemoCommitMicros);
  if (kafka_) {
    OCTO_ASSIGN(commits_, kafka_->Start(context_.config, *journal_, store_->directory(),
                                        std::move(commit), context_.logger));
    return {};
  }
  OCTO_ASSIGN(commits_,
              lake::CommitLoop::Start(*warehouse_, *journal_, std::move(commit), context_.logger));
  return {};
}

Status Up::Start() {
  const Config& config = context_.config;
  OCTO_TRY(ChooseSink());
  OCTO_ASSIGN(options_, GatewayOptionsOf(config, flags_.listen));
  options_.allow_anonymous = options_.allow_anonymous || flags_.allow_anonymous;
  if (flags_.demo && !options_.server.tls_certificate_file.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "--demo sends its events without TLS: leave gateway.tls_certificate out");
  }
  if (flags_.demo && options_.server.host.find(':') != std::string::npos) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "--demo sends its events over IPv4: listen on 127.0.0.1");
  }
  options_.server.max_connections = LimitConnections(options_.server.max_connections);
  OCTO_ASSIGN(bundle_, LoadBundle());
  OCTO_ASSIGN(warehouse_, context_.OpenWarehouseWithState(true));
  context_.RemoveLeftovers(*warehouse_);
  OCTO_TRY(OpenJournal());
  // Before the loop below lets go of what it has read.
  OCTO_ASSIGN(deliveries_, journal::DeliveryMemory::Open(*journal_, SystemClock(), {}));
  OCTO_TRY(MakeRecovery());
  OCTO_TRY(StartCommits());
  OCTO_TRY(MakeScheduler());
  status_ =
      std::make_unique<UpStatus>(*pipeline_, *scheduler_, *commits_, *deliveries_, small_files_,
                                 recovery_.get(), reports_.get(), kafka_ ? &*kafka_ : nullptr);
  OCTO_ASSIGN(gateway_, gateway::Gateway::Start(options_, *journal_, *deliveries_, *status_,
                                                SystemClock(), SystemRandom(), context_.logger));
  // Only now: a start that fails, such as for a port that is taken, need not wait for a run to end.
  OCTO_TRY(scheduler_->Start());
  if (recovery_) OCTO_TRY(recovery_->Start());
  SayBanner(context_, UrlOf(options_, gateway_->port()), *warehouse_, flags_.demo,
            kafka_.has_value());
  if (flags_.demo) {
    demo_ = std::make_unique<DemoTraffic>(
        DemoOptions{options_.server.host, gateway_->port(),
                    options_.tokens.empty() ? "" : options_.tokens.front()},
        context_.logger);
    OCTO_TRY(demo_->Start());
  }
  return {};
}

// Ends what takes events first, so that everything accepted is durable, then what works on them.
int Up::Stop() {
  const Watchdog watchdog(kStopMillis, context_.logger);
  demo_.reset();
  gateway_->Stop();
  recovery_.reset();
  journal_->Stop();
  commits_->Stop();
  const bool jobs_ended = scheduler_->Stop(kJobsGrace);
  if (reports_) reports_->Stop();
  if (!jobs_ended) {
    context_.logger->info("a job is cut off; its next run does its work");
    std::fflush(nullptr);
    // Safe as any crash is: what it wrote is not named by a commit, and is removed at the next
    // start.
    _exit(kDone);
  }
  context_.logger->info("stopped; {} records are durable", journal_->durable_sequence());
  return kDone;
}

int Up::Run() {
  datafile::LimitIdleMemory();
  const Status started = Start();
  if (!started) return context_.FailByKind(started.error());
  const int signal = signals_.Wait();
  context_.logger->info("stopping on {}", signal == SIGINT ? "SIGINT" : "SIGTERM");
  return Stop();
}

}  // namespace

void AddUpCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<UpFlags>();
  CLI::App* command =
      app.add_subcommand("up", "Take events over HTTP, and keep Bronze, Silver and Gold current");
  command->add_option("--listen", flags->listen, "Address and port (127.0.0.1:8080)")
      ->type_name("HOST:PORT");
  command->add_option("--sink", flags->sink, "Where events go: bronze (the default) or kafka")
      ->type_name("SINK");
  command->add_flag("--demo", flags->demo, "With synthetic events, and a pipeline run every 3 s");
  command->add_flag("--allow-anonymous", flags->allow_anonymous,
                    "Listen on any address without asking for a token");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Up(context, *flags).Run(); };
  });
}

}  // namespace octolake::cli
