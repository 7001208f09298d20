// Rows of Bronze as one Avro message (message_schema.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/random.h"
#include "base/result.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::event {

struct MessageOptions {
  int zstd_level = 3;
  // Records compressed together. Larger blocks compress better, and a reader holds one at a time.
  int64_t block_bytes = int64_t{256} << 10;
};

// The rows of a batch of EventSchema(), in the order given, as one object container file with codec
// zstandard. id, type and created_at must not be NULL. ingestion_timestamp becomes received_at;
// ingestion_date, kafka_partition, kafka_offset, event_time and source_file are not in a message.
Result<std::string> EncodeMessage(const arrow::RecordBatch& events, std::span<const int64_t> rows,
                                  RandomSource& random, const MessageOptions& options = {});

}  // namespace octolake::event
