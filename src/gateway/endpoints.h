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
            ByteBudget& bodies, StatusSource& status, const Clock& clock);
  // Before the first request, once.
  Status Begin() { return batches_.Begin(); }

  HeadDecision OnHead(const Request& request) override;
  void Handle(int endpoint, Exchange& exchange, WorkerTools& tools) override;

  // Requests go on being answered, but the program says that it is not ready for more.
  void BeginStop() { stopping_ = true; }

 private:
  void Collect(Exchange& exchange, WorkerTools& tools);
  Response Health();
  Response Ready();
  Response Recover();
  Response MetricsPage();
  Response StatusReport();
  int64_t UptimeSeconds() const { return (clock_.Now() - started_at_) / 1'000'000; }

  const GatewayOptions options_;
  EventDoor& door_;
  ByteBudget& bodies_;
  StatusSource& status_;
  const Clock& clock_;
  const TimestampMicros started_at_;
  WebhookEndpoint webhook_;
  std::atomic<bool> stopping_{false};
  BatchPool batches_;  // last: its threads use the others
};

}  // namespace octolake::gateway
