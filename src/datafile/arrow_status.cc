#include "datafile/arrow_status.h"

#include <string>

#include "datafile/arrow_files.h"

namespace octolake::datafile {
namespace {

ErrorKind KindOf(arrow::StatusCode code) {
  switch (code) {
    case arrow::StatusCode::IOError:
      return ErrorKind::kIo;
    case arrow::StatusCode::OutOfMemory:
    case arrow::StatusCode::CapacityError:
      return ErrorKind::kResourceExhausted;
    case arrow::StatusCode::NotImplemented:
      return ErrorKind::kUnsupported;
    default:
      return ErrorKind::kCorruption;
  }
}

}  // namespace

Error FromArrow(const arrow::Status& status, std::string_view context) {
  Error error{KindOf(status.code()), status.message()};
  if (const Error* ours = CarriedError(status)) error = *ours;
  return Error{error.kind, std::string(context) + ": " + error.message};
}

}  // namespace octolake::datafile
