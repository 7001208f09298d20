// The 32-bit hash of bucket partitioning: murmur3, x86 variant, seed 0 (specification, appendix B).
#pragma once

#include <cstdint>
#include <string_view>

namespace octolake::iceberg {

uint32_t Murmur3(std::string_view bytes);

}  // namespace octolake::iceberg
