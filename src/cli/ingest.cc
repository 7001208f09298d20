#include "kafka/ingest.h"

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/thread.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/kafka_options.h"
#include "cli/stop_signals.h"

namespace octolake::cli {
namespace {

constexpr std::chrono::milliseconds kLookForEnd{100};
// After a signal the last commit has so long, where it usually takes a second.
constexpr std::chrono::seconds kLastCommit{20};

struct IngestFlags {
  std::string from;
  bool once = false;
  bool accept_loss = false;
  bool after_stream = false;
};

Result<kafka::IngestOptions> OptionsOf(const Config& config, const IngestFlags& flags,
                                       const std::atomic<bool>* stop) {
  kafka::IngestOptions options;
  OCTO_ASSIGN(options.client, KafkaClientOptionsOf(config, stop));
  options.topic = config.GetString("kafka.topic");
  options.group = config.GetString("kafka.group");
  options.once = flags.once;
  options.on_loss = flags.accept_loss ? kafka::OnLoss::kGoOn : kafka::OnLoss::kStop;
  options.after_stream = flags.after_stream;
  options.interval_micros = config.GetMicros("bronze.commit_interval");
  options.max_bytes = config.GetBytes("bronze.commit_size");
  options.writer = WriterOptionsOf(config);
  options.retention = RetentionPolicyOf(config);
  return options;
}

void SayReport(const Context& context, const kafka::IngestReport& report) {
  if (context.flags.json) {
    const nlohmann::ordered_json json = {{"messages", report.messages},
                                         {"events", report.events},
                                         {"rejected", report.rejected},
                                         {"commits", report.commits}};
    std::printf("%s\n", json.dump(2).c_str());
    return;
  }
  context.Say(Grouped(report.events) + " events from " + Grouped(report.messages) + " messages, " +
              Grouped(report.rejected) + " rejected, in " + Grouped(report.commits) + " commits");
}

// A commit that waits for a catalog or a store cannot be called back, and need not be: until it has
// come to the catalog it is nothing, and afterwards it is whole.
[[noreturn]] void EndAtOnce(const Context& context) {
  context.Say(
      "the last commit was not waited for; if it did not come to Bronze, the next start reads the "
      "same again");
  std::fflush(nullptr);
  std::_Exit(kFailed);
}

// Until a signal comes, or it ends by itself.
Status RunUntilStopped(const Context& context, kafka::Ingest& ingest, const StopSignals& signals,
                       std::atomic<bool>& stop) {
  Status status;
  std::atomic<bool> ended{false};
  {
    OCTO_ASSIGN(const auto thread, StartThread("to read from Kafka", [&] {
                  status = ingest.Run(stop);
                  ended = true;
                }));
    while (!ended && !signals.WaitFor(kLookForEnd)) {
    }
    stop = true;
    const auto deadline = std::chrono::steady_clock::now() + kLastCommit;
    while (!ended) {
      const bool again = signals.WaitFor(kLookForEnd);
      if (again || std::chrono::steady_clock::now() >= deadline) EndAtOnce(context);
    }
  }
  return status;
}

Result<int> TryIngest(const Context& context, const IngestFlags& flags) {
  std::optional<StopSignals> signals;
  if (!flags.once) signals.emplace();
  std::atomic<bool> stop{false};
  OCTO_ASSIGN(const auto options, OptionsOf(context.config, flags, &stop));
  OCTO_ASSIGN(const auto warehouse, context.OpenWarehouse(true));
  context.RemoveLeftovers(*warehouse);
  OCTO_ASSIGN(const auto ingest, kafka::Ingest::Open(*warehouse, options, context.logger));
  if (!flags.once) {
    context.Say("octolake reads " + options.topic + " of Kafka at " +
                options.client.bootstrap_servers + "; Ctrl-C ends it");
  }
  const Status status =
      flags.once ? ingest->Run(stop) : RunUntilStopped(context, *ingest, *signals, stop);
  SayReport(context, ingest->report());
  OCTO_TRY(status);
  return kDone;
}

int Ingest(const Context& context, const IngestFlags& flags) {
  const Result<int> status = TryIngest(context, flags);
  if (status) return *status;
  return status.error().kind == ErrorKind::kInvalidArgument ? context.FailUsage(status.error())
                                                            : context.Fail(status.error());
}

}  // namespace

void AddIngestCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<IngestFlags>();
  CLI::App* command = app.add_subcommand("ingest", "Take events from Kafka into Bronze");
  command->add_option("--from", flags->from, "Where events come from: kafka")
      ->type_name("SOURCE")
      ->required()
      ->check(CLI::IsMember({"kafka"}));
  command->add_flag("--once", flags->once, "What is there now, instead of going on");
  command->add_flag(
      "--accept-loss", flags->accept_loss,
      "Go on where offsets are gone that were never read, or the topic was made again");
  command->add_flag("--after-stream", flags->after_stream,
                    "Read a topic that Spark's stream filled the tables from: what it still has "
                    "of it comes again");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Ingest(context, *flags); };
  });
}

}  // namespace octolake::cli
