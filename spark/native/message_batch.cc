#include "spark/native/message_batch.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <memory>
#include <string_view>

namespace octolake::spark {
namespace {

template <typename Array>
Result<std::shared_ptr<Array>> ColumnOf(const arrow::RecordBatch& messages, const char* name,
                                        const char* type) {
  auto column = std::dynamic_pointer_cast<Array>(messages.GetColumnByName(name));
  if (column != nullptr) return column;
  return MakeError(ErrorKind::kInvalidArgument, std::string("messages: column ") + name +
                                                    " should be " + type +
                                                    ", and is missing or has another type");
}

Result<std::shared_ptr<arrow::TimestampArray>> MicrosecondsOf(const arrow::RecordBatch& messages,
                                                              const char* name) {
  constexpr char kType[] = "timestamp[us]";
  OCTO_ASSIGN(auto column, ColumnOf<arrow::TimestampArray>(messages, name, kType));
  const auto& type = static_cast<const arrow::TimestampType&>(*column->type());
  if (type.unit() == arrow::TimeUnit::MICRO) return column;
  return MakeError(ErrorKind::kInvalidArgument, std::string("messages: column ") + name +
                                                    " should be " + kType + ", found " +
                                                    type.ToString());
}

// The columns that every message has.
class Messages {
 public:
  static Result<Messages> Of(const arrow::RecordBatch& batch, const std::string& origin) {
    Messages messages;
    messages.origin_ = origin;
    OCTO_ASSIGN(messages.value_, ColumnOf<arrow::BinaryArray>(batch, "value", "binary"));
    OCTO_ASSIGN(messages.partition_, ColumnOf<arrow::Int32Array>(batch, "partition", "int32"));
    OCTO_ASSIGN(messages.offset_, ColumnOf<arrow::Int64Array>(batch, "offset", "int64"));
    OCTO_ASSIGN(messages.timestamp_, MicrosecondsOf(batch, "timestamp"));
    if (messages.partition_->null_count() + messages.offset_->null_count() +
            messages.timestamp_->null_count() >
        0) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "messages: every message should have a partition, an offset and a "
                       "timestamp; found a NULL");
    }
    return messages;
  }

  // A message without a value is an empty one, and rejected.
  std::string_view ValueOf(int64_t i) const {
    return value_->IsNull(i) ? std::string_view() : value_->GetView(i);
  }
  event::MessagePlace PlaceOf(int64_t i) const {
    const int32_t partition = partition_->Value(i);
    return {origin_ + "/" + std::to_string(partition), partition, offset_->Value(i),
            timestamp_->Value(i)};
  }

 private:
  std::string origin_;
  std::shared_ptr<arrow::BinaryArray> value_;
  std::shared_ptr<arrow::Int32Array> partition_;
  std::shared_ptr<arrow::Int64Array> offset_;
  std::shared_ptr<arrow::TimestampArray> timestamp_;
};

std::string_view TextOf(const arrow::StringArray& column, int64_t i) {
  return column.IsNull(i) ? std::string_view() : column.GetView(i);
}

}  // namespace

Result<AddMessage> MessagesToDecode(const std::shared_ptr<arrow::RecordBatch>& messages,
                                    const std::string& origin) {
  OCTO_ASSIGN(const Messages all, Messages::Of(*messages, origin));
  return [all](event::MessageRows& rows, int64_t i) {
    return rows.Add(all.ValueOf(i), all.PlaceOf(i));
  };
}

Result<AddMessage> MessagesRejectedBefore(const std::shared_ptr<arrow::RecordBatch>& messages,
                                          const std::string& origin) {
  OCTO_ASSIGN(const Messages all, Messages::Of(*messages, origin));
  OCTO_ASSIGN(const auto reason, ColumnOf<arrow::StringArray>(*messages, "reason", "string"));
  OCTO_ASSIGN(const auto source, ColumnOf<arrow::StringArray>(*messages, "source", "string"));
  OCTO_ASSIGN(const auto trace_id, ColumnOf<arrow::StringArray>(*messages, "trace_id", "string"));
  OCTO_ASSIGN(const auto received, MicrosecondsOf(*messages, "received_at"));
  return [all, reason, source, trace_id, received](event::MessageRows& rows, int64_t i) {
    event::RejectedMessage rejected;
    rejected.raw = all.ValueOf(i);
    rejected.reason = TextOf(*reason, i);
    rejected.source = TextOf(*source, i);
    rejected.trace_id = TextOf(*trace_id, i);
    if (received->IsValid(i)) rejected.received_at = received->Value(i);
    return rows.AddRejected(rejected, all.PlaceOf(i));
  };
}

}  // namespace octolake::spark
