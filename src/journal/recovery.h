// What a journal's directory holds after whatever happened. For this room only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "journal/segment_store.h"
#include "journal/segments.h"

namespace octolake::journal {

struct RecoveredJournal {
  std::optional<Uuid> uuid;  // nullopt: there is no journal yet
  std::vector<SegmentInfo> segments;
  int64_t torn_bytes = 0;  // behind the end of the last segment
};

// Reads every segment; changes nothing. kCorruption, naming segment and place, if anything that was
// synced is damaged or missing; `directory` is named as well.
Result<RecoveredJournal> RecoverJournal(SegmentStore& store);

// Numbers of the segments in the store, ascending.
Result<std::vector<uint64_t>> SegmentNumbers(SegmentStore& store);

}  // namespace octolake::journal
