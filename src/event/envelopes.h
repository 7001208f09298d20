// The columns that differ from row to row where documents come one by one, while all rows of a file
// share them: trace_id, source and the time of receipt.
#pragma once

#include <arrow/api.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"

namespace octolake::event {

struct Envelope {
  Uuid trace_id;
  std::string_view source;
  TimestampMicros received_at = 0;  // ingestion_timestamp, or received
};

using NamedArrays = std::vector<std::pair<const char*, std::shared_ptr<arrow::Array>>>;
// Puts columns in the place of those of the same names, which the batch must have.
arrow::Status ReplaceColumns(const NamedArrays& columns,
                             std::shared_ptr<arrow::RecordBatch>* batch);

// Collects one envelope a row. Not thread-safe.
class Envelopes {
 public:
  arrow::Status Add(const Envelope& envelope);
  // Of trace_id and source, of the envelopes added since the last Put.
  int64_t text_bytes() const { return trace_id_.value_data_length() + source_.value_data_length(); }
  // Each begins anew afterwards. The batch must have as many rows as envelopes were added; in
  // rejected rows byte_offset becomes NULL.
  arrow::Status PutIntoEvents(std::shared_ptr<arrow::RecordBatch>* batch);
  arrow::Status PutIntoRejected(std::shared_ptr<arrow::RecordBatch>* batch);

 private:
  arrow::StringBuilder trace_id_;
  arrow::StringBuilder source_;
  arrow::TimestampBuilder received_{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                    arrow::default_memory_pool()};
  arrow::Date32Builder day_;
};

}  // namespace octolake::event
