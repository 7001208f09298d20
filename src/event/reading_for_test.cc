#include "event/reading_for_test.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <ostream>

#include "base/random.h"
#include "event/rebuild.h"

namespace octolake::event {
namespace {

template <typename Array>
const Array& Column(const arrow::RecordBatch& batch, const char* name) {
  return static_cast<const Array&>(*batch.GetColumnByName(name));
}

void Collect(const EventBatch& batch, Reading* reading) {
  reading->batches.push_back(batch);
  for (int64_t i = 0; i < batch.events->num_rows(); ++i) {
    reading->events.push_back(EventRowAt(*batch.events, i));
    reading->trace_ids.push_back(
        Column<arrow::StringArray>(*batch.events, "trace_id").GetString(i));
  }
  const arrow::RecordBatch& rejected = *batch.rejected;
  for (int64_t i = 0; i < rejected.num_rows(); ++i) {
    reading->rejected.push_back({Column<arrow::BinaryArray>(rejected, "raw").GetString(i),
                                 Column<arrow::StringArray>(rejected, "reason").GetString(i),
                                 Column<arrow::Int64Array>(rejected, "ordinal").Value(i),
                                 Column<arrow::Int64Array>(rejected, "byte_offset").Value(i)});
    reading->rejected_trace_ids.push_back(
        Column<arrow::StringArray>(rejected, "trace_id").GetString(i));
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const RejectedDocument& document) {
  return out << '{' << document.raw.substr(0, 200) << " | " << document.reason << " | "
             << document.ordinal << " | " << document.byte_offset << '}';
}

std::vector<std::string> Reading::Ids() const {
  std::vector<std::string> ids;
  for (const EventRow& event : events) ids.emplace_back(event.id.value_or("NULL"));
  return ids;
}

ReadOptions TestOptions() {
  ReadOptions options;
  options.source = "collect";
  options.ingestion_timestamp = 1767323045000000;
  return options;
}

Reading ReadSource(std::unique_ptr<io::ByteSource> source, const ReadOptions& options) {
  const ManualClock clock(options.ingestion_timestamp);
  SeededRandom random(7);
  UuidV7Generator trace_ids(clock, random);
  const auto reader = MakeEventReader(std::move(source), options, trace_ids);
  Reading reading;
  for (;;) {
    Result<std::optional<EventBatch>> batch = reader->Next();
    if (!batch) {
      reading.error = batch.error();
      EXPECT_FALSE(reader->Next().has_value()) << "an error must be final";
      return reading;
    }
    if (!*batch) return reading;
    Collect(**batch, &reading);
  }
}

Reading ReadText(const std::string& text, const ReadOptions& options, int64_t piece,
                 std::optional<Error> error) {
  return ReadSource(std::make_unique<io::PiecewiseSource>(text, piece, std::move(error)), options);
}

std::string SmallEvent(const std::string& id) {
  return R"({"id":")" + id + R"(","type":"WatchEvent","actor":{"id":1,"login":"a"},)" +
         R"("repo":{"id":2,"name":"a/b"},"payload":{"action":"started"},"public":true,)" +
         R"("created_at":"2015-01-01T00:00:00Z"})";
}

}  // namespace octolake::event
