#include "io/errno_error.h"

#include <cerrno>
#include <system_error>

namespace octolake::io {
namespace {

struct Meaning {
  ErrorKind kind;
  std::string_view advice;
};

Meaning MeaningOf(int error) {
  switch (error) {
    case ENOENT:
      return {ErrorKind::kNotFound, ""};
    case EEXIST:
      return {ErrorKind::kAlreadyExists, ""};
    case ENOSPC:
      return {ErrorKind::kResourceExhausted, "free space on the disk and try again"};
    case EDQUOT:
      return {ErrorKind::kResourceExhausted, "raise the disk quota or free space"};
    case EFBIG:
      return {ErrorKind::kResourceExhausted, "raise the limit on file sizes (ulimit -f)"};
    case EMFILE:
    case ENFILE:
      return {ErrorKind::kResourceExhausted, "raise the limit on open files (ulimit -n)"};
    case ENAMETOOLONG:
    case EINVAL:
      return {ErrorKind::kInvalidArgument, ""};
    case EACCES:
    case EPERM:
      return {ErrorKind::kIo, "check the permissions of the path and of its directories"};
    case EROFS:
      return {ErrorKind::kIo, "the file system is mounted read-only; choose another directory"};
    case ENOTDIR:
      return {ErrorKind::kIo, "a part of the path is a file, not a directory"};
    case EISDIR:
      return {ErrorKind::kIo, "a file was expected here, not a directory"};
    default:
      return {ErrorKind::kIo, ""};
  }
}

}  // namespace

tl::unexpected<Error> ErrnoError(int error, std::string_view action, const std::string& path) {
  const Meaning meaning = MeaningOf(error);
  std::string message =
      "cannot " + std::string(action) + " " + path + ": " + std::generic_category().message(error);
  if (!meaning.advice.empty()) message += " (" + std::string(meaning.advice) + ")";
  return MakeError(meaning.kind, std::move(message));
}

}  // namespace octolake::io
