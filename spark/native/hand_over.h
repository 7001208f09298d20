// Rows that were taken from a decoder, on their way to the caller.
#pragma once

#include <arrow/c/abi.h>
#include <arrow/record_batch.h>

#include "base/result.h"
#include "spark/native/boundary.h"
#include "spark/native/message_decoder.h"

namespace octolake::spark {

// The caller takes both batches or none. Unless both were exported, by an error or an exception,
// nothing is left of the messages: rows that were not handed over must not be passed by.
class HandOver {
 public:
  explicit HandOver(MessageDecoder& decoder) : decoder_(decoder) {}
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;
  ~HandOver() {
    if (is_done_) return;
    if (array_ != nullptr) {
      array_->release(array_);
      schema_->release(schema_);
    }
    decoder_.Drop();
  }

  Status ExportFirst(const arrow::RecordBatch& batch, ArrowArray* array, ArrowSchema* schema) {
    OCTO_TRY(ExportBatch(batch, array, schema));
    array_ = array;
    schema_ = schema;
    return {};
  }
  Status ExportLast(const arrow::RecordBatch& batch, ArrowArray* array, ArrowSchema* schema) {
    OCTO_TRY(ExportBatch(batch, array, schema));
    is_done_ = true;
    return {};
  }

 private:
  MessageDecoder& decoder_;
  ArrowArray* array_ = nullptr;  // of the first, once it is exported
  ArrowSchema* schema_ = nullptr;
  bool is_done_ = false;
};

}  // namespace octolake::spark
