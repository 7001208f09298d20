#include "base/result.h"

namespace octolake {

std::string_view ErrorKindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return "InvalidArgument";
    case ErrorKind::kNotFound:
      return "NotFound";
    case ErrorKind::kAlreadyExists:
      return "AlreadyExists";
    case ErrorKind::kCommitConflict:
      return "CommitConflict";
    case ErrorKind::kCommitStateUnknown:
      return "CommitStateUnknown";
    case ErrorKind::kCorruption:
      return "Corruption";
    case ErrorKind::kTransient:
      return "Transient";
    case ErrorKind::kUnsupported:
      return "Unsupported";
    case ErrorKind::kResourceExhausted:
      return "ResourceExhausted";
    case ErrorKind::kIo:
      return "Io";
  }
  return "Unknown";
}

tl::unexpected<Error> WithContext(Error error, std::string_view context) {
  error.message = std::string(context) + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace octolake
