// Synthetic GitHub events for tests, demonstrations and benchmarks: valid in shape, invented in
// content, with the skew and the oddities of the real stream.
//
// - 2011: the timeline shape without ids; 2015: the Events API with full payloads; 2025: after
//   payloads were cut in October 2025.
// - A few repositories and actors have most of the events; some actors are bots, some repositories
//   belong to organisations.
// - A few events come late by seconds, hours or days; a few come again byte for byte, and rarely
//   one comes again with the same id and other counters.
// - Titles in many scripts, the raw line separator U+2028, bodies of up to 60 KB.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace octolake::event {

enum class Era { k2011, k2015, k2025 };

// "2011", "2015" or "2025".
Result<Era> ParseEra(std::string_view name);

struct GeneratorOptions {
  uint64_t seed = 1;
  Era era = Era::k2015;
  // created_at of the first event; 0 means a fixed time within the era.
  TimestampMicros start = 0;
  // Events in a second of created_at.
  double rate = 10;
  int64_t actors = 4000;
  int64_t repositories = 3000;
};

// The same options give the same events on every platform. Not thread-safe; endless.
class EventGenerator {
 public:
  explicit EventGenerator(const GeneratorOptions& options);
  ~EventGenerator();
  EventGenerator(EventGenerator&&) noexcept;
  EventGenerator& operator=(EventGenerator&&) noexcept;

  // The next event as JSON text on one line, without a line break.
  std::string Next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octolake::event
