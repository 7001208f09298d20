// Whether a body is one event, as far as the door looks.
#pragma once

#include <string>
#include <string_view>

#include "event/json_index.h"

namespace octolake::gateway {

// Empty if `body` is one JSON object and nothing else; else why not. kJsonPadding bytes behind it
// must be readable.
std::string CheckEvent(event::JsonIndex& json, std::string_view body);

}  // namespace octolake::gateway
