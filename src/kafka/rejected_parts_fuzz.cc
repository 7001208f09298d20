// Any messages on the topic of what was rejected: nothing of their documents is lost or doubled,
// and what they say of themselves makes valid rows. A message is a byte, its document up to a NUL
// byte, and, for each of the lower bits that is set in a second byte, a header's value up to a NUL
// byte; the upper bits say how far behind it its partition ends.
#include <arrow/api.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/fuzz.h"
#include "base/random.h"
#include "event/event_time.h"
#include "event/message_rows.h"
#include "kafka/handles.h"
#include "kafka/message_batch.h"
#include "kafka/rejected_parts.h"

namespace octolake::kafka {
namespace {

constexpr const char* kHeaders[] = {kReasonHeader,     kSourceHeader, kTraceIdHeader,
                                    kReceivedAtHeader, kPartHeader,   kNothingHeader};
constexpr int32_t kPartitions = 3;
constexpr TimestampMicros kNow = 1'767'323'045'000'006;

// Small enough for inputs to exceed.
constexpr PartsLimits kLimits{.document_bytes = 64, .held_bytes = 16 << 10};

struct Message {
  RejectedPart part;
  int64_t behind = 0;  // messages
};

Message NextMessage(fuzz::Input* input) {
  const std::string document = input->Text();
  const uint8_t present = input->Byte();
  const RdHeaders headers(rd_kafka_headers_new(std::size(kHeaders)));
  for (size_t i = 0; i < std::size(kHeaders); ++i) {
    if ((present >> i & 1) == 0) continue;
    const std::string value = input->Text();
    rd_kafka_header_add(headers.get(), kHeaders[i], -1, value.data(), std::ssize(value));
  }
  return {PartOf(document, present == 0 ? nullptr : headers.get()), present >> std::size(kHeaders)};
}

// How often each byte is there: documents of a partition may be added in another order.
using ByteCounts = std::array<int64_t, 256>;

void Count(std::string_view bytes, ByteCounts* counts) {
  for (const char byte : bytes) ++(*counts)[static_cast<uint8_t>(byte)];
}

void CheckRows(event::MessageRows* rows, int64_t expected) {
  const event::EventBatch batch = fuzz::Value(rows->Finish(), "no batch");
  fuzz::Check(batch.events->num_rows() == 0, "events of what was rejected");
  fuzz::Check(batch.rejected->num_rows() == expected, "another number of rows");
  fuzz::Check(batch.rejected->ValidateFull().ok(), "an invalid batch");
  const auto times = batch.rejected->GetColumnByName("received");
  for (int64_t row = 0; row < expected; ++row) {
    fuzz::Check(event::IsInCalendar(static_cast<const arrow::TimestampArray&>(*times).Value(row)),
                "a time of receipt that readers do not know");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ManualClock clock(kNow);
  SeededRandom random(1);
  UuidV7Generator trace_ids(clock, random);
  event::MessageRows rows(trace_ids);
  int64_t added = 0;
  std::array<ByteCounts, kPartitions> came{};
  std::array<ByteCounts, kPartitions> went{};
  RejectedParts parts(
      [&](const event::RejectedMessage& row, const event::MessagePlace& place) {
        ++added;
        Count(row.raw, &went[*place.partition]);
        return rows.AddRejected(row, place);
      },
      kLimits);
  std::array<int64_t, kPartitions> next{};
  fuzz::Input input(data, size);
  while (!input.Rest().empty()) {
    const int32_t partition = input.Byte() % kPartitions;
    Message message = NextMessage(&input);
    if (!message.part.nothing) Count(message.part.document, &came[partition]);
    const int64_t offset = next[partition]++;
    fuzz::Check(parts
                    .Take(std::move(message.part), {"fuzz", partition, offset, kNow},
                          offset + 1 + message.behind)
                    .has_value(),
                "a part was not taken");
    fuzz::Check(parts.Passed(partition, next[partition]).has_value(), "a row was not taken");
    const auto held = parts.HeldFrom(partition);
    fuzz::Check(!held || (*held >= 0 && *held < next[partition]),
                "held from where nothing was read");
  }
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    fuzz::Check(parts.Passed(partition, INT64_MAX).has_value(), "a partition was not ended");
    fuzz::Check(came[partition] == went[partition], "other documents");
    fuzz::Check(!parts.HeldFrom(partition), "a document is open behind the end");
  }
  CheckRows(&rows, added);
  return 0;
}

}  // namespace octolake::kafka
