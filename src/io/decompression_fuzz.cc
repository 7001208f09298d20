// Any bytes as a gzip, zstd or plain stream: the same bytes and the same outcome however they
// arrive.
#include <memory>
#include <string>
#include <utility>

#include "base/fuzz.h"
#include "io/byte_source.h"
#include "io/piecewise_source_for_test.h"

namespace octolake::io {
namespace {

// A few bytes can stand for gigabytes.
constexpr size_t kMaxOutput = size_t{1} << 20;

struct Outcome {
  std::string bytes;
  std::string error;
  int64_t consumed = 0;
};

Outcome ReadAll(std::unique_ptr<ByteSource> input, size_t capacity) {
  const auto source = MakeDecompressedSource(std::move(input), "fuzz");
  Outcome outcome;
  std::string buffer(capacity, '\0');
  while (outcome.bytes.size() < kMaxOutput) {
    const auto count = source->Read(buffer.data(), static_cast<int64_t>(capacity));
    if (!count) {
      outcome.error = std::string(ErrorKindName(count.error().kind));
      const auto again = source->Read(buffer.data(), static_cast<int64_t>(capacity));
      fuzz::Check(!again, "an error was not final");
      break;
    }
    fuzz::Check(*count >= 0 && *count <= static_cast<int64_t>(capacity), "a count out of range");
    if (*count == 0) break;
    outcome.bytes.append(buffer, 0, static_cast<size_t>(*count));
  }
  outcome.consumed = source->consumed();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = ReadAll(MakeMemorySource(bytes), 1 << 16);
  fuzz::Check(whole.consumed <= static_cast<int64_t>(size), "more taken than there was");
  const auto piece = static_cast<int64_t>(1 + size % 5);
  const Outcome pieces = ReadAll(std::make_unique<PiecewiseSource>(bytes, piece), 997);
  const size_t both = std::min(whole.bytes.size(), pieces.bytes.size());
  fuzz::Check(whole.bytes.compare(0, both, pieces.bytes, 0, both) == 0, "other bytes in pieces");
  if (both >= kMaxOutput) return 0;
  fuzz::Check(whole.bytes.size() == pieces.bytes.size(), "another length in pieces",
              std::to_string(whole.bytes.size()) + " and " + std::to_string(pieces.bytes.size()));
  fuzz::Check(whole.error == pieces.error, "another outcome in pieces",
              whole.error + " and " + pieces.error);
  return 0;
}

}  // namespace octolake::io
