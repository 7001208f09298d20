// The topics that a producer sends to, and what they take.
#pragma once

#include <cstdint>

#include "base/logging.h"
#include "base/result.h"
#include "kafka/client.h"
#include "kafka/journal_producer.h"
#include "kafka/message_batch.h"

namespace octolake::kafka {

// Where the broker does not say what a topic takes (its configuration may be hidden).
inline constexpr int64_t kUsualMaxMessage = 1'048'588;

struct ProducerTopics {
  BatchLimits limits;
  int64_t max_message = kUsualMaxMessage;  // that both topics of messages take
};

// Makes those that are missing, if it may. kTransient, also for a topic that is not as it has to
// be: it may be altered.
Result<ProducerTopics> PrepareTopics(Client& admin, const ProducerOptions& options,
                                     const Logger& logger);

}  // namespace octolake::kafka
