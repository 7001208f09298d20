// librdkafka's mock cluster, for the faults that a real broker cannot be made to show.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>

#include <map>
#include <string>

#include "base/uuid.h"
#include "kafka/client.h"
#include "kafka/handles.h"
#include "kafka/journal_position.h"

namespace octolake::kafka {

class MockCluster {
 public:
  // With these topics, of so many partitions each.
  explicit MockCluster(const std::map<std::string, int>& topics) {
    char text[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
    handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text));
    cluster_ = rd_kafka_mock_cluster_new(handle_.get(), 1);
    for (const auto& [topic, partitions] : topics) {
      rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1);
    }
  }
  ~MockCluster() { rd_kafka_mock_cluster_destroy(cluster_); }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  rd_kafka_mock_cluster_t* get() const { return cluster_; }
  std::string bootstrap_servers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

 private:
  RdClient handle_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

// Positions of a journal that its producer has not written, as of a client with these options, each
// of which the mock answers a fetch of its own with.
inline void PutPositions(const ClientOptions& options, const std::string& topic,
                         const Uuid& journal, uint64_t first, uint64_t last,
                         const std::string& sender) {
  const auto client =
      Client::Make(RD_KAFKA_PRODUCER, options, {{"linger.ms", "0"}}, MakeNullLogger());
  ASSERT_TRUE(client) << client.error().message;
  const std::string key = journal.ToString();
  for (uint64_t sequence = first; sequence <= last; ++sequence) {
    std::string value = EncodePosition({sequence, sender});
    ASSERT_EQ(rd_kafka_producev((*client)->get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                                RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY(key.data(), key.size()),
                                RD_KAFKA_V_VALUE(value.data(), value.size()),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush((*client)->get(), 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
}

}  // namespace octolake::kafka
