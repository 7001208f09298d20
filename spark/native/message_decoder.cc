#include "spark/native/message_decoder.h"

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/random.h"

namespace octolake::spark {
namespace {

using Rows = std::shared_ptr<arrow::RecordBatch>;

Result<int64_t> BytesOf(const arrow::RecordBatch& rows, int64_t count) {
  const auto bytes = arrow::util::ReferencedBufferSize(*rows.Slice(0, count));
  if (bytes.ok()) return *bytes;
  return MakeError(ErrorKind::kUnsupported,
                   "the bytes of a batch of rows cannot be told: " + bytes.status().ToString());
}

// How many of the first rows are within the limits, one at least if there is one.
Result<int64_t> CountWithin(const arrow::RecordBatch& rows, const BatchLimits& limits) {
  int64_t most = std::min(rows.num_rows(), limits.rows);
  OCTO_ASSIGN(const int64_t all, BytesOf(rows, most));
  if (all <= limits.bytes) return most;
  int64_t fits = 1;
  while (fits + 1 < most) {
    const int64_t middle = fits + (most - fits) / 2;
    OCTO_ASSIGN(const int64_t bytes, BytesOf(rows, middle));
    (bytes <= limits.bytes ? fits : most) = middle;
  }
  return fits;
}

Result<Rows> TakeFront(Rows* rows, const BatchLimits& limits) {
  OCTO_ASSIGN(const int64_t count, CountWithin(**rows, limits));
  Rows front = (*rows)->Slice(0, count);
  *rows = (*rows)->Slice(count);
  return front;
}

}  // namespace

// Of one batch of messages.
class MessageDecoder::Work {
 public:
  Work(int64_t messages, AddMessage add, std::unique_ptr<event::MessageRows> rows,
       const BatchLimits& limits)
      : messages_(messages), add_(std::move(add)), limits_(limits), rows_(std::move(rows)) {}

  Result<std::optional<event::EventBatch>> Next() {
    if (!HasDecoded()) OCTO_TRY(Decode());
    if (!HasDecoded()) return std::nullopt;
    event::EventBatch batch;
    OCTO_ASSIGN(batch.events, TakeFront(&decoded_.events, limits_));
    OCTO_ASSIGN(batch.rejected, TakeFront(&decoded_.rejected, limits_));
    return batch;
  }

  // Once there are no more. Empty, and ready for as many rows as before.
  std::unique_ptr<event::MessageRows> TakeRows() && { return std::move(rows_); }

 private:
  bool HasDecoded() const {
    return decoded_.events != nullptr &&
           decoded_.events->num_rows() + decoded_.rejected->num_rows() > 0;
  }

  // Messages until their rows are about half a batch: the next one then seldom makes two of it.
  Status Decode() {
    decoded_ = {};  // before there are others
    while (next_ < messages_ && rows_->rows() < (limits_.rows + 1) / 2 &&
           rows_->bytes() < (limits_.bytes + 1) / 2) {
      OCTO_TRY(add_(*rows_, next_++));
    }
    if (rows_->rows() == 0) return {};
    OCTO_ASSIGN(decoded_, rows_->Finish());
    return {};
  }

  const int64_t messages_;
  const AddMessage add_;
  const BatchLimits limits_;
  std::unique_ptr<event::MessageRows> rows_;
  int64_t next_ = 0;
  event::EventBatch decoded_;  // what is left of it
};

MessageDecoder::MessageDecoder(const BatchLimits& limits)
    : limits_(limits), trace_ids_(SystemClock(), SystemRandom()) {}
MessageDecoder::~MessageDecoder() = default;

Status MessageDecoder::Give(int64_t messages, AddMessage add) {
  if (work_ != nullptr) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "messages were given while rows of those before are left; take the rows until "
                     "there are no more");
  }
  if (rows_ == nullptr) rows_ = std::make_unique<event::MessageRows>(trace_ids_);
  work_ = std::make_unique<Work>(messages, std::move(add), std::move(rows_), limits_);
  return {};
}

Result<std::optional<event::EventBatch>> MessageDecoder::Next() {
  std::unique_ptr<Work> work = std::move(work_);  // and put back only if all went well
  if (work == nullptr) return std::nullopt;
  OCTO_ASSIGN(auto batch, work->Next());
  if (batch) {
    work_ = std::move(work);
  } else {
    rows_ = std::move(*work).TakeRows();
  }
  return batch;
}

void MessageDecoder::Drop() { work_.reset(); }

}  // namespace octolake::spark
