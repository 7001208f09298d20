#include "event/event_reader.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "event/document_reader.h"
#include "event/event_parser.h"
#include "event/json_index.h"
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
        documents_(std::move(input), LimitsOf(options)),
        index_(options.max_depth),
        events_(OriginOf(options)),
        rejected_(OriginOf(options)) {}

  Result<std::optional<EventBatch>> Next() override;

 private:
  Result<bool> ReadOne();
  Result<JsonProblem> Parse(Document* document);
  Status Reject(const Document& document, std::string_view reason);
  std::string ReasonOf(const Document& document, const JsonProblem& problem) const;
  Result<std::optional<EventBatch>> Finish();

  ReadOptions options_;
  UuidV7Generator* trace_ids_;  // null: trace_id stays NULL
  DocumentReader documents_;
  JsonIndex index_;
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

// Parses a document, finding its real end if the line was not one document.
Result<JsonProblem> Reader::Parse(Document* document) {
  JsonProblem problem = index_.Parse(document->text);
  if (problem && document->kind == Document::Kind::kLine) {
    OCTO_TRY(documents_.Rescan(document));
    if (document->kind == Document::Kind::kTooLong) return problem;
    problem = index_.Parse(document->text);
  }
  if (problem && document->kind == Document::Kind::kScanned) {
    const size_t size = document->text.size();
    OCTO_TRY(documents_.Discard(document));
    if (document->text.size() != size) problem = index_.Parse(document->text);
  }
  return problem;
}

Result<bool> Reader::ReadOne() {
  Document document;
  OCTO_ASSIGN(const bool found, documents_.Next(&document));
  if (!found) return false;
  bytes_ += static_cast<int64_t>(document.text.size());
  using Kind = Document::Kind;
  JsonProblem problem;
  if (document.kind != Kind::kTooLong) {
    OCTO_ASSIGN(problem, Parse(&document));
  }
  const bool object = document.kind == Kind::kLine || document.kind == Kind::kScanned;
  if (!object || problem) {
    OCTO_TRY(Reject(document, ReasonOf(document, problem)));
    return true;
  }
  if (!index_.only_root()) {
    document.text = document.text.substr(0, index_.root_end());
    documents_.Shorten(document.text.size());
  }
  if (const char* reason = parser_.Read(index_, &row_)) {
    OCTO_TRY(Reject(document, reason));
    return true;
  }
  OCTO_TRY(events_.Append(row_));
  return true;
}

std::string Reader::ReasonOf(const Document& document, const JsonProblem& problem) const {
  std::string deeper = "nested deeper than " + std::to_string(options_.max_depth) + " levels";
  switch (document.kind) {
    case Document::Kind::kTooLong:
      return "longer than " + std::to_string(options_.max_document_bytes) + " bytes";
    case Document::Kind::kUnclosedArray:
      return "the array that begins here has no end";
    case Document::Kind::kDeepArray:
      return deeper;
    case Document::Kind::kUnterminated:
      if (problem.kind == JsonProblem::Kind::kInvalidUtf8 ||
          problem.kind == JsonProblem::Kind::kTooDeep) {
        break;
      }
      return "the input ends inside this document";
    default:
      break;
  }
  const std::string at = " at byte " + std::to_string(problem.position);
  switch (problem.kind) {
    case JsonProblem::Kind::kInvalidUtf8:
      return "invalid UTF-8" + at;
    case JsonProblem::Kind::kTooDeep:
      return deeper;
    case JsonProblem::Kind::kInvalidJson:
      return "invalid JSON" + at + ": " + problem.what;
    default:
      break;
  }
  if (index_.only_root() && !index_.root().IsObject()) return kNotAnObject;
  return "invalid JSON at byte " + std::to_string(index_.root_end()) +
         ": expected the end of the document";
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
