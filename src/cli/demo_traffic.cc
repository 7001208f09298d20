#include "cli/demo_traffic.h"

#include <spdlog/spdlog.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/thread.h"
#include "event/generator.h"
#include "gateway/client.h"

namespace octolake::cli {
namespace {

constexpr int64_t kRetryMicros = 1'000'000;

}  // namespace

DemoTraffic::DemoTraffic(DemoOptions options, Logger logger)
    : options_(std::move(options)), logger_(std::move(logger)) {}

Status DemoTraffic::Start() {
  OCTO_ASSIGN(thread_, StartThread("to send synthetic events", [this] { Work(); }));
  return {};
}

DemoTraffic::~DemoTraffic() {
  pause_.End();
  if (thread_.joinable()) thread_.join();
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
  const auto micros_between = static_cast<int64_t>(1e6 / options_.rate);
  while (pause_.For(micros_between)) {
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
    if (!pause_.For(kRetryMicros)) return;
  }
}

}  // namespace octolake::cli
