#include "event/row_builder.h"

#include <arrow/api.h>

#include <algorithm>

#include "base/civil_time.h"
#include "event/arrow_error.h"
#include "event/event_reader.h"

namespace octolake::event {
namespace {

// Reserved beyond what the batch before needed.
constexpr int64_t kMoreRows = 64;
// The payloads, most of a batch, begin with room for what they were in the batch before, and for an
// n-th more: growing means copying. Text grows by at least kTextGrowth.
constexpr int64_t kTextMargin = 8;
constexpr int64_t kTextGrowth = int64_t{4} << 10;

// Room for the row must have been reserved, for its text not.
arrow::Status Put(arrow::StringBuilder& builder, const Text& text) {
  if (!text) {
    builder.UnsafeAppendNull();
    return arrow::Status::OK();
  }
  const auto size = static_cast<int64_t>(text->size());
  if (builder.value_data_capacity() - builder.value_data_length() < size) {
    ARROW_RETURN_NOT_OK(builder.ReserveData(std::max(size, kTextGrowth)));
  }
  builder.UnsafeAppend(*text);
  return arrow::Status::OK();
}

template <typename Builder, typename Value>
void PutNumber(Builder& builder, const std::optional<Value>& value) {
  if (value) {
    builder.UnsafeAppend(*value);
  } else {
    builder.UnsafeAppendNull();
  }
}

arrow::Result<std::shared_ptr<arrow::Array>> Repeat(const std::shared_ptr<arrow::Scalar>& scalar,
                                                    int64_t rows) {
  return arrow::MakeArrayFromScalar(*scalar, rows);
}

std::shared_ptr<arrow::Scalar> TextScalar(const std::string& text) {
  if (text.empty()) return arrow::MakeNullScalar(arrow::utf8());
  return std::make_shared<arrow::StringScalar>(text);
}

std::shared_ptr<arrow::Scalar> InstantScalar(TimestampMicros micros) {
  return std::make_shared<arrow::TimestampScalar>(micros,
                                                  arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
}

}  // namespace

struct EventRowBuilder::Columns {
  arrow::StringBuilder id, type;
  arrow::BooleanBuilder is_public;
  arrow::Int64Builder actor_id;
  arrow::StringBuilder actor_login, actor_gravatar_id, actor_url, actor_avatar_url;
  arrow::Int64Builder repo_id;
  arrow::StringBuilder repo_name, repo_url, payload, created_at;
  arrow::Int64Builder org_id;
  arrow::StringBuilder org_login;
  arrow::TimestampBuilder event_time{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                     arrow::default_memory_pool()};
  arrow::StringBuilder delivery_id, extra;
  int64_t reserved_rows = 0;
  // Of the batch before: the next will need about as much.
  int64_t last_rows = 0;
  int64_t last_payload_bytes = 0;

  arrow::Status ReserveRows() {
    arrow::Status status;
    if (id.length() == 0 && last_payload_bytes > 0) {
      status = payload.ReserveData(last_payload_bytes + last_payload_bytes / kTextMargin);
    }
    const int64_t more = id.length() == 0 ? last_rows + kMoreRows : reserved_rows;
    const auto reserve = [&](auto&... builders) { ((status &= builders.Reserve(more)), ...); };
    reserve(id, type, is_public, actor_id, actor_login, actor_gravatar_id, actor_url,
            actor_avatar_url, repo_id, repo_name, repo_url, payload, created_at, org_id, org_login,
            event_time, delivery_id, extra);
    reserved_rows = id.length() + more;
    return status;
  }

  int64_t text_bytes() const {
    const auto sum = [](const auto&... builders) { return (builders.value_data_length() + ...); };
    return sum(id, type, actor_login, actor_gravatar_id, actor_url, actor_avatar_url, repo_name,
               repo_url, payload, created_at, org_login, delivery_id, extra);
  }

