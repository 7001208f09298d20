// How an event's bytes become a record of the journal, whichever endpoint it came to.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/uuid.h"
#include "gateway/exchange.h"
#include "gateway/metrics.h"
#include "journal/journal.h"

namespace octolake::gateway {

// What the sender of an event hears that was not taken.
struct Refusal {
  Rejection reason;
  int status;
  std::string_view detail;  // a constant
};
Response ResponseOf(const Refusal& refusal);

// Thread-safe.
class EventDoor {
 public:
  EventDoor(journal::Journal& journal, Metrics& metrics, const Clock& clock, RandomSource& random,
            Logger logger)
      : journal_(journal),
        metrics_(metrics),
        clock_(clock),
        ids_(clock, random),
        logger_(std::move(logger)) {}

  // An envelope with a new trace id.
  journal::Record MakeRecord(std::string source);

  // Gives the record to the journal. When it is durable the exchange is finished with the response
  // that it has; when it cannot be, with an error.
  void Take(journal::Record record, Exchange& exchange);
  // The same, and `decided` is told before that whether the record is durable.
  void TakeAndTell(journal::Record record, Exchange& exchange,
                   std::function<void(bool durable)> decided);

  // For events that the journal did not take. They are counted as rejected, and the error, which
  // names what is nobody's business outside, goes to the log.
  Refusal Refuse(const Error& error, int64_t events = 1);

  journal::Journal& journal() { return journal_; }
  Metrics& metrics() { return metrics_; }

 private:
  void OnDone(const Result<uint64_t>& sequence, Exchange& exchange);

  journal::Journal& journal_;
  Metrics& metrics_;
  const Clock& clock_;
  UuidV7Generator ids_;
  const Logger logger_;
  std::atomic<TimestampMicros> next_log_at_ = 0;
};

}  // namespace octolake::gateway
