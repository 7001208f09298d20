#include "kafka/client.h"

#include <spdlog/spdlog.h>

#include <string_view>

namespace octolake::kafka {
namespace {

// syslog's, as librdkafka has them.
constexpr int kCritical = 2;

constexpr size_t kErrorBytes = 512;

bool IsAboutTheConnection(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
         code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__RESOLVE ||
         code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE || code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
}

Properties PropertiesOf(const ClientOptions& options) {
  Properties properties = {
      {"bootstrap.servers", options.bootstrap_servers},
      {"security.protocol", options.security_protocol},
      {"sasl.mechanism", options.sasl_mechanism},
      {"sasl.username", options.sasl_username},
      {"sasl.password", options.sasl_password},
      {"ssl.ca.location", options.tls_ca},
      {"ssl.certificate.location", options.tls_certificate},
      {"ssl.key.location", options.tls_key},
      {"ssl.key.password", options.tls_key_password},
      {"client.id", "octolake"},
      {"log.connection.close", "false"},
      // A broker that comes back is to be noticed soon.
      {"reconnect.backoff.max.ms", "2000"},
      {"allow.auto.create.topics", "false"},
  };
  std::erase_if(properties, [](const auto& property) { return property.second.empty(); });
  return properties;
}

Status Set(rd_kafka_conf_t* conf, const Properties& properties) {
  char text[kErrorBytes];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) ==
        RD_KAFKA_CONF_OK) {
      continue;
    }
    // The text may have the value, and the value may be a password.
    const bool secret = name.find("password") != std::string::npos;
    return MakeError(ErrorKind::kInvalidArgument,
                     "Kafka: " + (secret ? "the value of " + name + " is refused" : text));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Client>> Client::Make(rd_kafka_type_t type, const ClientOptions& options,
                                             const Properties& properties, Logger logger,
                                             OnRebalance on_rebalance) {
  std::unique_ptr<Client> client(new Client(options, std::move(logger), std::move(on_rebalance)));
  RdConf conf(rd_kafka_conf_new());
  OCTO_TRY(Set(conf.get(), PropertiesOf(options)));
  OCTO_TRY(Set(conf.get(), properties));
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), OnLog);
  if (client->on_rebalance_) rd_kafka_conf_set_rebalance_cb(conf.get(), TellRebalance);
  char text[kErrorBytes];
  rd_kafka_t* handle = rd_kafka_new(type, conf.get(), text, sizeof text);
  if (handle == nullptr) {
    // Threads may be refused for a while; wrong settings stay wrong.
    const bool for_good = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__INVALID_ARG;
    return MakeError(for_good ? ErrorKind::kInvalidArgument : ErrorKind::kTransient,
                     std::string("Kafka: ") + text);
  }
  static_cast<void>(conf.release());  // the handle's now
  client->handle_.reset(handle);
  return client;
}

// Connections that fail are tried again for as long as it takes, and would fill the log; the last
// of these lines is kept for the request that fails for them. Called from librdkafka's threads.
void Client::OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  auto* const client = static_cast<Client*>(rd_kafka_opaque(handle));
  if (level <= kCritical) {
    client->logger_->error("Kafka: {}: {}", facility, text);
  } else {
    client->logger_->debug("Kafka: {}: {}", facility, text);
  }
  // "ERROR" lines only count what "FAIL" lines explain.
  if (std::string_view(facility) != "FAIL") return;
  std::string_view complaint = text;
  constexpr std::string_view kThreadEnd = "]: ";  // "[thrd:…]: "
  const size_t end = complaint.starts_with('[') ? complaint.find(kThreadEnd) : complaint.npos;
  if (end != complaint.npos) complaint.remove_prefix(end + kThreadEnd.size());
  const std::lock_guard lock(client->mutex_);
  client->complaint_ = complaint;
}

void Client::TellRebalance(rd_kafka_t*, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* partitions, void* client) {
  static_cast<Client*>(client)->on_rebalance_(code, *partitions);
}

std::string Client::LastComplaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

tl::unexpected<Error> Client::Failed(const std::string& what, rd_kafka_resp_err_t code,
                                     const std::string& detail) const {
  std::string text = "Kafka at " + options_.bootstrap_servers + ": " + what + ": " +
                     (detail.empty() ? rd_kafka_err2str(code) : detail);
  const std::string complaint = IsAboutTheConnection(code) ? LastComplaint() : "";
  if (!complaint.empty()) text += " (" + complaint + ")";
  return MakeError(ErrorKind::kTransient, std::move(text));
}

tl::unexpected<Error> Client::Failed(const std::string& what, const rd_kafka_error_t& error) const {
  return Failed(what, rd_kafka_error_code(&error), rd_kafka_error_string(&error));
}

}  // namespace octolake::kafka