  // After an error the columns are of different lengths: nothing but the destructor may follow.
  arrow::Status Append(const EventRow& row) {
    if (id.length() == reserved_rows) ARROW_RETURN_NOT_OK(ReserveRows());
    PutNumber(is_public, row.is_public);
    PutNumber(actor_id, row.actor_id);
    PutNumber(repo_id, row.repo_id);
    PutNumber(org_id, row.org_id);
    PutNumber(event_time, row.event_time);
    ARROW_RETURN_NOT_OK(Put(id, row.id));
    ARROW_RETURN_NOT_OK(Put(type, row.type));
    ARROW_RETURN_NOT_OK(Put(actor_login, row.actor_login));
    ARROW_RETURN_NOT_OK(Put(actor_gravatar_id, row.actor_gravatar_id));
    ARROW_RETURN_NOT_OK(Put(actor_url, row.actor_url));
    ARROW_RETURN_NOT_OK(Put(actor_avatar_url, row.actor_avatar_url));
    ARROW_RETURN_NOT_OK(Put(repo_name, row.repo_name));
    ARROW_RETURN_NOT_OK(Put(repo_url, row.repo_url));
    ARROW_RETURN_NOT_OK(Put(payload, row.payload));
    ARROW_RETURN_NOT_OK(Put(created_at, row.created_at));
    ARROW_RETURN_NOT_OK(Put(org_login, row.org_login));
    ARROW_RETURN_NOT_OK(Put(delivery_id, row.delivery_id));
    return Put(extra, row.extra);
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(const RowOrigin& origin) {
    const int64_t rows = id.length();
    last_rows = rows;
    reserved_rows = 0;
    last_payload_bytes = payload.value_data_length();
    arrow::ArrayVector arrays;
    const auto finish = [&arrays](auto&... builders) {
      arrow::Status status;
      ((status &= builders.Finish(&arrays.emplace_back())), ...);
      return status;
    };
    const auto repeat = [&](const std::shared_ptr<arrow::Scalar>& scalar) {
      return Repeat(scalar, rows).Value(&arrays.emplace_back());
    };
    ARROW_RETURN_NOT_OK(finish(id, type, is_public, actor_id, actor_login, actor_gravatar_id,
                               actor_url, actor_avatar_url, repo_id, repo_name, repo_url, payload,
                               created_at));
    const int64_t day = DaysOfMicros(origin.ingestion_timestamp);
    ARROW_RETURN_NOT_OK(repeat(InstantScalar(origin.ingestion_timestamp)));
    ARROW_RETURN_NOT_OK(repeat(std::make_shared<arrow::Date32Scalar>(static_cast<int32_t>(day))));
    ARROW_RETURN_NOT_OK(repeat(arrow::MakeNullScalar(arrow::int32())));
    ARROW_RETURN_NOT_OK(repeat(arrow::MakeNullScalar(arrow::int64())));
    ARROW_RETURN_NOT_OK(finish(org_id, org_login, event_time));
    ARROW_RETURN_NOT_OK(repeat(TextScalar("")));
    ARROW_RETURN_NOT_OK(repeat(TextScalar(origin.source)));
    ARROW_RETURN_NOT_OK(repeat(TextScalar(origin.source_file)));
    ARROW_RETURN_NOT_OK(finish(delivery_id, extra));
    return arrow::RecordBatch::Make(EventSchema(), rows, std::move(arrays));
  }
};

EventRowBuilder::EventRowBuilder(RowOrigin origin)
    : origin_(std::move(origin)), columns_(std::make_unique<Columns>()) {}
EventRowBuilder::~EventRowBuilder() = default;

Status EventRowBuilder::Append(const EventRow& row) { return FromArrow(columns_->Append(row)); }

int64_t EventRowBuilder::rows() const { return columns_->id.length(); }
int64_t EventRowBuilder::text_bytes() const { return columns_->text_bytes(); }

Result<std::shared_ptr<arrow::RecordBatch>> EventRowBuilder::Finish() {
  return FromArrow(columns_->Finish(origin_));
}

struct RejectedRowBuilder::Columns {
  arrow::BinaryBuilder raw;
  arrow::StringBuilder reason;
  arrow::Int64Builder ordinal, byte_offset;

  arrow::Status Append(const RejectedRow& row) {
    ARROW_RETURN_NOT_OK(raw.Append(row.raw));
    ARROW_RETURN_NOT_OK(reason.Append(row.reason));
    ARROW_RETURN_NOT_OK(ordinal.Append(row.ordinal));
    return byte_offset.Append(row.byte_offset);
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(const RowOrigin& origin) {
    const int64_t rows = raw.length();
    arrow::ArrayVector arrays(8);
    ARROW_RETURN_NOT_OK(raw.Finish(&arrays[0]));
    ARROW_RETURN_NOT_OK(reason.Finish(&arrays[1]));
    ARROW_RETURN_NOT_OK(Repeat(TextScalar(origin.source), rows).Value(&arrays[2]));
    ARROW_RETURN_NOT_OK(Repeat(TextScalar(""), rows).Value(&arrays[3]));
    ARROW_RETURN_NOT_OK(Repeat(InstantScalar(origin.ingestion_timestamp), rows).Value(&arrays[4]));
    ARROW_RETURN_NOT_OK(Repeat(TextScalar(origin.source_file), rows).Value(&arrays[5]));
    ARROW_RETURN_NOT_OK(ordinal.Finish(&arrays[6]));
    ARROW_RETURN_NOT_OK(byte_offset.Finish(&arrays[7]));
    return arrow::RecordBatch::Make(RejectedSchema(), rows, std::move(arrays));
  }
};

RejectedRowBuilder::RejectedRowBuilder(RowOrigin origin)
    : origin_(std::move(origin)), columns_(std::make_unique<Columns>()) {}
RejectedRowBuilder::~RejectedRowBuilder() = default;

Status RejectedRowBuilder::Append(const RejectedRow& row) {
  return FromArrow(columns_->Append(row));
}

int64_t RejectedRowBuilder::rows() const { return columns_->raw.length(); }
int64_t RejectedRowBuilder::text_bytes() const {
  return columns_->raw.value_data_length() + columns_->reason.value_data_length();
}

Result<std::shared_ptr<arrow::RecordBatch>> RejectedRowBuilder::Finish() {
  return FromArrow(columns_->Finish(origin_));
}

}  // namespace octolake::event
