// Writers, maintenance, readers and crashes over one lake, in one thread, told by a seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "lab.h"

namespace octolake::simulation {

struct Outcome {
  std::string violation;  // empty: all is as it must be
  std::string trace;      // the last steps
  uint64_t trace_hash = 0;
  int64_t trace_lines = 0;
  // How often what has happened.
  std::map<std::string, int64_t> counts;
};

// The same seed gives the same outcome, step by step. `directory` is an empty local one; it is used
// for locks and the catalog's database, not for tables' files.
Outcome Simulate(uint64_t seed, Bug bug, const std::string& directory);

}  // namespace octolake::simulation
