#include "event/event_reader.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "event/event_parser.h"
#include "event/object_reader.h"
#include "event/row_builder.h"

namespace octolake::event {
namespace {

// A text column of one batch holds at most 2 GiB; payload and extra may both hold a document.
constexpr int64_t kMaxDocumentBytes = int64_t{512} << 20;

RowOrigin OriginOf(const ReadOptions& options) {
  return {options.source, options.source_file, options.ingestion_timestamp};
}

DocumentLimits LimitsOf(const ReadOptions& options) {
  return {options.max_document_bytes, options.max_rejected_bytes, options.max_depth};
}

ReadOptions WithinBounds(ReadOptions options) {
  options.max_document_bytes =
      std::clamp<int64_t>(options.max_document_bytes, 1, kMaxDocumentBytes);
  options.max_rejected_bytes =
      std::clamp<int64_t>(options.max_rejected_bytes, 0, options.max_document_bytes);
  options.max_depth = std::max(options.max_depth, 1);
  options.batch_rows = std::max<int64_t>(options.batch_rows, 1);
  options.batch_bytes = std::clamp<int64_t>(options.batch_bytes, 1, kMaxDocumentBytes);
  return options;
}

class Reader final : public EventReader {
 public:
  Reader(std::unique_ptr<io::ByteSource> input, const ReadOptions& options,
         UuidV7Generator* trace_ids)
      : options_(options),
        trace_ids_(trace_ids),
        objects_(std::move(input), LimitsOf(options)),
        events_(OriginOf(options)),
        rejected_(OriginOf(options)) {}

  Result<std::optional<EventBatch>> Next() override;

 private:
  Result<bool> ReadOne();
  Status Reject(const Document& document, std::string_view reason);
  Result<std::optional<EventBatch>> Finish();

  ReadOptions options_;
  UuidV7Generator* trace_ids_;  // null: trace_id stays NULL
  ObjectReader objects_;
  ObjectReader::Item item_;
  EventParser parser_;
  EventRow row_;
  EventRowBuilder events_;
  RejectedRowBuilder rejected_;
  std::vector<int64_t> rejected_places_;
  int64_t bytes_ = 0;  // of the documents in the batch
  bool ended_ = false;
  std::optional<Error> error_;
};

Result<std::optional<EventBatch>> Reader::Next() {
  while (!ended_ && !error_) {
    Result<bool> read = ReadOne();
    if (!read) {
      error_ = std::move(read).error();
    } else if (!*read) {
      ended_ = true;
    }
    const int64_t rows = events_.rows() + rejected_.rows();
    const bool full = rows >= options_.batch_rows || bytes_ >= options_.batch_bytes;
    if (full || ((ended_ || error_) && rows > 0)) return Finish();
  }
  if (error_) return tl::unexpected<Error>(*error_);
  return std::optional<EventBatch>();
}

Result<std::optional<EventBatch>> Reader::Finish() {
  bytes_ = 0;
  EventBatch batch;
  OCTO_ASSIGN(batch.events, events_.Finish());
  OCTO_ASSIGN(batch.rejected, rejected_.Finish());
  batch.rejected_places = std::exchange(rejected_places_, {});
  if (trace_ids_ != nullptr) OCTO_TRY(FillTraceIds(*trace_ids_, &batch));
  return std::optional<EventBatch>(std::move(batch));
}

Result<bool> Reader::ReadOne() {
  OCTO_ASSIGN(const bool found, objects_.Next(&item_));
  if (!found) return false;
  bytes_ += static_cast<int64_t>(item_.document.text.size());
  if (!item_.problem.empty()) {
    OCTO_TRY(Reject(item_.document, item_.problem));
    return true;
  }
  if (const char* reason = parser_.Read(objects_.index(), &row_)) {
    OCTO_TRY(Reject(item_.document, reason));
    return true;
  }
  OCTO_TRY(events_.Append(row_));
  return true;
}

Status Reader::Reject(const Document& document, std::string_view reason) {
  rejected_places_.push_back(events_.rows() + rejected_.rows());
  return rejected_.Append({document.text, reason, document.ordinal, document.byte_offset});
}

}  // namespace

std::unique_ptr<EventReader> MakeEventReader(std::unique_ptr<io::ByteSource> input,
                                             ReadOptions options, UuidV7Generator& trace_ids) {
  return std::make_unique<Reader>(std::move(input), WithinBounds(std::move(options)), &trace_ids);
}

std::unique_ptr<EventReader> MakeEventReader(std::unique_ptr<io::ByteSource> input,
                                             ReadOptions options) {
  return std::make_unique<Reader>(std::move(input), WithinBounds(std::move(options)), nullptr);
}

}  // namespace octolake::event
