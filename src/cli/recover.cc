#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_text.h"
#include "cli/command.h"
#include "cli/hook_recovery.h"
#include "cli/journal_sink.h"
#include "cli/up_options.h"
#include "gateway/client.h"
#include "lake/definitions.h"
#include "lake/journal_committer.h"

namespace octolake::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::milliseconds kPollPause{200};

// What came of it, as `recover` itself or a running `up` tells.
int Report(const Context& context, const ordered_json& hooks, const std::vector<std::string>& lines,
           bool good) {
  context.progress.Clear();
  for (const std::string& line : lines) context.Say(line);
  if (context.flags.json) {
    std::printf("%s\n", JsonText(hooks, 2).c_str());
  }
  return good ? kDone : kFailed;
}

// Everything durable.
Status CommitToBronze(const Context& context, lake::Warehouse& warehouse, journal::Journal& journal,
                      journal::DeliveryMemory& deliveries) {
  OCTO_ASSIGN(
      const auto committer,
      lake::JournalCommitter::Open(warehouse, journal, CommitLoopOptionsOf(context.config).commit));
  while (committer->position() < journal.durable_sequence()) {
    OCTO_ASSIGN(const lake::JournalCommitReport report, committer->CommitNext());
    for (const std::string& warning : report.warnings) context.Say("warning: " + warning);
    if (report.last_sequence == 0) break;
    OCTO_TRY(deliveries.Passed(report.last_sequence));
  }
  return {};
}

Result<int> RecoverHere(const Context& context, lake::Warehouse& warehouse,
                        journal::SegmentStore& store) {
  OCTO_ASSIGN(const Sink sink, SinkOfJournal(store.directory()));
  OCTO_ASSIGN(const auto options, JournalOptionsOf(context.config));
  OCTO_ASSIGN(const auto journal,
              journal::Journal::Open(store, options, SystemClock(), SystemRandom()));
  OCTO_ASSIGN(const auto deliveries, journal::DeliveryMemory::Open(*journal, SystemClock(), {}));
  OCTO_ASSIGN(const auto recoveries,
              HookRecoveries::Make(context.config, *journal, *deliveries, context.logger));
  const auto reports = recoveries->Run(context.progress);
  if (sink == Sink::kKafka) {
    context.Say(
        "the journal's events go to Kafka: octolake up --sink kafka sends what was recovered");
  } else {
    OCTO_ASSIGN(const auto warnings, lake::CreateTables(warehouse));
    for (const std::string& warning : warnings) context.Say("warning: " + warning);
    OCTO_TRY(CommitToBronze(context, warehouse, *journal, *deliveries));
  }
  std::vector<std::string> lines;
  bool good = true;
  for (const source::HookRecovery& report : reports) {
    lines.push_back(RecoveryLine(report));
    good = good && !report.error && report.lost == 0;
  }
  return Report(context, RecoveriesJson(reports), lines, good);
}

Result<ordered_json> Ask(gateway::Client& client, const gateway::GatewayOptions& options,
                         std::string_view method, std::string_view path) {
  gateway::Client::Fields fields;
  if (!options.tokens.empty()) {
    fields.emplace_back("Authorization", "Bearer " + options.tokens.front());
  }
  OCTO_ASSIGN(const gateway::Answer answer, client.Send(method, path, fields, ""));
  ordered_json json = ordered_json::parse(answer.body, nullptr, false);
  if (answer.status >= 300 || !json.is_object()) {
    return MakeError(ErrorKind::kIo, std::string(path) + ": octolake up answers " +
                                         std::to_string(answer.status) + " " + answer.body);
  }
  return json;
}

// The lines of a report that was read from JSON.
std::vector<std::string> LinesOf(const ordered_json& hooks, bool& good) {
  std::vector<std::string> lines;
  for (const ordered_json& hook : hooks) {
    source::HookRecovery report;
    report.hook = hook.value("hook", "");
    report.missing = hook.value("missing", int64_t{0});
    report.recovered = hook.value("recovered", int64_t{0});
    report.lost = hook.value("lost", int64_t{0});
    const std::string error = hook.value("error", "");
    if (!error.empty()) report.error = Error{ErrorKind::kIo, error};
    good = good && error.empty() && report.lost == 0;
    lines.push_back(RecoveryLine(report));
  }
  return lines;
}

// Has the `octolake up` that holds the journal do it.
Result<int> RecoverThere(const Context& context, const std::string& listen, const Error& in_use) {
  OCTO_ASSIGN(const auto options, GatewayOptionsOf(context.config, listen));
  const std::string where = options.server.host + ":" + std::to_string(options.server.port);
  if (!options.server.tls_certificate_file.empty()) {
    return MakeError(ErrorKind::kUnsupported,
                     in_use.message + ", or ask it: POST https://" + where + "/api/v1/recover");
  }
  auto client = gateway::Client::Connect(options.server.host, options.server.port);
  if (!client) {
    return WithContext(std::move(client).error(),
                       in_use.message + ", or say with --listen where it listens");
  }
  OCTO_ASSIGN(const ordered_json started, Ask(**client, options, "POST", "/api/v1/recover"));
  const int64_t run = started.value("run", int64_t{0});
  context.Say("octolake up at " + where + " looks for missed deliveries");
  while (true) {
    OCTO_ASSIGN(const ordered_json status, Ask(**client, options, "GET", "/api/v1/status"));
    const ordered_json recovery =
        status.value("lake", ordered_json::object()).value("recovery", ordered_json::object());
    if (recovery.value("runs", int64_t{0}) >= run) {
      bool good = true;
      const ordered_json hooks = recovery.value("hooks", ordered_json::array());
      const std::vector<std::string> lines = LinesOf(hooks, good);
      return Report(context, hooks, lines, good);
    }
    std::this_thread::sleep_for(kPollPause);
  }
}

Result<int> TryRecover(const Context& context, const std::string& listen) {
  if (!context.config.Has("github.hooks")) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "no hooks are configured; set github.hooks, such as "
                     "repos/OWNER/REPOSITORY/hooks/ID");
  }
  OCTO_ASSIGN(const auto warehouse, context.OpenWarehouseWithState(true));
  auto store = journal::OpenSegmentStore(warehouse->state_directory() + "/journal");
  if (store) return RecoverHere(context, *warehouse, **store);
  if (store.error().kind != ErrorKind::kTransient) {
    return tl::unexpected<Error>(std::move(store).error());
  }
  return RecoverThere(context, listen, store.error());
}

int Recover(const Context& context, const std::string& listen) {
  const Result<int> status = TryRecover(context, listen);
  if (status) return *status;
  context.progress.Clear();
  return context.FailByKind(status.error());
}

}  // namespace

void AddRecoverCommand(CLI::App& app, Action& chosen) {
  auto listen = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "recover", "Fetch webhook deliveries that never arrived from GitHub's log of three days");
  command->add_option("--listen", *listen, "Where a running `octolake up` listens")
      ->type_name("HOST:PORT");
  command->callback([listen, &chosen] {
    chosen = [listen](const Context& context) { return Recover(context, *listen); };
  });
}

}  // namespace octolake::cli
