// POST /webhooks/github: deliveries as GitHub sends them
// (docs.github.com/webhooks/webhook-events-and-payloads, "Delivery headers").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/event_door.h"
#include "journal/delivery_memory.h"

namespace octolake::gateway {

// Thread-safe.
class WebhookEndpoint {
 public:
  WebhookEndpoint(std::vector<std::string> secrets, EventDoor& door,
                  journal::DeliveryMemory& deliveries)
      : secrets_(std::move(secrets)), door_(door), deliveries_(deliveries) {}

  // What can be refused before the body has come.
  std::optional<Response> CheckHead(const Request& request) const;
  // A ping is answered and not kept, a delivery that came before is answered and not kept again;
  // everything else goes to the journal as it was received, whatever its event name.
  void Take(Exchange& exchange, WorkerTools& tools);

 private:
  std::optional<Response> Check(const Request& request, WorkerTools& tools);
  void Store(Exchange& exchange);
  void AnswerSeen(Exchange& exchange);

  const std::vector<std::string> secrets_;
  EventDoor& door_;
  journal::DeliveryMemory& deliveries_;
};

}  // namespace octolake::gateway
