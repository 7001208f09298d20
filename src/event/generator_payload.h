// The payload of one synthetic event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "event/generator.h"
#include "event/generator_world.h"

namespace octolake::event {

struct PayloadInput {
  Era era = Era::k2015;
  std::string_view type;
  Account actor;
  Repository repository;
  std::string created_at;  // as in the Events API
  int64_t revision = 0;    // counters of the same event seen later differ by it
  uint64_t seed = 0;
};

// JSON text of an object; "" where the era's event has no payload.
std::string MakePayload(const PayloadInput& input);

}  // namespace octolake::event
