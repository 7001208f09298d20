// Any bytes as an Avro message: read within limits into rows of one kind or the other; the events,
// encoded and read again, are the same events.
#include <arrow/api.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/fuzz.h"
#include "base/random.h"
#include "event/event_time.h"
#include "event/message_rows.h"
#include "event/message_writer.h"

namespace octolake::event {
namespace {

constexpr MessageLimits kLimits{.block_bytes = 1 << 18,
                                .total_bytes = 1 << 20,
                                .records = 1000,
                                .values = 100'000,
                                .rejected_json_bytes = 1 << 20};

void CheckTimes(const arrow::RecordBatch& batch, const char* column) {
  const auto times = batch.GetColumnByName(column);
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    fuzz::Check(IsInCalendar(static_cast<const arrow::TimestampArray&>(*times).Value(row)),
                "a time of receipt that readers do not know");
  }
}

EventBatch Read(std::string_view message) {
  const ManualClock clock(1'767'323'045'000'006);
  SeededRandom random(1);
  UuidV7Generator trace_ids(clock, random);
  MessageRows rows(trace_ids, kLimits);
  fuzz::Check(rows.Add(message, {"fuzz", 1, 2, clock.Now()}).has_value(), "no rows");
  EventBatch batch = fuzz::Value(rows.Finish(), "no batch");
  fuzz::Check(batch.events->ValidateFull().ok(), "an invalid batch of events");
  fuzz::Check(batch.rejected->ValidateFull().ok(), "an invalid batch of rejected rows");
  CheckTimes(*batch.events, "ingestion_timestamp");
  CheckTimes(*batch.rejected, "received");
  return batch;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const EventBatch first = Read({reinterpret_cast<const char*>(data), size});
  std::vector<int64_t> rows(static_cast<size_t>(first.events->num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  SeededRandom random(2);
  const std::string message = fuzz::Value(EncodeMessage(*first.events, rows, random), "no message");
  const EventBatch again = Read(message);
  fuzz::Check(again.rejected->num_rows() == 0, "an event was rejected the second time");
  fuzz::Check(again.events->Equals(*first.events), "other events");
  return 0;
}

}  // namespace octolake::event
