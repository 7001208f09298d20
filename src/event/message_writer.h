// Rows of Bronze as one Avro message (message_schema.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "event/message_rows.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::event {

struct MessageOptions {
  int zstd_level = 3;
  // Records compressed together. Larger blocks compress better, and a reader decompresses one at a
  // time.
  int64_t block_bytes = int64_t{256} << 10;
};

// What a message takes of a reader's limits, or a little more.
struct MessageLoad {
  // With all its fields, unions and what is in them.
  static constexpr int64_t kValuesOfRecord = 50;

  int64_t records = 0;
  int64_t bytes = 0;          // of all blocks, before compression
  int64_t largest_block = 0;  // likewise

  bool Fits(const MessageLimits& limits) const {
    return records <= limits.records && records <= limits.values / kValuesOfRecord &&
           bytes <= limits.total_bytes && largest_block <= limits.block_bytes;
  }
};

// The rows of a batch of EventSchema(), in the order given, as one object container file with codec
// zstandard. id, type and created_at must not be NULL. ingestion_timestamp becomes received_at;
// ingestion_date, kafka_partition, kafka_offset, event_time and source_file are not in a message.
// `load`, if given, is set.
Result<std::string> EncodeMessage(const arrow::RecordBatch& events, std::span<const int64_t> rows,
                                  RandomSource& random, const MessageOptions& options = {},
                                  MessageLoad* load = nullptr);

}  // namespace octolake::event
