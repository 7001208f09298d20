// Batches of Kafka's messages to batches of rows.
#pragma once

#include <string>

#include "base/result.h"
#include "event/event_reader.h"
#include "event/message_rows.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::spark {

// As octolake_spark_decode_messages says. kInvalidArgument, naming it, for a column that is missing
// or has another type or a NULL.
Result<event::EventBatch> DecodeMessages(event::MessageRows& rows,
                                         const arrow::RecordBatch& messages,
                                         const std::string& origin);
// As octolake_spark_rejected_messages says; no events.
Result<event::EventBatch> RowsOfRejected(event::MessageRows& rows,
                                         const arrow::RecordBatch& messages,
                                         const std::string& origin);

}  // namespace octolake::spark
