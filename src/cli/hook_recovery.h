// The recovery of missed webhook deliveries as it is configured, for `up` and `recover`.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/logging.h"
#include "base/progress.h"
#include "base/result.h"
#include "journal/delivery_memory.h"
#include "journal/journal.h"
#include "source/delivery_recovery.h"

namespace octolake::cli {

class HookRecoveries {
 public:
  // kInvalidArgument for hooks that are none, and for what is missing to ask for them. Journal and
  // memory must outlive it.
  static Result<std::unique_ptr<HookRecoveries>> Make(const Config& config,
                                                      journal::Journal& journal,
                                                      journal::DeliveryMemory& deliveries,
                                                      Logger logger);
  virtual ~HookRecoveries() = default;

  // By one thread.
  virtual std::vector<source::HookRecovery> Run(ProgressListener& progress) = 0;
  // From any thread: a run ends soon, with an error, and later ones at once.
  virtual void Stop() = 0;
};

// An array with an object for each hook.
nlohmann::ordered_json RecoveriesJson(const std::vector<source::HookRecovery>& reports);
// "repos/o/r/hooks/1: 3 of 5 missed deliveries recovered, 1 lost, 1 left: why"
std::string RecoveryLine(const source::HookRecovery& report);

}  // namespace octolake::cli
