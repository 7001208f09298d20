#include "journal/inspection.h"

#include "journal/reader.h"
#include "journal/recovery.h"
#include "journal/segment_format.h"
#include "journal/steady_look.h"

namespace octolake::journal {
namespace {

Result<std::optional<TimestampMicros>> TimeOfRecord(SegmentStore& store, const Segments& segments,
                                                    uint64_t sequence) {
  OCTO_ASSIGN(const auto records, MakeReader(store, segments, sequence - 1)->Next(1));
  if (records.empty()) return std::optional<TimestampMicros>();
  return std::optional(records.front().record.received_at);
}

Result<JournalInspection> Inspect(SegmentStore& store) {
  OCTO_ASSIGN(const RecoveredJournal recovered, RecoverJournal(store));
  JournalInspection inspection;
  inspection.uuid = recovered.uuid;
  inspection.torn_bytes = recovered.torn_bytes;
  for (const SegmentInfo& segment : recovered.segments) {
    inspection.segments.push_back({segment.number, segment.first_sequence, segment.next_sequence,
                                   segment.end - kSegmentHeaderBytes, segment.created_at});
  }
  if (inspection.last_sequence() < inspection.first_sequence()) return inspection;
  const Segments segments(*recovered.uuid, recovered.segments);
  OCTO_ASSIGN(inspection.oldest_received_at,
              TimeOfRecord(store, segments, inspection.first_sequence()));
  OCTO_ASSIGN(inspection.newest_received_at,
              TimeOfRecord(store, segments, inspection.last_sequence()));
  return inspection;
}

}  // namespace

Result<JournalInspection> InspectJournal(SegmentStore& store) {
  return LookSteadily(
      store, [&] { return Inspect(store); }, [](const auto& found) { return found.has_value(); });
}

}  // namespace octolake::journal
