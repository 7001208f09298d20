// Names of GH Archive's hours (gharchive.org).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace octolake::source {

// The URLs of the hours that a text such as 2015-01-01-15, 2015-01-01-{0..23} or
// 2015-01-{01..31}-{0..23} names, below `archive_url`, in order. nullopt if it has not the form of
// one; kInvalidArgument for a day or hour that is not on the calendar.
std::optional<Result<std::vector<std::string>>> ExpandHours(const std::string& text,
                                                            const std::string& archive_url);

}  // namespace octolake::source
