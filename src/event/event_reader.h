// Reads GitHub events of every era and framing in one streaming pass with bounded memory.
//
// Input is UTF-8 (UTF-16 with a byte order mark is converted) holding JSON documents as lines, as
// concatenated objects, or as elements of arrays, in any mixture. A document becomes one row of
// Bronze or one rejected row; nothing is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "io/byte_source.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace octolake::event {

// Columns of bronze.github_events, in table order, without field ids.
std::shared_ptr<arrow::Schema> EventSchema();
// Columns of bronze.rejected_events, in table order, without field ids.
std::shared_ptr<arrow::Schema> RejectedSchema();

struct ReadOptions {
  std::string source;                       // "gharchive", "collect", "webhook" or "events_api"
  std::string source_file;                  // name kept with every row; empty for none
  TimestampMicros ingestion_timestamp = 0;  // of every row; its UTC day is ingestion_date

  // A longer document is rejected with its beginning; simdjson's own limit is 4 GiB.
  int64_t max_document_bytes = int64_t{32} << 20;
  // How much of a rejected document is kept when it is longer than max_document_bytes.
  int64_t max_rejected_bytes = int64_t{1} << 20;
  int max_depth = 256;  // deeper nesting is rejected

  // A batch ends when either is reached. Batches of this size go through the processor's cache, and
  // through the same memory again and again.
  int64_t batch_rows = 8192;
  int64_t batch_bytes = int64_t{1} << 20;
};

struct EventBatch {
  std::shared_ptr<arrow::RecordBatch> events;    // may have 0 rows, never null
  std::shared_ptr<arrow::RecordBatch> rejected;  // may have 0 rows, never null
  // By rejected row: how many documents of the batch, of both kinds, were read before it.
  std::vector<int64_t> rejected_places;
};

// Gives every row its trace_id, in the order in which the documents were read.
Status FillTraceIds(UuidV7Generator& trace_ids, EventBatch* batch);

// Not thread-safe. `name` (in errors) and the referenced generator must outlive the reader.
class EventReader {
 public:
  virtual ~EventReader() = default;
  // The next batch, or nullopt at the end. On an error of the input (cut gzip, failed read) the
  // documents before it have been returned by earlier calls, and the error is final. An empty
  // input, or one with no document at all, ends without a batch.
  virtual Result<std::optional<EventBatch>> Next() = 0;
};

// `input` is already decompressed. The second gives NULL for every trace_id: whoever reads several
// inputs at once fills them in when their order is known.
std::unique_ptr<EventReader> MakeEventReader(std::unique_ptr<io::ByteSource> input,
                                             ReadOptions options, UuidV7Generator& trace_ids);
std::unique_ptr<EventReader> MakeEventReader(std::unique_ptr<io::ByteSource> input,
                                             ReadOptions options);

}  // namespace octolake::event
