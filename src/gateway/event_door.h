// How an event's bytes become a record of the journal, whichever endpoint it came to.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/uuid.h"
#include "gateway/exchange.h"
#include "gateway/metrics.h"
#include "journal/journal.h"

namespace octolake::gateway {

// Thread-safe.
class EventDoor {
 public:
  EventDoor(journal::Journal& journal, Metrics& metrics, const Clock& clock, RandomSource& random)
      : journal_(journal), metrics_(metrics), clock_(clock), ids_(clock, random) {}

  // An envelope with a new trace id.
  journal::Record MakeRecord(std::string source);

  // Gives the record to the journal. When it is durable the exchange is finished with the response
  // that it has; when it cannot be, with an error.
  void Take(journal::Record record, Exchange& exchange);
  // The same, and `decided` is told before that whether the record is durable.
  void TakeAndTell(journal::Record record, Exchange& exchange,
                   std::function<void(bool durable)> decided);

  journal::Journal& journal() { return journal_; }
  Metrics& metrics() { return metrics_; }

 private:
  void OnDone(const Result<uint64_t>& sequence, Exchange& exchange);

  journal::Journal& journal_;
  Metrics& metrics_;
  const Clock& clock_;
  UuidV7Generator ids_;
};

// What a sender hears when the journal does not take a record.
Response JournalErrorResponse(const Error& error);
Rejection JournalRejection(const Error& error);

}  // namespace octolake::gateway
