// Arrow's errors as ours, inside this room.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <string>

#include "base/result.h"

namespace octolake::event {

inline Status FromArrow(const arrow::Status& status) {
  if (status.ok()) return {};
  const bool resources = status.IsOutOfMemory() || status.IsCapacityError();
  return MakeError(resources ? ErrorKind::kResourceExhausted : ErrorKind::kCorruption,
                   "building a batch of events: " + status.ToString());
}

template <typename T>
Result<T> FromArrow(arrow::Result<T> result) {
  if (result.ok()) return std::move(result).ValueUnsafe();
  OCTO_TRY(FromArrow(result.status()));
  return MakeError(ErrorKind::kCorruption, "building a batch of events: no value");
}

}  // namespace octolake::event
