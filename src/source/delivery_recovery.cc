#include "source/delivery_recovery.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <set>
#include <utility>

#include "event/event_time.h"
#include "event/received_rows.h"

namespace octolake::source {
namespace {

constexpr int64_t kMicrosPerHour = int64_t{3600} * 1'000'000;
constexpr int64_t kKeptByGitHub = 3 * 24 * kMicrosPerHour;
// An attempt shows up in the log when it is over, somewhat later than it says.
constexpr int64_t kOverlap = kMicrosPerHour;

// The answer has no delivery, or is too long for one. A proxy may have garbled it.
bool IsUnusable(const Error& error) {
  return error.kind == ErrorKind::kCorruption || error.kind == ErrorKind::kResourceExhausted;
}

}  // namespace

DeliveryRecovery::DeliveryRecovery(std::vector<Hook> hooks, GitHubClient& github,
                                   GitHubClient& for_app, journal::Journal& journal,
                                   journal::DeliveryMemory& deliveries, const Clock& clock,
                                   RandomSource& random, RecoveryOptions options, Logger logger)
    : hooks_(std::move(hooks)),
      github_(github),
      for_app_(for_app),
      journal_(journal),
      deliveries_(deliveries),
      clock_(clock),
      trace_ids_(clock, random),
      options_(options),
      logger_(std::move(logger)) {}

std::vector<HookRecovery> DeliveryRecovery::Run(ProgressListener& progress) {
  std::vector<HookRecovery> reports;
  for (const Hook& hook : hooks_) {
    HookRecovery& report = reports.emplace_back();
    report.hook = hook.name;
    const TimestampMicros start = clock_.Now();
    const Status done = RunHook(hook, report, progress);
    if (!done) {
      report.error = done.error();
    } else if (report.left() == 0) {
      complete_until_[hook.name] = start;
    }
  }
  return reports;
}

Status DeliveryRecovery::RunHook(const Hook& hook, HookRecovery& report,
                                 ProgressListener& progress) {
  TimestampMicros since = clock_.Now() - kKeptByGitHub;
  if (const auto until = complete_until_.find(hook.name); until != complete_until_.end()) {
    since = std::max(since, until->second - kOverlap);
  }
  DeliveryLog log(hook.of_app ? for_app_ : github_, hook);
  OCTO_ASSIGN(const Missing missing, FindMissing(log, since, report));
  // The oldest first: their time is up soonest.
  std::vector<const DeliveryAttempt*> ordered;
  for (const auto& [delivery_id, attempt] : missing) ordered.push_back(&attempt);
  std::sort(ordered.begin(), ordered.end(),
            [](const auto* a, const auto* b) { return a->id < b->id; });
  Unusable& unusable = unusable_[hook.name];
  LoseWhatIsOver(missing, unusable, report);
  const std::string stage = "recover " + hook.name;
  for (size_t i = 0; i < ordered.size(); ++i) {
    progress.OnProgress(
        {stage, "deliveries", static_cast<int64_t>(i), static_cast<int64_t>(ordered.size())});
    OCTO_TRY(Recover(*ordered[i], log, unusable, report));
  }
  if (unusable.empty()) return {};
  const LostDelivery& first = unusable.begin()->second;
  return MakeError(ErrorKind::kCorruption,
                   "of " + std::to_string(unusable.size()) +
                       " deliveries GitHub's answer could not be used, and they are asked for "
                       "again until it keeps them no longer; " +
                       first.delivery_id + ": " + first.reason);
}

// They were tried for as long as GitHub has them.
void DeliveryRecovery::LoseWhatIsOver(const Missing& missing, Unusable& unusable,
                                      HookRecovery& report) {
  const TimestampMicros kept_since = clock_.Now() - kKeptByGitHub;
  for (auto at = unusable.begin(); at != unusable.end();) {
    if (missing.contains(at->first)) {
      ++at;
      continue;
    }
    // Else it has arrived meanwhile, or is put off.
    const bool is_over = event::ParseEventTime(at->second.delivered_at) < kept_since;
    if (is_over && !deliveries_.Seen(at->first)) {
      ++report.missing;
      Lose(at->second, report);
    }
    at = unusable.erase(at);
  }
}

Result<DeliveryRecovery::Missing> DeliveryRecovery::FindMissing(DeliveryLog& log,
                                                                TimestampMicros since,
                                                                HookRecovery& report) {
  const auto most = static_cast<size_t>(options_.max_missing);
  Missing missing;
  std::set<std::string> arrived_again;
  int64_t put_off = 0;
  const auto look = [&](DeliveryAttempt attempt) {
    if (attempt.arrived) {
      missing.erase(attempt.delivery_id);
      if (attempt.again && arrived_again.size() < most) arrived_again.insert(attempt.delivery_id);
      return;
    }
    // A ping is no event.
    if (attempt.event == "ping" || arrived_again.contains(attempt.delivery_id) ||
        deliveries_.Seen(attempt.delivery_id)) {
      return;
    }
    // Too many: older ones come now, and their time is up sooner.
    if (missing.size() == most && !missing.contains(attempt.delivery_id)) {
      put_off += static_cast<int64_t>(missing.size());
      missing.clear();
    }
    // Of several attempts the first one counts, which comes last.
    const std::string delivery_id = attempt.delivery_id;
    missing.insert_or_assign(delivery_id, std::move(attempt));
  };
  OCTO_ASSIGN(const DeliveryLog::Listing listing, log.List(since, look));
  if (listing.unreadable > 0) {
    logger_->warn("{}: {} deliveries are listed in a way that cannot be read", report.hook,
                  listing.unreadable);
  }
  report.attempts = listing.attempts;
  report.missing = static_cast<int64_t>(missing.size()) + put_off;
  return missing;
}

Status DeliveryRecovery::Recover(const DeliveryAttempt& attempt, DeliveryLog& log,
                                 Unusable& unusable, HookRecovery& report) {
  Result<DeliveryContent> content = log.Fetch(attempt);
  const int64_t bytes = content ? std::ssize(content->payload) : 0;
  // It came whole, and is as long the next time.
  const bool is_too_long = bytes > options_.max_payload_bytes;
  if (content && !is_too_long) {
    OCTO_TRY(Store(attempt, *std::move(content)));
    ++report.recovered;
    unusable.erase(attempt.delivery_id);
    return {};
  }
  const std::string reason = is_too_long ? "its payload has " + std::to_string(bytes) +
                                               " bytes, expected at most " +
                                               std::to_string(options_.max_payload_bytes)
                                         : content.error().message;
  const LostDelivery delivery{attempt.delivery_id, attempt.event, attempt.delivered_at, reason};
  if (is_too_long || content.error().kind == ErrorKind::kNotFound) {
    Lose(delivery, report);
    unusable.erase(attempt.delivery_id);
    return {};
  }
  if (!IsUnusable(content.error())) return tl::unexpected<Error>(std::move(content).error());
  // Said once of each.
  if (unusable.insert_or_assign(attempt.delivery_id, delivery).second) {
    logger_->warn("{}: delivery {} ({}, {}) is left for the next run: {}", report.hook,
                  delivery.delivery_id, delivery.event, delivery.delivered_at, delivery.reason);
  }
  return {};
}

void DeliveryRecovery::Lose(const LostDelivery& delivery, HookRecovery& report) {
  ++report.lost;
  logger_->error("{}: delivery {} ({}, {}) cannot be recovered: {}", report.hook,
                 delivery.delivery_id, delivery.event, delivery.delivered_at, delivery.reason);
  if (report.lost_deliveries.size() < kShownLost) report.lost_deliveries.push_back(delivery);
}

Status DeliveryRecovery::Store(const DeliveryAttempt& attempt, DeliveryContent content) {
  while (true) {
    std::promise<bool> other;
    const auto start = deliveries_.Begin(attempt.delivery_id,
                                         [&other](bool durable) { other.set_value(durable); });
    switch (start) {
      case journal::DeliveryMemory::Start::kNew:
        return Append(attempt, std::move(content));
      case journal::DeliveryMemory::Start::kSeen:
        return {};
      case journal::DeliveryMemory::Start::kUnderWay:
        if (other.get_future().get()) return {};
    }
  }
}

Status DeliveryRecovery::Append(const DeliveryAttempt& attempt, DeliveryContent content) {
  journal::Record record;
  record.trace_id = trace_ids_.Next();
  record.received_at = clock_.Now();
  record.source = event::kWebhookSource;
  record.delivery_id = attempt.delivery_id;
  record.headers = std::move(content.headers);
  record.body = std::move(content.payload);
  // End in the journal's own call, as the memory asks for.
  std::promise<Status> decided;
  const auto done = [this, &decided, &attempt,
                     received_at = record.received_at](const Result<uint64_t>& sequence) {
    deliveries_.End(attempt.delivery_id, received_at, sequence.has_value());
    decided.set_value(sequence ? Status() : tl::unexpected<Error>(sequence.error()));
  };
  Status taken = journal_.Append(std::move(record), done);
  if (!taken) {
    deliveries_.End(attempt.delivery_id, clock_.Now(), false);
    return taken;
  }
  return decided.get_future().get();
}

}  // namespace octolake::source
