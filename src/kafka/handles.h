// librdkafka's objects, freed by their owners. For this room only.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>

namespace octolake::kafka {

template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using RdConf = std::unique_ptr<rd_kafka_conf_t, FreedBy<rd_kafka_conf_destroy>>;
using RdClient = std::unique_ptr<rd_kafka_t, FreedBy<rd_kafka_destroy>>;
using RdError = std::unique_ptr<rd_kafka_error_t, FreedBy<rd_kafka_error_destroy>>;
using RdMessage = std::unique_ptr<rd_kafka_message_t, FreedBy<rd_kafka_message_destroy>>;
using RdPartitions = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                     FreedBy<rd_kafka_topic_partition_list_destroy>>;
using RdQueue = std::unique_ptr<rd_kafka_queue_t, FreedBy<rd_kafka_queue_destroy>>;
using RdEvent = std::unique_ptr<rd_kafka_event_t, FreedBy<rd_kafka_event_destroy>>;
using RdHeaders = std::unique_ptr<rd_kafka_headers_t, FreedBy<rd_kafka_headers_destroy>>;
using RdAdminOptions =
    std::unique_ptr<rd_kafka_AdminOptions_t, FreedBy<rd_kafka_AdminOptions_destroy>>;
using RdNewTopic = std::unique_ptr<rd_kafka_NewTopic_t, FreedBy<rd_kafka_NewTopic_destroy>>;
using RdTopics =
    std::unique_ptr<rd_kafka_TopicCollection_t, FreedBy<rd_kafka_TopicCollection_destroy>>;
using RdConfigResource =
    std::unique_ptr<rd_kafka_ConfigResource_t, FreedBy<rd_kafka_ConfigResource_destroy>>;

using RdTopic = std::unique_ptr<rd_kafka_topic_t, FreedBy<rd_kafka_topic_destroy>>;
using RdMetadata = std::unique_ptr<const rd_kafka_metadata_t, FreedBy<rd_kafka_metadata_destroy>>;

}  // namespace octolake::kafka
