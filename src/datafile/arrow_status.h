// Arrow's errors as ours. Rooms below event/ that use Arrow directly include this.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <string_view>

#include "base/result.h"

namespace octolake::datafile {

// kIo for IOError, kResourceExhausted for OutOfMemory and CapacityError, kUnsupported for
// NotImplemented, kCorruption for the rest; `context` names the file or the step.
Error FromArrow(const arrow::Status& status, std::string_view context);

inline Status ToStatus(const arrow::Status& status, std::string_view context) {
  if (status.ok()) return {};
  return tl::unexpected<Error>(FromArrow(status, context));
}

template <typename T>
Result<T> ToResult(arrow::Result<T> result, std::string_view context) {
  if (result.ok()) return std::move(result).ValueUnsafe();
  return tl::unexpected<Error>(FromArrow(result.status(), context));
}

}  // namespace octolake::datafile
