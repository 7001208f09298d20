// Batches of Kafka's messages, as the rows of each message.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "event/message_rows.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::spark {

// Adds the rows of one message, which it is told by its number in the batch.
using AddMessage = std::function<Status(event::MessageRows& rows, int64_t message)>;

// As octolake_spark_decode_messages says. kInvalidArgument, naming it, for a column that is missing
// or has another type or a NULL.
Result<AddMessage> MessagesToDecode(const std::shared_ptr<arrow::RecordBatch>& messages,
                                    const std::string& origin);
// As octolake_spark_rejected_messages says, likewise.
Result<AddMessage> MessagesRejectedBefore(const std::shared_ptr<arrow::RecordBatch>& messages,
                                          const std::string& origin);

}  // namespace octolake::spark
