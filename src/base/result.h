// Errors as values. Every fallible function returns Result<T> or Status; a caller decides by kind,
// never by message. No exception leaves a room.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace octolake {

enum class ErrorKind {
  kInvalidArgument,     // what the caller or the user gave cannot be used
  kNotFound,            // a file, table, snapshot or column that should be there is not
  kAlreadyExists,       // creating what is there already
  kCommitConflict,      // another commit came first; start again from the new state
  kCommitStateUnknown,  // the commit may or may not have taken effect; delete nothing
  kCorruption,          // bytes on disk are not what their format says
  kTransient,           // a later try may succeed (busy, timed out)
  kUnsupported,         // valid, but something this program does not do
  kResourceExhausted,   // a limit was met (memory, size, open files, disk space)
  kIo,                  // the operating system or a store failed
};

// The kind's name as it is spelled above without the k, for example "CommitConflict".
std::string_view ErrorKindName(ErrorKind kind);

struct Error {
  ErrorKind kind;
  // Names the thing, what was expected, what was found and what to do.
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> MakeError(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

// The same error with `context` and ": " before its message.
tl::unexpected<Error> WithContext(Error error, std::string_view context);

}  // namespace octolake

#define OCTO_CONCAT_INNER(a, b) a##b
#define OCTO_CONCAT(a, b) OCTO_CONCAT_INNER(a, b)

// Evaluates an expression of type Result<...>; on error returns it from the current function.
#define OCTO_TRY(expr)                                                          \
  do {                                                                          \
    if (auto octo_status = (expr); !octo_status) {                              \
      return tl::unexpected<::octolake::Error>(std::move(octo_status).error()); \
    }                                                                           \
  } while (false)

#define OCTO_ASSIGN_IMPL(tmp, lhs, expr)                              \
  auto tmp = (expr);                                                  \
  if (!tmp) {                                                         \
    return tl::unexpected<::octolake::Error>(std::move(tmp).error()); \
  }                                                                   \
  lhs = std::move(tmp).value()

// OCTO_ASSIGN(auto x, F()); assigns the value or returns the error from the current function.
#define OCTO_ASSIGN(lhs, expr) OCTO_ASSIGN_IMPL(OCTO_CONCAT(octo_result_, __COUNTER__), lhs, expr)
