// Turns rows of bronze.github_events into rows of silver.github_events_parsed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::lake {

// The columns of Bronze that Parse reads.
std::vector<std::string> BronzeColumnsOfSilver();

// Not thread-safe.
class SilverParser {
 public:
  SilverParser();
  ~SilverParser();

  // The given rows (ascending, none twice) of a Bronze batch, with Silver's columns in table order.
  // processed_at is the same for all. kCorruption, naming it, for a row without id, type or
  // event_time, which are what Silver's rows are known by.
  Result<std::shared_ptr<arrow::RecordBatch>> Parse(const arrow::RecordBatch& bronze,
                                                    const std::vector<int64_t>& rows,
                                                    TimestampMicros processed_at);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "<id>@<epoch microseconds>"
std::string EventKey(std::string_view id, TimestampMicros created_at);

}  // namespace octolake::lake
