// The configuration of Kafka as its room takes it.
#pragma once

#include <atomic>

#include "base/config.h"
#include "base/result.h"
#include "kafka/journal_producer.h"

namespace octolake::cli {

// kInvalidArgument without kafka.bootstrap_servers. `cancelled` must outlive the clients.
Result<kafka::ClientOptions> KafkaClientOptionsOf(const Config& config,
                                                  const std::atomic<bool>* cancelled);
Result<kafka::ProducerOptions> KafkaProducerOptionsOf(const Config& config,
                                                      const std::atomic<bool>* cancelled);

}  // namespace octolake::cli
