// Looks into a journal's directory without changing it, also while another process writes there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "journal/journal.h"
#include "journal/segment_store.h"

namespace octolake::journal {

struct JournalInspection {
  std::optional<Uuid> uuid;  // nullopt: there is no journal
  std::vector<SegmentSummary> segments;
  int64_t torn_bytes = 0;  // at the end, of a write that was never acknowledged
  // When the oldest and the newest record were received.
  std::optional<TimestampMicros> oldest_received_at;
  std::optional<TimestampMicros> newest_received_at;

  uint64_t first_sequence() const { return segments.empty() ? 1 : segments.front().first_sequence; }
  uint64_t last_sequence() const {
    return segments.empty() ? 0 : segments.back().next_sequence - 1;
  }
};

// kCorruption if the journal is damaged, as Journal::Open has it.
Result<JournalInspection> InspectJournal(SegmentStore& store);

struct JournalDamage {
  std::string segment;  // file name
  int64_t offset = 0;   // in it
  // Records that cannot be read; none known if the last is before the first.
  uint64_t first_sequence = 1;
  uint64_t last_sequence = 0;
  std::string what;
};

struct JournalVerification {
  std::optional<Uuid> uuid;
  int64_t segments = 0;
  int64_t records = 0;  // that are whole
  int64_t bytes = 0;    // of their groups
  int64_t torn_bytes = 0;
  std::vector<JournalDamage> damages;  // in the order of the journal
};

// Reads everything, and goes on behind each damage. An error only if reading itself fails.
Result<JournalVerification> VerifyJournal(SegmentStore& store);

}  // namespace octolake::journal
