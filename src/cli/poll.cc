#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_text.h"
#include "base/thread.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/feed_poller.h"
#include "cli/stop_signals.h"
#include "lake/definitions.h"
#include "source/http_client.h"

namespace octolake::cli {
namespace {

struct PollFlags {
  std::vector<std::string> repositories;
  std::vector<std::string> organisations;
  std::vector<std::string> users;
  bool all_public = false;
  bool once = false;
};

Result<std::vector<source::Feed>> FeedsOf(const Context& context, const PollFlags& flags) {
  std::vector<std::string> names;
  for (const std::string& name : flags.repositories) names.push_back("repos/" + name);
  for (const std::string& name : flags.organisations) names.push_back("orgs/" + name);
  for (const std::string& name : flags.users) names.push_back("users/" + name);
  if (flags.all_public) names.emplace_back("public");
  if (names.empty()) names = context.config.GetList("poll.feeds");
  if (names.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "nothing to poll: give --repo OWNER/REPOSITORY, --org, --user or --public, "
                     "or set poll.feeds");
  }
  std::vector<source::Feed> feeds;
  for (const std::string& name : names) {
    OCTO_ASSIGN(source::Feed feed, source::ParseFeed(name));
    feeds.push_back(std::move(feed));
  }
  return feeds;
}

void PrintJson(const std::vector<FeedReport>& reports) {
  auto json = nlohmann::ordered_json::array();
  for (const FeedReport& report : reports) {
    nlohmann::ordered_json entry = {{"feed", report.feed},
                                    {"not_modified", report.not_modified},
                                    {"pages", report.pages},
                                    {"events", report.events},
                                    {"rejected", report.rejected},
                                    {"known", report.known},
                                    {"may_have_missed", report.gap.has_value()},
                                    {"error", report.error}};
    if (report.gap) {
      entry["gap"] = {{"after", report.gap->after}, {"before", report.gap->before}};
    }
    json.push_back(std::move(entry));
  }
  std::printf("%s\n", JsonText(json, 2).c_str());
}

int Once(const Context& context, FeedPoller& poller) {
  const std::vector<FeedReport> reports = poller.PollAll();
  if (context.flags.json) PrintJson(reports);
  const bool failed = std::any_of(reports.begin(), reports.end(),
                                  [](const FeedReport& report) { return !report.error.empty(); });
  return failed ? kFailed : kDone;
}

Result<int> TryPoll(const Context& context, const PollFlags& flags) {
  // Of one round the signals mean what they always mean.
  std::optional<StopSignals> signals;
  if (!flags.once) signals.emplace();
  OCTO_ASSIGN(const auto feeds, FeedsOf(context, flags));
  OCTO_ASSIGN(source::GitHubOptions github, GitHubOptionsOf(context.config));
  // Else the next turn is the next try, so that what fails for hours is not said all the time.
  if (!flags.once) github.max_tries = 1;
  OCTO_ASSIGN(const auto warehouse, context.OpenWarehouse(true));
  context.RemoveLeftovers(*warehouse);
  OCTO_ASSIGN(const auto warnings, lake::CreateTables(*warehouse));
  for (const std::string& warning : warnings) context.Say("warning: " + warning);
  if (!context.config.Has("github.token")) {
    context.Say(
        "warning: without github.token GitHub answers 60 requests an hour, those without news "
        "included");
  }
  OCTO_ASSIGN(const auto http, source::MakeHttpClient());
  EndablePause pause;
  source::GitHubClient client(*http, pause, SystemClock(), github, context.logger);
  const std::chrono::microseconds interval(context.config.GetMicros("poll.interval"));
  lake::FeedCommitOptions options{RetentionPolicyOf(context.config),
                                  WriterOptionsOf(context.config)};
  FeedPoller poller(*warehouse, client, github.api_url, feeds, std::move(options), interval,
                    context.logger);
  if (flags.once) return Once(context, poller);
  OCTO_ASSIGN(const auto thread, StartThread("to poll GitHub", [&] { poller.Run(pause); }));
  context.Say("octolake polls " + std::to_string(feeds.size()) + " feeds; Ctrl-C ends it");
  signals->Wait();
  // The poll at hand ends with an error if it waits for GitHub, and commits if it has what it asked
  // for.
  pause.End();
  http->Cancel();
  return kDone;
}

int Poll(const Context& context, const PollFlags& flags) {
  const Result<int> status = TryPoll(context, flags);
  if (status) return *status;
  return context.FailByKind(status.error());
}

}  // namespace

void AddPollCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<PollFlags>();
  CLI::App* command =
      app.add_subcommand("poll", "Take events from GitHub's Events API into Bronze");
  command->add_option("--repo", flags->repositories, "Events of a repository")
      ->type_name("OWNER/REPOSITORY");
  command->add_option("--org", flags->organisations, "Public events of an organisation");
  command->add_option("--user", flags->users, "Events of a user");
  command->add_flag("--public", flags->all_public, "Public events of everybody");
  command->add_flag("--once", flags->once, "One poll of each feed instead of going on");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Poll(context, *flags); };
  });
}

}  // namespace octolake::cli
