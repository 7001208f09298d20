// What the gateway shows of the parts beside it.
#pragma once

#include <string>

#include "cli/pipeline_loop.h"
#include "gateway/status_source.h"
#include "journal/delivery_memory.h"
#include "lake/commit_loop.h"

namespace octolake::cli {

class UpStatus final : public gateway::StatusSource {
 public:
  UpStatus(const PipelineLoop& pipeline, const lake::CommitLoop& commits,
           const journal::DeliveryMemory& deliveries)
      : pipeline_(pipeline), commits_(commits), deliveries_(deliveries) {}

  Status Ready() override;
  std::string StatusJson() override;
  std::string MetricsText() override;

 private:
  const PipelineLoop& pipeline_;
  const lake::CommitLoop& commits_;
  const journal::DeliveryMemory& deliveries_;
};

}  // namespace octolake::cli
