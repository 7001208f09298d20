#include "cli/demo_traffic.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/thread.h"
#include "event/generator.h"
#include "gateway/client.h"

namespace octolake::cli {
namespace {

constexpr double kRetrySeconds = 1;

}  // namespace

DemoTraffic::DemoTraffic(DemoOptions options, Logger logger)
    : options_(std::move(options)), logger_(std::move(logger)) {}

Status DemoTraffic::Start() {
  OCTO_ASSIGN(thread_, StartThread("to send synthetic events", [this] { Work(); }));
  return {};
}

DemoTraffic::~DemoTraffic() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool DemoTraffic::WaitUntilStopped(double seconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                           [this] { return stopping_; });
}

void DemoTraffic::Work() {
  event::GeneratorOptions generated;
  generated.seed = options_.seed;
  generated.era = event::Era::k2025;
  generated.start = SystemClock().Now();
  generated.rate = options_.rate;
  event::EventGenerator generator(generated);
  gateway::Client::Fields fields = {{"Content-Type", "application/json"}};
  if (!options_.token.empty()) fields.emplace_back("Authorization", "Bearer " + options_.token);

  std::unique_ptr<gateway::Client> client;
  std::string event = generator.Next();
  while (!WaitUntilStopped(1 / options_.rate)) {
    if (client == nullptr) {
      auto connected = gateway::Client::Connect(options_.host, options_.port);
      if (connected) client = std::move(*connected);
    }
    const Result<gateway::Answer> answer =
        client == nullptr ? Result<gateway::Answer>(MakeError(ErrorKind::kIo, "not connected"))
                          : client->Send("POST", "/collect", fields, event);
    if (answer && answer->status == 200) {
      event = generator.Next();
      continue;
    }
    // The event is sent again: a second copy is a duplicate like any other.
    logger_->warn("synthetic event not accepted: {}",
                  answer ? answer->body : answer.error().message);
    client.reset();
    if (WaitUntilStopped(kRetrySeconds)) return;
  }
}

}  // namespace octolake::cli
