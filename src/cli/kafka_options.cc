#include "cli/kafka_options.h"

#include <string>

namespace octolake::cli {

Result<kafka::ClientOptions> KafkaClientOptionsOf(const Config& config,
                                                  const std::atomic<bool>* cancelled) {
  kafka::ClientOptions options;
  options.bootstrap_servers = config.GetString("kafka.bootstrap_servers");
  if (options.bootstrap_servers.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "no brokers are known: set kafka.bootstrap_servers (or "
                     "KAFKA_BOOTSTRAP_SERVERS) to HOST:PORT");
  }
  options.security_protocol = config.GetString("kafka.security_protocol");
  options.sasl_mechanism = config.GetString("kafka.sasl_mechanism");
  options.sasl_username = config.GetString("kafka.sasl_username");
  options.sasl_password = config.GetString("kafka.sasl_password");
  options.tls_ca = config.GetString("kafka.tls_ca");
  options.tls_certificate = config.GetString("kafka.tls_certificate");
  options.tls_key = config.GetString("kafka.tls_key");
  options.tls_key_password = config.GetString("kafka.tls_key_password");
  options.request_timeout =
      std::chrono::milliseconds(config.GetMicros("kafka.request_timeout") / 1000);
  options.cancelled = cancelled;
  return options;
}

Result<kafka::ProducerOptions> KafkaProducerOptionsOf(const Config& config,
                                                      const std::atomic<bool>* cancelled) {
  kafka::ProducerOptions options;
  OCTO_ASSIGN(options.client, KafkaClientOptionsOf(config, cancelled));
  options.topic = config.GetString("kafka.topic");
  options.create_topics = config.GetBool("kafka.create_topics");
  const int64_t partitions = config.GetInt("kafka.partitions");
  const int64_t replication = config.GetInt("kafka.replication");
  if (partitions > 0) options.partitions = static_cast<int32_t>(partitions);
  if (replication > 0) options.replication = static_cast<int16_t>(replication);
  options.max_records = config.GetInt("kafka.batch_events");
  options.max_bytes = config.GetBytes("kafka.batch_size");
  options.max_message_bytes = config.GetBytes("kafka.max_message_size");
  return options;
}

}  // namespace octolake::cli
