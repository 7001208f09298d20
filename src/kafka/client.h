// A connection to a Kafka cluster: a producer or a consumer of librdkafka with our settings.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/result.h"
#include "kafka/handles.h"

namespace octolake::kafka {

// How the cluster is reached. Empty texts are left to librdkafka.
struct ClientOptions {
  std::string bootstrap_servers;
  std::string security_protocol = "plaintext";  // plaintext, ssl, sasl_plaintext, sasl_ssl
  std::string sasl_mechanism;                   // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
  std::string sasl_username;
  std::string sasl_password;
  std::string tls_ca;           // file or directory of certificates
  std::string tls_certificate;  // PEM file, as the next
  std::string tls_key;
  std::string tls_key_password;
  // One request to the cluster takes no longer.
  std::chrono::milliseconds request_timeout{30'000};
  // Nor does a question about what topics are, which not every broker answers.
  std::chrono::milliseconds describe_timeout{30'000};
  // When it becomes true, requests end early, with an error. Must outlive the clients; nullptr:
  // they take their time.
  const std::atomic<bool>* cancelled = nullptr;
};

// Told of a rebalance within rd_kafka_consumer_poll; has to call rd_kafka_assign.
using OnRebalance =
    std::function<void(rd_kafka_resp_err_t, const rd_kafka_topic_partition_list_t&)>;

using Properties = std::vector<std::pair<std::string, std::string>>;

// Thread-safe as librdkafka's handle is.
class Client {
 public:
  // Connects in the background; a cluster that is away is no error here. kInvalidArgument for a
  // setting that librdkafka refuses; it names the setting, never a secret.
  static Result<std::unique_ptr<Client>> Make(rd_kafka_type_t type, const ClientOptions& options,
                                              const Properties& properties, Logger logger,
                                              OnRebalance on_rebalance = {});

  rd_kafka_t* get() const { return handle_.get(); }
  const ClientOptions& options() const { return options_; }
  bool cancelled() const { return options_.cancelled != nullptr && options_.cancelled->load(); }
  // Calls a function that is given a timeout in milliseconds and may be called again after an error
  // that is retriable (init_transactions, commit_transaction), until it ends, or `limit` has
  // passed.
  template <typename Call>
  RdError Resume(std::chrono::milliseconds limit, const Call& call) const {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (true) {
      RdError error(call(kStepMillis));
      if (error == nullptr || rd_kafka_error_is_retriable(error.get()) == 0 ||
          std::chrono::steady_clock::now() >= deadline || cancelled()) {
        return error;
      }
      // Those that are no timeouts come at once.
      std::this_thread::sleep_for(kPause);
    }
  }
  static constexpr std::chrono::milliseconds kPause{50};
  // Between two looks at whether a wait was cancelled.
  static constexpr int kStepMillis = 500;

  int timeout_ms() const { return static_cast<int>(options_.request_timeout.count()); }
  // An error of a request, with what the client last said of its connections where that explains
  // it.
  tl::unexpected<Error> Failed(const std::string& what, rd_kafka_resp_err_t code,
                               const std::string& detail = "") const;
  tl::unexpected<Error> Failed(const std::string& what, const rd_kafka_error_t& error) const;

 private:
  Client(ClientOptions options, Logger logger, OnRebalance on_rebalance)
      : options_(std::move(options)),
        logger_(std::move(logger)),
        on_rebalance_(std::move(on_rebalance)) {}
  static void OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  static void TellRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                            rd_kafka_topic_partition_list_t* partitions, void* client);
  std::string LastComplaint() const;

  const ClientOptions options_;
  const Logger logger_;
  const OnRebalance on_rebalance_;
  mutable std::mutex mutex_;
  std::string complaint_;
  RdClient handle_;  // ends first: it calls back
};

}  // namespace octolake::kafka
