// Errors of the operating system as Error values.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace octolake::io {

// The error of a failed system call: "cannot <action> <path>: <reason>", with what to do where that
// is known. Kinds: ENOENT kNotFound, EEXIST kAlreadyExists, no space, quota, file size and open
// files kResourceExhausted, a bad name kInvalidArgument, anything else kIo.
tl::unexpected<Error> ErrnoError(int error, std::string_view action, const std::string& path);

}  // namespace octolake::io
