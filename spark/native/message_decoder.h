// Messages to rows, a bounded batch at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/uuid.h"
#include "event/event_reader.h"
#include "spark/native/message_batch.h"
#include "spark/native/octolake_spark.h"

namespace octolake::spark {

// Of each of the two batches of rows that come together.
struct BatchLimits {
  int64_t rows = OCTOLAKE_SPARK_BATCH_ROWS;
  int64_t bytes = OCTOLAKE_SPARK_BATCH_BYTES;  // or one row
};

// A message is decoded when rows of it are asked for. In memory are the rows of one message, which
// MessageLimits bounds, and at most half a batch of those before it. A batch that is kept keeps as
// much: it is a slice of them. Not thread-safe.
class MessageDecoder {
 public:
  explicit MessageDecoder(const BatchLimits& limits = {});
  ~MessageDecoder();

  // `messages`: how many there are. kInvalidArgument while rows of those before are left.
  Status Give(int64_t messages, AddMessage add);
  // The next rows, in the order of the messages; nullopt when there are no more. After an error, or
  // an exception, nothing is left of the messages given: rows of a message that failed half-way
  // must not come with those of others.
  Result<std::optional<event::EventBatch>> Next();
  // Nothing is left of the messages given.
  void Drop();

 private:
  class Work;

  const BatchLimits limits_;
  UuidV7Generator trace_ids_;
  std::unique_ptr<event::MessageRows> rows_;  // while there is no work; nullptr: to be made
  std::unique_ptr<Work> work_;                // nullptr: nothing is left
};

}  // namespace octolake::spark
