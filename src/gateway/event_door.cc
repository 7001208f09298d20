#include "gateway/event_door.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace octolake::gateway {
namespace {

constexpr int kRetrySeconds = 1;
constexpr TimestampMicros kBetweenLogs = 1'000'000;

Refusal RefusalFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return {Rejection::kTooLarge, 413, "the event is longer than the journal takes"};
    case ErrorKind::kTransient:
      return {Rejection::kQueueFull, 503, "the gateway is stopping; send it again later"};
    case ErrorKind::kResourceExhausted:
      return {Rejection::kQueueFull, 503,
              "the queue is full, or there is no more room on disk; send it again later"};
    default:
      return {Rejection::kNotDurable, 503, "it could not be made durable; send it again later"};
  }
}

}  // namespace

journal::Record EventDoor::MakeRecord(std::string source) {
  journal::Record record;
  record.trace_id = ids_.Next();
  record.received_at = clock_.Now();
  record.source = std::move(source);
  return record;
}

void EventDoor::OnDone(const Result<uint64_t>& sequence, Exchange& exchange) {
  if (!sequence) return exchange.Finish(ResponseOf(Refuse(sequence.error())));
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

Refusal EventDoor::Refuse(const Error& error, int64_t events) {
  const Refusal refusal = RefusalFor(error.kind);
  metrics_.CountRejected(refusal.reason, events);
  const TimestampMicros now = clock_.Now();
  TimestampMicros due = next_log_at_;
  if (now >= due && next_log_at_.compare_exchange_strong(due, now + kBetweenLogs)) {
    logger_->warn("events are refused: {}", error.message);
  }
  return refusal;
}

Response ResponseOf(const Refusal& refusal) {
  Response response = ErrorResponse(refusal.status, refusal.detail);
  if (refusal.status == 503) response.retry_after_seconds = kRetrySeconds;
  return response;
}

}  // namespace octolake::gateway
