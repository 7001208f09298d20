#include "gateway/event_door.h"

#include <utility>

namespace octolake::gateway {
namespace {

constexpr int kRetrySeconds = 1;

}  // namespace

journal::Record EventDoor::MakeRecord(std::string source) {
  journal::Record record;
  record.trace_id = ids_.Next();
  record.received_at = clock_.Now();
  record.source = std::move(source);
  return record;
}

void EventDoor::Take(journal::Record record, Exchange& exchange) {
  const auto bytes = static_cast<int64_t>(record.body.size());
  // Small enough to be kept in the function object itself.
  const Status taken =
      journal_.Append(std::move(record), [this, &exchange](Result<uint64_t> sequence) {
        if (!sequence) {
          metrics_.CountRejected(JournalRejection(sequence.error()));
          return exchange.Finish(JournalErrorResponse(sequence.error()));
        }
        metrics_.CountReceived(1);
        exchange.Finish();
      });
  if (!taken) {
    metrics_.CountRejected(JournalRejection(taken.error()));
    return exchange.Finish(JournalErrorResponse(taken.error()));
  }
  metrics_.CountBytes(bytes);
}

Response JournalErrorResponse(const Error& error) {
  if (error.kind == ErrorKind::kInvalidArgument) return ErrorResponse(413, error.message);
  Response response = ErrorResponse(503, error.message);
  response.retry_after_seconds = kRetrySeconds;
  return response;
}

Rejection JournalRejection(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument:
      return Rejection::kTooLarge;
    case ErrorKind::kResourceExhausted:
    case ErrorKind::kTransient:
      return Rejection::kQueueFull;
    default:
      return Rejection::kNotDurable;
  }
}

}  // namespace octolake::gateway
