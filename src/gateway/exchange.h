// Between connections, which know sockets, and endpoints, which know what is asked for.
#pragma once

#include <cstdint>
#include <optional>

#include "event/json_index.h"
#include "gateway/byte_budget.h"
#include "gateway/http_message.h"

namespace octolake::gateway {

// Deeper JSON is refused; what reads the journal has the same limit.
inline constexpr int kMaxJsonDepth = 256;

// What a worker thread keeps for the requests it handles.
struct WorkerTools {
  event::JsonIndex json{kMaxJsonDepth};
};

// One request and its answer. It belongs to the endpoint from Handle until Finish.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual Request& request() = 0;
  // An empty 200 at first.
  virtual Response& response() = 0;
  // Sends the response. Once, from any thread; it does not block, and the exchange is gone for the
  // caller.
  virtual void Finish() = 0;

  void Finish(Response answer) {
    response() = std::move(answer);
    Finish();
  }
};

// Thread-safe.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // What is known when the head has come, before any of the body is read.
  struct HeadDecision {
    int endpoint = 0;                 // for metrics; see metrics.h
    std::optional<Response> refusal;  // answered without reading the body
    uint64_t body_limit = 0;
    Sender sender = Sender::kKnown;  // for the limit on all bodies
  };
  virtual HeadDecision OnHead(const Request& request) = 0;

  // Answers the exchange, now or later. Called by a worker thread, which must not wait in it.
  virtual void Handle(int endpoint, Exchange& exchange, WorkerTools& tools) = 0;

  // Some times a second, by one of the threads.
  virtual void OnTick() {}
};

}  // namespace octolake::gateway
