#include "event/row_builder.h"

#include <arrow/api.h>

#include "base/civil_time.h"
#include "event/arrow_error.h"
#include "event/event_reader.h"

namespace octolake::event {
namespace {

template <typename Builder, typename Value>
arrow::Status Put(Builder& builder, const std::optional<Value>& value) {
  return value ? builder.Append(*value) : builder.AppendNull();
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
  arrow::StringBuilder trace_id, delivery_id, extra;
  int64_t last_payload_bytes = 0;  // of the batch before: the next will need about as much

  arrow::Status Append(const EventRow& row, std::string_view trace) {
    if (payload.length() == 0) ARROW_RETURN_NOT_OK(payload.ReserveData(last_payload_bytes));
    ARROW_RETURN_NOT_OK(Put(id, row.id));
    ARROW_RETURN_NOT_OK(Put(type, row.type));
    ARROW_RETURN_NOT_OK(Put(is_public, row.is_public));
    ARROW_RETURN_NOT_OK(Put(actor_id, row.actor_id));
    ARROW_RETURN_NOT_OK(Put(actor_login, row.actor_login));
    ARROW_RETURN_NOT_OK(Put(actor_gravatar_id, row.actor_gravatar_id));
    ARROW_RETURN_NOT_OK(Put(actor_url, row.actor_url));
    ARROW_RETURN_NOT_OK(Put(actor_avatar_url, row.actor_avatar_url));
    ARROW_RETURN_NOT_OK(Put(repo_id, row.repo_id));
    ARROW_RETURN_NOT_OK(Put(repo_name, row.repo_name));
    ARROW_RETURN_NOT_OK(Put(repo_url, row.repo_url));
    ARROW_RETURN_NOT_OK(Put(payload, row.payload));
    ARROW_RETURN_NOT_OK(Put(created_at, row.created_at));
    ARROW_RETURN_NOT_OK(Put(org_id, row.org_id));
    ARROW_RETURN_NOT_OK(Put(org_login, row.org_login));
    ARROW_RETURN_NOT_OK(Put(event_time, row.event_time));
    ARROW_RETURN_NOT_OK(trace_id.Append(trace));
    ARROW_RETURN_NOT_OK(Put(delivery_id, row.delivery_id));
    return Put(extra, row.extra);
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(const RowOrigin& origin) {
    const int64_t rows = id.length();
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
    ARROW_RETURN_NOT_OK(finish(org_id, org_login, event_time, trace_id));
    ARROW_RETURN_NOT_OK(repeat(TextScalar(origin.source)));
    ARROW_RETURN_NOT_OK(repeat(TextScalar(origin.source_file)));
    ARROW_RETURN_NOT_OK(finish(delivery_id, extra));
    return arrow::RecordBatch::Make(EventSchema(), rows, std::move(arrays));
  }
};

EventRowBuilder::EventRowBuilder(RowOrigin origin)
    : origin_(std::move(origin)), columns_(std::make_unique<Columns>()) {}
EventRowBuilder::~EventRowBuilder() = default;

Status EventRowBuilder::Append(const EventRow& row, std::string_view trace_id) {
  return FromArrow(columns_->Append(row, trace_id));
}

int64_t EventRowBuilder::rows() const { return columns_->id.length(); }

Result<std::shared_ptr<arrow::RecordBatch>> EventRowBuilder::Finish() {
  return FromArrow(columns_->Finish(origin_));
}

struct RejectedRowBuilder::Columns {
  arrow::BinaryBuilder raw;
  arrow::StringBuilder reason, trace_id;
  arrow::Int64Builder ordinal, byte_offset;

  arrow::Status Append(const RejectedRow& row, std::string_view trace) {
    ARROW_RETURN_NOT_OK(raw.Append(row.raw));
    ARROW_RETURN_NOT_OK(reason.Append(row.reason));
    ARROW_RETURN_NOT_OK(trace_id.Append(trace));
    ARROW_RETURN_NOT_OK(ordinal.Append(row.ordinal));
    return byte_offset.Append(row.byte_offset);
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Finish(const RowOrigin& origin) {
    const int64_t rows = raw.length();
    arrow::ArrayVector arrays(8);
    ARROW_RETURN_NOT_OK(raw.Finish(&arrays[0]));
    ARROW_RETURN_NOT_OK(reason.Finish(&arrays[1]));
    ARROW_RETURN_NOT_OK(Repeat(TextScalar(origin.source), rows).Value(&arrays[2]));
    ARROW_RETURN_NOT_OK(trace_id.Finish(&arrays[3]));
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

Status RejectedRowBuilder::Append(const RejectedRow& row, std::string_view trace_id) {
  return FromArrow(columns_->Append(row, trace_id));
}

int64_t RejectedRowBuilder::rows() const { return columns_->raw.length(); }

Result<std::shared_ptr<arrow::RecordBatch>> RejectedRowBuilder::Finish() {
  return FromArrow(columns_->Finish(origin_));
}

}  // namespace octolake::event
