// Webhook deliveries that never arrived, fetched from GitHub's own log and put into the journal.
//
// GitHub does not deliver again by itself, and keeps what it sent for three days. A delivery is
// missing if none of its attempts was answered with 2xx and the memory of deliveries does not know
// it. It is stored as the gateway stores one that arrives: once. One whose answer cannot be used is
// asked for again by every run until GitHub keeps it no longer: the answer may be better then.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "base/uuid.h"
#include "journal/delivery_memory.h"
#include "journal/journal.h"
#include "source/delivery_log.h"

namespace octolake::source {

// A delivery that cannot be had any more, or not by what GitHub has answered so far.
struct LostDelivery {
  std::string delivery_id;
  std::string event;
  std::string delivered_at;
  std::string reason;
};

struct HookRecovery {
  std::string hook;
  int64_t attempts = 0;                       // listed
  int64_t missing = 0;                        // of them did not arrive, and are not here
  int64_t recovered = 0;                      // are here now
  int64_t lost = 0;                           // cannot be recovered
  std::vector<LostDelivery> lost_deliveries;  // the first kShownLost of them
  // Why something was left, which is looked for again by the next run.
  std::optional<Error> error;

  int64_t left() const { return missing - recovered - lost; }  // for the next run
};

struct RecoveryOptions {
  int64_t max_payload_bytes = int64_t{25} << 20;  // longer ones are lost
  int64_t max_missing = 100'000;                  // of one hook in one run; the next takes the rest
};

// Used by one thread.
class DeliveryRecovery {
 public:
  static constexpr size_t kShownLost = 100;

  // `for_app` is the client for hooks of the App; both, and all that is given, must outlive this.
  DeliveryRecovery(std::vector<Hook> hooks, GitHubClient& github, GitHubClient& for_app,
                   journal::Journal& journal, journal::DeliveryMemory& deliveries,
                   const Clock& clock, RandomSource& random, RecoveryOptions options,
                   Logger logger);

  // Every hook, one after another; what goes wrong with one stops no other. The first run looks
  // at three days, a later one at what came since the last that was complete.
  std::vector<HookRecovery> Run(ProgressListener& progress);

 private:
  using Missing = std::map<std::string, DeliveryAttempt, std::less<>>;  // by delivery id

  // Of a hook, by delivery id: those whose answers could not be used.
  using Unusable = std::map<std::string, LostDelivery, std::less<>>;

  Result<Missing> FindMissing(DeliveryLog& log, TimestampMicros since, HookRecovery& report);
  Status Recover(const DeliveryAttempt& attempt, DeliveryLog& log, Unusable& unusable,
                 HookRecovery& report);
  void Lose(const LostDelivery& delivery, HookRecovery& report);
  void LoseWhatIsOver(const Missing& missing, Unusable& unusable, HookRecovery& report);
  Status RunHook(const Hook& hook, HookRecovery& report, ProgressListener& progress);
  Status Store(const DeliveryAttempt& attempt, DeliveryContent content);
  Status Append(const DeliveryAttempt& attempt, DeliveryContent content);

  const std::vector<Hook> hooks_;
  GitHubClient& github_;
  GitHubClient& for_app_;
  journal::Journal& journal_;
  journal::DeliveryMemory& deliveries_;
  const Clock& clock_;
  UuidV7Generator trace_ids_;
  const RecoveryOptions options_;
  Logger logger_;
  std::map<std::string, TimestampMicros> complete_until_;  // by hook
  std::map<std::string, Unusable> unusable_;               // by hook
};

}  // namespace octolake::source
