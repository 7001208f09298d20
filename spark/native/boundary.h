// Between C++ and the C interface: results as codes and texts, exceptions stopped, batches through
// the Arrow C data interface.
#pragma once

#include <arrow/c/abi.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "base/result.h"
#include "spark/native/octolake_spark.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::spark {

int32_t StatusOf(ErrorKind kind);

// A copy that octolake_spark_free frees; nullptr if there is no memory for it.
char* CopyOf(const std::string& text) noexcept;

// Takes both over. kInvalidArgument if they are no batch of well-formed arrays.
Result<std::shared_ptr<arrow::RecordBatch>> ImportBatch(ArrowArray* array, ArrowSchema* schema);
Status ExportBatch(const arrow::RecordBatch& batch, ArrowArray* array, ArrowSchema* schema);

// What every function of the interface runs in. `message` may be null.
template <typename Function>
int32_t AtBoundary(char** message, const Function& function) noexcept {
  if (message != nullptr) *message = nullptr;
  try {
    const Status done = function();
    if (done) return OCTOLAKE_SPARK_OK;
    if (message != nullptr) *message = CopyOf(done.error().message);
    return StatusOf(done.error().kind);
  } catch (const std::bad_alloc&) {
    return OCTOLAKE_SPARK_RESOURCE_EXHAUSTED;
  } catch (const std::exception& error) {
    if (message != nullptr) *message = CopyOf(error.what());
    return OCTOLAKE_SPARK_OTHER;
  } catch (...) {
    return OCTOLAKE_SPARK_OTHER;
  }
}

}  // namespace octolake::spark
