// What is behind each path: who may ask, how much may be sent, and the answer.
#pragma once

#include <string>
#include <vector>

#include "gateway/batch.h"
#include "gateway/event_door.h"
#include "gateway/exchange.h"
#include "gateway/gateway.h"
#include "gateway/webhook.h"

namespace octolake::gateway {

// Thread-safe.
class Endpoints final : public RequestHandler {
 public:
  Endpoints(const GatewayOptions& options, EventDoor& door, journal::DeliveryMemory& deliveries,
            ByteBudget& bodies, StatusSource& status, const Clock& clock, Logger logger);
  // Before the first request, once.
  Status Begin() { return batches_.Begin(); }

  HeadDecision OnHead(const Request& request) override;
  void Handle(int endpoint, Exchange& exchange, WorkerTools& tools) override;
  void OnTick() override;

  // Requests go on being answered, but the program says that it is not ready for more, and batches
  // end when requests must have come.
  void BeginStop() {
    stopping_ = true;
    batches_.EndBy(std::chrono::steady_clock::now() + options_.server.stop_timeout);
  }

 private:
  void Collect(Exchange& exchange, WorkerTools& tools);
  HeadDecision Decide(const Request& request) const;
  void CountRefusal(Endpoint endpoint, const Response& refusal);
  bool IsByAForeignName(const Request& request) const;
  double QueuePercent(const journal::JournalStats& stats) const;
  void Warn(const char* what, double percent, bool& is_high);
  Response Health();
  Response Ready();
  Response Recover();
  Response Jobs();
  Response MetricsPage();
  Response StatusReport();
  int64_t UptimeSeconds() const { return (clock_.Now() - started_at_) / 1'000'000; }

  const GatewayOptions options_;
  EventDoor& door_;
  ByteBudget& bodies_;
  StatusSource& status_;
  const Clock& clock_;
  Logger logger_;
  const TimestampMicros started_at_;
  bool queue_is_high_ = false;  // of the thread that ticks, as is the next
  bool journal_is_high_ = false;
  WebhookEndpoint webhook_;
  std::atomic<bool> stopping_{false};
  BatchPool batches_;  // last: its threads use the others
};

}  // namespace octolake::gateway
