// Any bytes: read to the end within limits, alike however they arrive, with nothing lost.
#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fuzz.h"
#include "base/random.h"
#include "event/event_reader.h"
#include "event/rebuild.h"
#include "io/piecewise_source_for_test.h"

namespace octolake::event {
namespace {

ReadOptions Options() {
  ReadOptions options;
  options.source = "collect";
  options.max_document_bytes = 1024;
  options.max_rejected_bytes = 64;
  options.max_depth = 8;
  options.batch_rows = 5;
  return options;
}

std::vector<EventBatch> ReadAll(std::unique_ptr<io::ByteSource> source) {
  const ManualClock clock(0);
  SeededRandom random(1);
  UuidV7Generator trace_ids(clock, random);
  const auto reader = MakeEventReader(std::move(source), Options(), trace_ids);
  std::vector<EventBatch> batches;
  for (;;) {
    auto batch = fuzz::Value(reader->Next(), "the reader failed on bytes in memory");
    if (!batch) return batches;
    batches.push_back(*std::move(batch));
  }
}

// Whether the offsets of documents are those of the bytes given.
bool IsUtf8(std::string_view text) {
  return text.find('\0') == std::string_view::npos && !text.starts_with("\xff\xfe") &&
         !text.starts_with("\xfe\xff");
}

// Follows the rejected documents: each is where it says it is, none comes twice.
class RejectedCheck {
 public:
  explicit RejectedCheck(std::string_view text) : text_(text) {}

  void Take(const arrow::RecordBatch& rejected) {
    const auto& raw = static_cast<const arrow::BinaryArray&>(*rejected.GetColumnByName("raw"));
    const auto& ordinals =
        static_cast<const arrow::Int64Array&>(*rejected.GetColumnByName("ordinal"));
    const auto& offsets =
        static_cast<const arrow::Int64Array&>(*rejected.GetColumnByName("byte_offset"));
    for (int64_t i = 0; i < rejected.num_rows(); ++i) {
      fuzz::Check(ordinals.Value(i) > last_ordinal_, "ordinals do not ascend");
      last_ordinal_ = ordinals.Value(i);
      TakeBytes(raw.GetView(i), offsets.Value(i));
    }
  }
  int64_t last_ordinal() const { return last_ordinal_; }

 private:
  void TakeBytes(std::string_view bytes, int64_t offset) {
    fuzz::Check(!bytes.empty(), "an empty document");
    // Where an array without end began is known only at the end of the input.
    fuzz::Check(offset > last_offset_ || bytes == "[", "offsets do not ascend");
    last_offset_ = std::max(offset, last_offset_);
    if (!IsUtf8(text_)) return;
    fuzz::Check(text_.substr(static_cast<size_t>(offset), bytes.size()) == bytes,
                "a rejected document is not what stands at its offset", bytes);
  }

  std::string_view text_;
  int64_t last_ordinal_ = -1;
  int64_t last_offset_ = -1;
};

void CheckRows(const std::vector<EventBatch>& batches, std::string_view text) {
  RejectedCheck rejected(text);
  int64_t documents = 0;
  for (const EventBatch& batch : batches) {
    fuzz::Check(batch.events->ValidateFull().ok(), "a batch of events is broken");
    fuzz::Check(batch.rejected->ValidateFull().ok(), "a batch of rejected rows is broken");
    const int64_t rows = batch.events->num_rows() + batch.rejected->num_rows();
    fuzz::Check(rows > 0 && rows <= Options().batch_rows, "a batch of the wrong size");
    documents += rows;
    rejected.Take(*batch.rejected);
    for (int64_t i = 0; i < batch.events->num_rows(); ++i) {
      fuzz::Value(RebuildEvent(EventRowAt(*batch.events, i)), "an event cannot be rebuilt");
    }
  }
  fuzz::Check(rejected.last_ordinal() < documents, "an ordinal beyond the number of documents");
}

void CheckSame(const std::vector<EventBatch>& a, const std::vector<EventBatch>& b) {
  fuzz::Check(a.size() == b.size(), "another number of batches when read in pieces");
  for (size_t i = 0; i < a.size(); ++i) {
    fuzz::Check(a[i].events->Equals(*b[i].events), "other events when read in pieces",
                b[i].events->ToString());
    fuzz::Check(a[i].rejected_places == b[i].rejected_places, "other places when read in pieces");
    fuzz::Check(a[i].rejected->Equals(*b[i].rejected), "other rejected rows when read in pieces",
                b[i].rejected->ToString());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto batches = ReadAll(io::MakeMemorySource(text));
  CheckRows(batches, text);
  const auto piece = static_cast<int64_t>(1 + size % 7);
  CheckSame(batches, ReadAll(std::make_unique<io::PiecewiseSource>(text, piece)));
  return 0;
}

}  // namespace octolake::event
