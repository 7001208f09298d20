// What the gateway shows of the parts beside it.
#pragma once

#include <string>

#include "cli/failure_reports.h"
#include "cli/kafka_sink.h"
#include "cli/pipeline.h"
#include "cli/recovery_loop.h"
#include "gateway/status_source.h"
#include "journal/delivery_memory.h"
#include "lake/commit_loop.h"
#include "maintain/small_files.h"
#include "schedule/scheduler.h"

namespace octolake::cli {

class UpStatus final : public gateway::StatusSource {
 public:
  // `kafka` is nullptr where events go to Bronze.
  UpStatus(const Pipeline& pipeline, schedule::Scheduler& scheduler,
           const lake::CommitLoop& commits, const journal::DeliveryMemory& deliveries,
           const maintain::SmallFileWatch& small_files, RecoveryLoop* recovery,
           const FailureReports* reports, const KafkaSink* kafka)
      : pipeline_(pipeline),
        scheduler_(scheduler),
        commits_(commits),
        deliveries_(deliveries),
        small_files_(small_files),
        recovery_(recovery),
        reports_(reports),
        kafka_(kafka) {}

  Status Ready() override;
  std::string StatusJson() override;
  std::string SinkJson() override;
  std::string MetricsText() override;
  Result<std::string> JobsJson() override;
  Result<int64_t> StartRecovery() override;

 private:
  const char* SinkName() const { return kafka_ != nullptr ? "kafka" : "bronze"; }

  const Pipeline& pipeline_;
  schedule::Scheduler& scheduler_;
  const lake::CommitLoop& commits_;
  const journal::DeliveryMemory& deliveries_;
  const maintain::SmallFileWatch& small_files_;
  RecoveryLoop* const recovery_;         // nullptr: no hooks are configured
  const FailureReports* const reports_;  // nullptr: no webhook is configured
  const KafkaSink* const kafka_;
};

}  // namespace octolake::cli
