#include "event/message_writer.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "avro/binary.h"
#include "avro/container.h"
#include "event/message_schema.h"

namespace octolake::event {
namespace {

// The branches of ["null", X].
constexpr int64_t kNullBranch = 0;
constexpr int64_t kValueBranch = 1;

// The columns of a batch, looked up once.
class EventColumns {
 public:
  explicit EventColumns(const arrow::RecordBatch& events) : events_(events) {}

  // The text belongs to the batch.
  MessageRecord RecordAt(int64_t row) const {
    MessageRecord record;
    record.id = id_.At(row);
    record.type = type_.At(row);
    record.is_public = public_.At(row);
    record.actor_id = actor_id_.At(row);
    record.actor_login = actor_login_.At(row);
    record.actor_gravatar_id = actor_gravatar_id_.At(row);
    record.actor_url = actor_url_.At(row);
    record.actor_avatar_url = actor_avatar_url_.At(row);
    record.repo_id = repo_id_.At(row);
    record.repo_name = repo_name_.At(row);
    record.repo_url = repo_url_.At(row);
    record.payload = payload_.At(row);
    record.created_at = created_at_.At(row);
    record.org_id = org_id_.At(row);
    record.org_login = org_login_.At(row);
    record.trace_id = trace_id_.At(row);
    record.source = source_.At(row);
    record.delivery_id = delivery_id_.At(row);
    record.received_at = ingestion_timestamp_.At(row);
    record.extra = extra_.At(row);
    return record;
  }

 private:
  template <typename Array>
  class Column {
   public:
    Column(const arrow::RecordBatch& events, const char* name)
        : array_(std::static_pointer_cast<Array>(events.GetColumnByName(name))) {}
    auto At(int64_t row) const -> std::optional<decltype(std::declval<Array>().GetView(0))> {
      if (array_->IsNull(row)) return std::nullopt;
      return array_->GetView(row);
    }

   private:
    std::shared_ptr<Array> array_;
  };
  using Texts = Column<arrow::StringArray>;
  using Longs = Column<arrow::Int64Array>;

  const arrow::RecordBatch& events_;
  const Texts id_{events_, "id"};
  const Texts type_{events_, "type"};
  const Column<arrow::BooleanArray> public_{events_, "public"};
  const Longs actor_id_{events_, "actor_id"};
  const Texts actor_login_{events_, "actor_login"};
  const Texts actor_gravatar_id_{events_, "actor_gravatar_id"};
  const Texts actor_url_{events_, "actor_url"};
  const Texts actor_avatar_url_{events_, "actor_avatar_url"};
  const Longs repo_id_{events_, "repo_id"};
  const Texts repo_name_{events_, "repo_name"};
  const Texts repo_url_{events_, "repo_url"};
  const Texts payload_{events_, "payload"};
  const Texts created_at_{events_, "created_at"};
  const Longs org_id_{events_, "org_id"};
  const Texts org_login_{events_, "org_login"};
  const Texts trace_id_{events_, "trace_id"};
  const Texts source_{events_, "source"};
  const Texts delivery_id_{events_, "delivery_id"};
  const Column<arrow::TimestampArray> ingestion_timestamp_{events_, "ingestion_timestamp"};
  const Texts extra_{events_, "extra"};
};

void Put(std::string_view text, std::string* out) {
  avro::AppendLong(static_cast<int64_t>(text.size()), *out);
  out->append(text);
}
void Put(int64_t number, std::string* out) { avro::AppendLong(number, *out); }
void Put(bool flag, std::string* out) { out->push_back(flag ? '\1' : '\0'); }

template <typename T>
void PutOptional(const std::optional<T>& value, std::string* out) {
  avro::AppendLong(value ? kValueBranch : kNullBranch, *out);
  if (value) Put(*value, out);
}

// The fields in the order of MessageSchema().
void PutRecord(const MessageRecord& record, std::string* out) {
  Put(*record.id, out);
  Put(*record.type, out);
  PutOptional(record.actor_id, out);
  PutOptional(record.actor_login, out);
  PutOptional(record.actor_gravatar_id, out);
  PutOptional(record.actor_url, out);
  PutOptional(record.actor_avatar_url, out);
  PutOptional(record.repo_id, out);
  PutOptional(record.repo_name, out);
  PutOptional(record.repo_url, out);
  PutOptional(record.payload, out);
  PutOptional(record.is_public, out);
  Put(*record.created_at, out);
  const bool has_org = record.org_id || record.org_login;
  avro::AppendLong(has_org ? kValueBranch : kNullBranch, *out);
  if (has_org) {
    PutOptional(record.org_id, out);
    PutOptional(record.org_login, out);
  }
  PutOptional(record.trace_id, out);
  PutOptional(record.source, out);
  PutOptional(record.delivery_id, out);
  PutOptional(record.received_at, out);
  PutOptional(record.extra, out);
}

}  // namespace

Result<std::string> EncodeMessage(const arrow::RecordBatch& events, std::span<const int64_t> rows,
                                  RandomSource& random, const MessageOptions& options,
                                  MessageLoad* load) {
  avro::WriterOptions writing;
  writing.codec = avro::Codec::kZstandard;
  writing.level = options.zstd_level;
  writing.block_bytes = options.block_bytes;
  std::string message;
  OCTO_ASSIGN(const auto writer,
              avro::ContainerWriter::Create(MessageSchema(), std::move(writing), random, &message));
  const EventColumns columns(events);
  std::string encoded;
  MessageLoad taken{.records = static_cast<int64_t>(rows.size())};
  for (const int64_t row : rows) {
    const MessageRecord record = columns.RecordAt(row);
    if (!record.id || !record.type || !record.created_at) {
      return MakeError(
          ErrorKind::kInvalidArgument,
          "row " + std::to_string(row) + " of a batch of events: id, type or created_at is NULL");
    }
    encoded.clear();
    PutRecord(record, &encoded);
    OCTO_TRY(writer->AppendEncoded(encoded));
    const auto size = static_cast<int64_t>(encoded.size());
    taken.bytes += size;
    // A block ends with the record that fills it.
    taken.largest_block = std::max(taken.largest_block, options.block_bytes + size);
  }
  if (load != nullptr) *load = taken;
  OCTO_TRY(writer->Finish());
  return message;
}

}  // namespace octolake::event
