// Arrow record batches of EventSchema() and RejectedSchema(), row by row.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "event/event_row.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::event {

// The columns every row of a reader shares.
struct RowOrigin {
  std::string source;
  std::string source_file;  // empty: NULL
  TimestampMicros ingestion_timestamp = 0;
};

// trace_id is NULL in every row. Not thread-safe. Errors are those of Arrow: no memory
// (kResourceExhausted), or more than 2 GiB in one text column of one batch.
class EventRowBuilder {
 public:
  explicit EventRowBuilder(RowOrigin origin);
  ~EventRowBuilder();

  Status Append(const EventRow& row);
  int64_t rows() const;
  int64_t text_bytes() const;  // of the rows appended since the last Finish, in all text columns
  // The rows appended since the last Finish.
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  struct Columns;
  RowOrigin origin_;
  std::unique_ptr<Columns> columns_;
};

struct RejectedRow {
  std::string_view raw;
  std::string_view reason;
  int64_t ordinal = 0;
  int64_t byte_offset = 0;
};

class RejectedRowBuilder {
 public:
  explicit RejectedRowBuilder(RowOrigin origin);
  ~RejectedRowBuilder();

  Status Append(const RejectedRow& row);
  int64_t rows() const;
  int64_t text_bytes() const;  // likewise, and in raw
  Result<std::shared_ptr<arrow::RecordBatch>> Finish();

 private:
  struct Columns;
  RowOrigin origin_;
  std::unique_ptr<Columns> columns_;
};

}  // namespace octolake::event
