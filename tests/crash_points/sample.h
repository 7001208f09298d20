// How much of all that could be tried is tried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace octolake::crash {

inline std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// OCTOLAKE_CRASH_POINTS=all.
inline bool TryAll() { return Variable("OCTOLAKE_CRASH_POINTS") == "all"; }

// OCTOLAKE_CRASH_POINTS=N, for each test.
inline size_t SampleSize(size_t if_not_set) {
  const std::string wanted = Variable("OCTOLAKE_CRASH_POINTS");
  return wanted.empty() ? if_not_set : std::stoull(wanted);
}

// OCTOLAKE_CRASH_SEED=N; which of them.
inline uint64_t SampleSeed() {
  const std::string seed = Variable("OCTOLAKE_CRASH_SEED");
  return seed.empty() ? 1 : std::stoull(seed);
}

}  // namespace octolake::crash
