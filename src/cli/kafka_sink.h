// Kafka as the place that `up` takes the journal to.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/config.h"
#include "base/logging.h"
#include "base/result.h"
#include "journal/journal.h"
#include "kafka/send_figures.h"
#include "lake/commit_loop.h"

namespace octolake::cli {

// Thread-safe once it is started.
class KafkaSink {
 public:
  // A cluster that is away is no error. `options` has what does not depend on the target. All must
  // outlive the loop, this too.
  Result<std::unique_ptr<lake::CommitLoop>> Start(const Config& config, journal::Journal& journal,
                                                  const std::string& journal_directory,
                                                  lake::CommitLoopOptions options,
                                                  const Logger& logger);

  // The metrics of the original collector's Kafka worker, and of ours.
  std::string MetricsText(const lake::CommitLoopState& loop) const;

 private:
  std::atomic<bool> cancelled_{false};
  kafka::SendMetrics metrics_;
  int64_t retry_max_ = 0;
  TimestampMicros started_at_ = 0;
};

}  // namespace octolake::cli
