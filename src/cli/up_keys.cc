#include "cli/config_keys.h"

namespace octolake::cli {

std::vector<ConfigKey> UpConfigKeys() {
  using enum ConfigType;
  const auto text = [](const char* name, const char* value, const char* description,
                       std::vector<std::string> legacy = {}, bool secret = false) {
    return ConfigKey{name, kString, value, description, std::move(legacy), secret};
  };
  const auto list = [](const char* name, const char* description) {
    return ConfigKey{name, kList, "", description, {}, true};
  };
  const auto limited = [](const char* name, ConfigType type, const char* value,
                          const char* description, const char* at_least, const char* at_most,
                          std::vector<std::string> legacy = {}) {
    return ConfigKey{name, type, value, description, std::move(legacy), false, at_least, at_most};
  };
  return {
      text("gateway.sink", "bronze", "Where accepted events go: bronze or kafka"),
      text("gateway.listen", "127.0.0.1:8080", "Address and port of the gateway"),
      {"gateway.allow_anonymous",
       kBool,
       "false",
       "Listen on any address without asking for a token",
       {},
       false},
      list("gateway.tokens", "Bearer tokens, one of which is to be sent"),
      list("gateway.webhook_secrets",
           "Secrets of GitHub webhooks (several while one is being changed)"),
      text("gateway.tls_certificate", "", "Certificate chain (PEM); empty: no TLS"),
      text("gateway.tls_key", "", "Its private key (PEM)"),
      limited("gateway.workers", kInt, "1", "Threads that serve connections", "1", "256"),
      limited("gateway.max_connections", kInt, "4096", "Connections at once", "1", "1000000"),
      limited("gateway.max_event_size", kSize, "1MB", "A longer event is refused", "1KiB", "32MiB"),
      limited("gateway.max_webhook_size", kSize, "25MiB", "A longer delivery is refused", "1KiB",
              "32MiB"),
      limited("gateway.max_batch_size", kSize, "64MB",
              "A longer (decompressed) batch is refused, and one of more events than a 256th of it",
              "1KiB", "1GiB"),
      limited("gateway.max_bytes_in_flight", kSize, "128MiB",
              "Bodies of all requests together, from first byte to answer; of webhooks half of it",
              "1MiB", ""),
      limited("gateway.idle_timeout", kDuration, "60s", "Between two requests of a connection",
              "100ms", "24h"),
      limited("gateway.head_timeout", kDuration, "10s", "For a request's header to come", "100ms",
              "24h"),
      limited("gateway.body_timeout", kDuration, "10s", "Between two parts of a request's body",
              "100ms", "24h"),
      limited("gateway.request_timeout", kDuration, "60s", "For a whole request to come", "100ms",
              "24h"),
      limited("queue.max_events", kInt, "100000",
              "Events that may wait for the disk; more are refused", "1", "100000000",
              {"QUEUE_MAX_SIZE"}),
      limited("queue.max_bytes", kSize, "64MB", "Their bytes, whichever comes first", "1MiB", ""),
      text("queue.warning_threshold", "0.8",
           "From where on the queue counts as under pressure: a share of it, or a number of events",
           {"QUEUE_WARNING_THRESHOLD"}),
      limited("journal.segment_size", kSize, "64MiB", "Size of the journal's files", "1MiB",
              "2GiB"),
      limited("journal.max_size", kSize, "8GiB", "A larger journal takes no more events", "2MiB",
              ""),
      limited("journal.reserve", kSize, "256MiB",
              "Left free on the disk by the journal, for the tables it is emptied into", "0", ""),
      limited("bronze.commit_interval", kDuration, "30s",
              "Accepted events are committed to Bronze at least so often", "10ms", "24h",
              {"BATCH_MAX_TIME_S"}),
      limited("bronze.commit_size", kSize, "20MB", "A commit takes about so much of the journal",
              "1KiB", "1GiB"),
      limited("pipeline.interval", kDuration, "1h", "Time between two runs of the pipeline", "1s",
              "366d"),
  };
}

}  // namespace octolake::cli
