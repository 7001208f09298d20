#include "spark/native/boundary.h"

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>

#include <cstdlib>
#include <cstring>

namespace octolake::spark {

int32_t StatusOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return OCTOLAKE_SPARK_INVALID_ARGUMENT;
    case ErrorKind::kCorruption:
      return OCTOLAKE_SPARK_CORRUPTION;
    case ErrorKind::kResourceExhausted:
      return OCTOLAKE_SPARK_RESOURCE_EXHAUSTED;
    default:
      return OCTOLAKE_SPARK_OTHER;
  }
}

char* CopyOf(const std::string& text) noexcept {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy != nullptr) std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

Result<std::shared_ptr<arrow::RecordBatch>> ImportBatch(ArrowArray* array, ArrowSchema* schema) {
  auto imported = arrow::ImportRecordBatch(array, schema);
  arrow::Status valid = imported.status();
  // Not in full: what buffers hold is for the one who gave them to answer for, and it asks for
  // UTF-8, which the parsers do not need.
  if (valid.ok()) valid = (*imported)->Validate();
  if (valid.ok()) return *std::move(imported);
  return MakeError(
      ErrorKind::kInvalidArgument,
      "the batch given should be a well-formed Arrow record batch: " + valid.ToString());
}

Status ExportBatch(const arrow::RecordBatch& batch, ArrowArray* array, ArrowSchema* schema) {
  const arrow::Status exported = arrow::ExportRecordBatch(batch, array, schema);
  if (exported.ok()) return {};
  return MakeError(ErrorKind::kResourceExhausted, "handing over a batch of " +
                                                      std::to_string(batch.num_rows()) +
                                                      " rows: " + exported.ToString());
}

}  // namespace octolake::spark
