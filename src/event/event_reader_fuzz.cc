// libFuzzer entry: any bytes must be read to the end, within limits, and every event rebuilt.
#include <arrow/record_batch.h>

#include <cstdlib>
#include <string>

#include "base/random.h"
#include "event/canonical_json.h"
#include "event/event_reader.h"
#include "event/rebuild.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octolake;
  event::ReadOptions options;
  options.max_document_bytes = 4096;
  options.max_rejected_bytes = 64;
  options.max_depth = 16;
  const ManualClock clock(0);
  SeededRandom random(1);
  UuidV7Generator trace_ids(clock, random);
  const auto reader = event::MakeEventReader(
      io::MakeMemorySource(std::string(reinterpret_cast<const char*>(data), size)), options,
      trace_ids);
  for (;;) {
    const auto batch = reader->Next();
    if (!batch) std::abort();
    if (!*batch) return 0;
    const arrow::RecordBatch& events = *(*batch)->events;
    for (int64_t i = 0; i < events.num_rows(); ++i) {
      const auto rebuilt = event::RebuildEvent(event::EventRowAt(events, i));
      if (!rebuilt || !event::CanonicalJson(*rebuilt)) std::abort();
    }
  }
}
