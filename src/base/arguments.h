// The arguments of a command, and the line that says the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace octolake {

// The words of a line, as a POSIX shell quotes them: '...' as it is, "..." with \" and \\ in it,
// and \ before any other character. Nothing is expanded: kInvalidArgument for what a shell would
// take for more than text ($ ` | & ; < > ( ) * ?) outside quotes, and for quotes that do not end.
Result<std::vector<std::string>> SplitArguments(std::string_view line);

// A line that SplitArguments takes apart again into the same.
std::string JoinArguments(const std::vector<std::string>& arguments);

}  // namespace octolake
