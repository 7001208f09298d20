// Bodies of /collect/batch as anybody sends them. Every event of the answer is durable as it came,
// and of what is refused as a whole nothing is.
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/fuzz.h"
#include "base/random.h"
#include "gateway/batch.h"
#include "journal/journal.h"
#include "journal/memory_segment_store_for_test.h"

namespace octolake::gateway {
namespace {

constexpr BatchOptions kOptions = {.max_batch_bytes = 64 << 10, .max_event_bytes = 4 << 10};

std::vector<std::string> BodiesIn(journal::Journal& journal) {
  std::vector<std::string> bodies;
  const auto reader = journal.ReadAfter(0);
  while (true) {
    const auto next = fuzz::Value(reader->Next(1 << 20), "the journal cannot be read");
    if (next.empty()) return bodies;
    for (const auto& one : next) bodies.push_back(one.record.body);
  }
}

void Take(const Request& request) {
  journal::MemorySegmentStore store;
  journal::JournalOptions limits;
  limits.segment_bytes = 256 << 10;
  SeededRandom random(1);
  const ManualClock clock(1'420'070'400'000'000);
  const auto journal = fuzz::Value(journal::Journal::Open(store, limits, clock, random), "journal");
  Metrics metrics;
  EventDoor door(*journal, metrics, clock, random, MakeNullLogger());
  const Response response = TakeBatch(request, kOptions, door, [] { return false; });

  const auto bodies = BodiesIn(*journal);
  const auto answer = nlohmann::json::parse(response.body);
  if (response.status != 200) {
    fuzz::Check(response.status == 400 || response.status == 413, "a strange status");
    fuzz::Check(bodies.empty(), "events of a refused batch");
    return;
  }
  fuzz::Check(answer["accepted"] == bodies.size(), "accepted, but not durable");
  fuzz::Check(answer["rejected"] >= answer["rejections"].size(), "more reasons than rejections");
  fuzz::Check(metrics.received() == static_cast<int64_t>(bodies.size()), "counted wrongly");
  // What is compressed, or UTF-16, is stored as what it says.
  const bool plain =
      request.Get(Field::kContentEncoding).empty() && request.body.find('\0') == std::string::npos;
  size_t from = 0;
  for (const std::string& body : bodies) {
    fuzz::Check(body.size() <= static_cast<size_t>(kOptions.max_event_bytes), "a long event");
    fuzz::Check(body.starts_with('{') && body.ends_with('}'), "no object", body);
    if (!plain) continue;
    from = request.body.find(body, from);
    fuzz::Check(from != std::string::npos, "an event that was not sent", body);
    from += body.size();
  }
}

}  // namespace
}  // namespace octolake::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octolake;
  fuzz::Input input(data, size);
  gateway::Request request;
  const uint8_t encoding = input.Byte() % 4;
  if (encoding == 2) request.Set(gateway::Field::kContentEncoding, "gzip");
  if (encoding == 3) request.Set(gateway::Field::kContentEncoding, "zstd");
  request.body = input.Rest();
  gateway::Take(request);
  return 0;
}
