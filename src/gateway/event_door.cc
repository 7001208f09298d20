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

void EventDoor::OnDone(const Result<uint64_t>& sequence, Exchange& exchange) {
  if (!sequence) {
    metrics_.CountRejected(JournalRejection(sequence.error()));
    return exchange.Finish(JournalErrorResponse(sequence.error()));
  }
  metrics_.CountReceived(1);
  exchange.Finish();
}

void EventDoor::Take(journal::Record record, Exchange& exchange) {
  const auto bytes = static_cast<int64_t>(record.body.size());
  // Small enough to be kept in the function object itself.
  const Status taken = journal_.Append(
      std::move(record),
      [this, &exchange](const Result<uint64_t>& sequence) { OnDone(sequence, exchange); });
  if (!taken) return OnDone(tl::unexpected<Error>(taken.error()), exchange);
  metrics_.CountBytes(bytes);
}

void EventDoor::TakeAndTell(journal::Record record, Exchange& exchange,
                            std::function<void(bool durable)> decided) {
  const auto bytes = static_cast<int64_t>(record.body.size());
  const Status taken = journal_.Append(
      std::move(record), [this, &exchange, decided](const Result<uint64_t>& sequence) {
        decided(sequence.has_value());
        OnDone(sequence, exchange);
      });
  if (!taken) {
    decided(false);
    return OnDone(tl::unexpected<Error>(taken.error()), exchange);
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
