// Integers as the journal stores them. For the .cc files of this room only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace octolake::journal {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "integers are stored as they lie in memory");

template <typename Integer>
void PutInteger(std::type_identity_t<Integer> value, std::string& out) {
  char bytes[sizeof(Integer)];
  std::memcpy(bytes, &value, sizeof(Integer));
  out.append(bytes, sizeof(Integer));
}

// `bytes` must hold an integer at `offset`.
template <typename Integer>
Integer GetInteger(std::string_view bytes, size_t offset) {
  Integer value;
  std::memcpy(&value, bytes.data() + offset, sizeof(Integer));
  return value;
}

}  // namespace octolake::journal
