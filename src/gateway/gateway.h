// The door for events: every accepted one is in the journal, on disk, before its sender hears so.
// docs/decisions/0044 says how requests become records.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/result.h"
#include "gateway/server.h"
#include "gateway/status_source.h"
#include "journal/delivery_memory.h"
#include "journal/journal.h"

namespace octolake::gateway {

struct GatewayOptions {
  ServerOptions server;
  // Bearer tokens of senders and readers; empty: none is asked for.
  std::vector<std::string> tokens;
  // Any address but loopback without a token is refused unless this says that it is meant.
  bool allow_anonymous = false;
  std::vector<std::string> webhook_secrets;  // several while they are being changed
  int64_t max_event_bytes = 1'000'000;       // of /collect, and of each event of a batch
  int64_t max_webhook_bytes = 26'214'400;    // GitHub sends no more than 25 MB
  int64_t max_batch_bytes = 64'000'000;      // decompressed
  // Bodies of all requests together, from their first byte to their answer; those of webhooks half
  // of it, since their senders are not known before a body's end.
  int64_t max_bytes_in_flight = 128 << 20;
  int batch_threads = 2;
  // The journal's limits, and the share of them from which on the queue counts as under pressure.
  int64_t max_queue_records = 100'000;
  int64_t max_queue_bytes = int64_t{64} << 20;
  int64_t max_journal_bytes = int64_t{8} << 30;
  int warning_percent = 80;
};

class Gateway {
 public:
  // Serves at once. kInvalidArgument: options that cannot be; kIo: the port is taken. All that is
  // referenced must outlive the gateway.
  static Result<std::unique_ptr<Gateway>> Start(const GatewayOptions& options,
                                                journal::Journal& journal,
                                                journal::DeliveryMemory& deliveries,
                                                StatusSource& status, const Clock& clock,
                                                RandomSource& random, Logger logger);
  // Stops.
  virtual ~Gateway() = default;

  virtual int port() const = 0;
  // No new request; what was accepted is durable when it returns.
  virtual void Stop() = 0;
};

}  // namespace octolake::gateway
