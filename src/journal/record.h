// What the journal keeps of an event: the bytes as they were received, and an envelope.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"

namespace octolake::journal {

struct Record {
  Uuid trace_id;
  TimestampMicros received_at = 0;
  std::string source;                                        // "collect", "webhook", ...
  std::string delivery_id;                                   // of a webhook; empty for none
  std::vector<std::pair<std::string, std::string>> headers;  // those that matter, names as received
  std::string body;

  friend bool operator==(const Record&, const Record&) = default;
};

// Sources that begin so are the journal's own (delivery_memory.h): they are no events, and whoever
// consumes events passes over them.
inline constexpr std::string_view kOwnSourcePrefix = "octolake.";
inline bool IsOwnRecord(const Record& record) {
  return record.source.starts_with(kOwnSourcePrefix);
}

// Bytes that AppendRecord adds. docs/formats/journal.md has the layout.
int64_t EncodedSize(const Record& record);
// Adds length, CRC and the record to `out`; the CRC goes on from `crc_before`, which says where the
// record is (RecordCrcOf). The record must be smaller than 4 GiB.
void AppendRecord(const Record& record, uint32_t crc_before, std::string& out);

// Takes the record at the front of `bytes`. kCorruption, saying what is wrong, if it is not whole.
Result<Record> TakeRecord(std::string_view& bytes, uint32_t crc_before);

}  // namespace octolake::journal
