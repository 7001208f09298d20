#include "cli/config_keys.h"

namespace octolake::cli {

std::vector<ConfigKey> KafkaConfigKeys() {
  using enum ConfigType;
  const auto text = [](const char* name, const char* value, const char* description,
                       std::vector<std::string> legacy = {}, bool secret = false) {
    return ConfigKey{name, kString, value, description, std::move(legacy), secret};
  };
  const auto limited = [](const char* name, ConfigType type, const char* value,
                          const char* description, const char* at_least, const char* at_most,
                          std::vector<std::string> legacy = {}) {
    return ConfigKey{name, type, value, description, std::move(legacy), false, at_least, at_most};
  };
  return {
      text("kafka.bootstrap_servers", "", "Brokers to begin with: HOST:PORT, several with commas",
           {"KAFKA_BOOTSTRAP_SERVERS"}),
      text("kafka.topic", "raw_metrics_avro",
           "Topic of events; beside it <topic>.rejected and <topic>.positions", {"KAFKA_TOPIC"}),
      text("kafka.security_protocol", "plaintext", "plaintext, ssl, sasl_plaintext or sasl_ssl"),
      text("kafka.sasl_mechanism", "", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),
      text("kafka.sasl_username", "", "User name for it"),
      text("kafka.sasl_password", "", "The user's password", {}, true),
      text("kafka.tls_ca", "",
           "Certificates to trust (PEM file or directory); empty: the system's"),
      text("kafka.tls_certificate", "", "The client's certificate chain (PEM)"),
      text("kafka.tls_key", "", "Its private key (PEM)"),
      text("kafka.tls_key_password", "", "The private key's password", {}, true),
      limited("kafka.request_timeout", kDuration, "30s", "One request to the cluster", "1s", "5m"),
      limited("kafka.batch_events", kInt, "5000",
              "Events sent in one transaction; so many do not wait for kafka.batch_time", "1",
              "1000000", {"BATCH_MAX_SIZE"}),
      limited("kafka.batch_size", kSize, "16MiB", "Their bytes, whichever comes first", "1KiB",
              "256MiB"),
      limited("kafka.batch_time", kDuration, "5s",
              "Time between two transactions while there is less than that", "10ms", "1h",
              {"BATCH_MAX_TIME_S"}),
      limited("kafka.max_message_size", kSize, "1MB",
              "A message with events is kept below it, and below what the topic takes", "1KiB",
              "90MB"),
      limited("kafka.retry_backoff", kDuration, "500ms",
              "Wait after a transaction that failed; it doubles with each further failure", "1ms",
              "1h", {"KAFKA_RETRY_BACKOFF_BASE_S"}),
      limited("kafka.retry_max", kInt, "3",
              "So often it doubles; then it stays, and retries go on for as long as it takes", "0",
              "20", {"KAFKA_RETRY_MAX"}),
      {"kafka.create_topics", kBool, "true", "Make the topics that are missing", {}, false},
      limited("kafka.partitions", kInt, "0",
              "Partitions of a topic of events made here; 0: the broker's default", "0", "100000"),
      limited("kafka.replication", kInt, "0", "Its replicas; 0: the broker's default", "0", "1000"),
      text("kafka.group", "octolake",
           "Consumer group of 'ingest --from kafka': who has which partition"),
  };
}

}  // namespace octolake::cli
