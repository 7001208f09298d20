#include "kafka/message_batch.h"

#include <arrow/api.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "base/crc32c.h"
#include "event/event_reader.h"
#include "event/message_writer.h"
#include "event/rebuild.h"

namespace octolake::kafka {
namespace {

template <typename Array>
auto ViewAt(const arrow::RecordBatch& batch, const char* column, int64_t row) {
  return static_cast<const Array&>(*batch.GetColumnByName(column)).GetView(row);
}

std::string_view TextAt(const arrow::RecordBatch& batch, const char* column, int64_t row) {
  return ViewAt<arrow::StringArray>(batch, column, row);
}

// What a rejected message is told by.
struct Rejected {
  std::string_view raw;
  std::string reason;
  std::string_view source;
  std::string_view trace_id;
  int64_t received_at = 0;
};

class Batcher {
 public:
  Batcher(const event::EventBatch& rows, const BatchLimits& limits, RandomSource& random)
      : rows_(rows), limits_(limits), random_(random) {}

  Result<MessageBatch> Run();

 private:
  std::string KeyOf(int64_t row) const;
  Status AddEvents(int32_t partition, std::span<const int64_t> rows);
  Status AddTooLarge(int64_t row, std::string reason);
  void AddRejected(const Rejected& rejected);

  const event::EventBatch& rows_;
  const BatchLimits& limits_;
  RandomSource& random_;
  MessageBatch batch_;
};

Result<MessageBatch> Batcher::Run() {
  std::map<int32_t, std::vector<int64_t>> by_partition;
  for (int64_t row = 0; row < rows_.events->num_rows(); ++row) {
    by_partition[PartitionOf(KeyOf(row), limits_.partitions)].push_back(row);
  }
  for (const auto& [partition, rows] : by_partition) OCTO_TRY(AddEvents(partition, rows));
  const arrow::RecordBatch& rejected = *rows_.rejected;
  for (int64_t row = 0; row < rejected.num_rows(); ++row) {
    AddRejected({ViewAt<arrow::BinaryArray>(rejected, "raw", row),
                 std::string(TextAt(rejected, "reason", row)), TextAt(rejected, "source", row),
                 TextAt(rejected, "trace_id", row),
                 ViewAt<arrow::TimestampArray>(rejected, "received", row)});
  }
  batch_.rejected = rejected.num_rows();
  batch_.events = rows_.events->num_rows() - batch_.too_large;
  return std::move(batch_);
}

std::string Batcher::KeyOf(int64_t row) const {
  const auto& ids =
      static_cast<const arrow::Int64Array&>(*rows_.events->GetColumnByName("repo_id"));
  if (!ids.IsNull(row)) return std::to_string(ids.Value(row));
  const auto names = rows_.events->GetColumnByName("repo_name");
  return std::string(TextAt(*rows_.events, names->IsNull(row) ? "id" : "repo_name", row));
}

Status Batcher::AddEvents(int32_t partition, std::span<const int64_t> rows) {
  event::MessageLoad load;
  OCTO_ASSIGN(std::string message, event::EncodeMessage(*rows_.events, rows, random_, {}, &load));
  const auto size = static_cast<int64_t>(message.size());
  if (size <= limits_.max_event_message && load.Fits(limits_.readers)) {
    batch_.messages.push_back({false, partition, std::move(message), {}});
    return {};
  }
  if (rows.size() > 1) {
    OCTO_TRY(AddEvents(partition, rows.first(rows.size() / 2)));
    return AddEvents(partition, rows.subspan(rows.size() / 2));
  }
  return AddTooLarge(rows.front(),
                     size > limits_.max_event_message
                         ? "a message of " + std::to_string(size) +
                               " bytes, where the topic takes " +
                               std::to_string(limits_.max_event_message)
                         : "a message of " + std::to_string(load.bytes) +
                               " bytes before compression, which is more than readers take");
}

Status Batcher::AddTooLarge(int64_t row, std::string reason) {
  ++batch_.too_large;
  OCTO_ASSIGN(const std::string document,
              event::RebuildEvent(event::EventRowAt(*rows_.events, row)));
  AddRejected({document, std::move(reason), TextAt(*rows_.events, "source", row),
               TextAt(*rows_.events, "trace_id", row),
               ViewAt<arrow::TimestampArray>(*rows_.events, "ingestion_timestamp", row)});
  return {};
}

void Batcher::AddRejected(const Rejected& rejected) {
  const auto most = static_cast<size_t>(limits_.max_rejected_message);
  const size_t parts = std::max<size_t>((rejected.raw.size() + most - 1) / most, 1);
  for (size_t part = 0; part < parts; ++part) {
    OutgoingMessage message;
    message.rejected = true;
    message.partition = PartitionOf(rejected.trace_id, limits_.rejected_partitions);
    message.value = rejected.raw.substr(part * most, most);
    message.headers = {{kReasonHeader, rejected.reason},
                       {kSourceHeader, std::string(rejected.source)},
                       {kTraceIdHeader, std::string(rejected.trace_id)},
                       {kReceivedAtHeader, std::to_string(rejected.received_at)}};
    if (parts > 1) {
      message.headers.emplace_back(kPartHeader,
                                   std::to_string(part + 1) + "/" + std::to_string(parts));
    }
    batch_.messages.push_back(std::move(message));
  }
}

}  // namespace

int32_t PartitionOf(std::string_view key, int32_t partitions) {
  return static_cast<int32_t>(Crc32c(key) % static_cast<uint32_t>(partitions));
}

Result<OutgoingMessage> EmptyMessage(bool rejected, int32_t partition, RandomSource& random) {
  OutgoingMessage message{rejected, partition, "", {{kNothingHeader, ""}}};
  if (rejected) return message;
  const auto none = arrow::RecordBatch::MakeEmpty(event::EventSchema());
  if (!none.ok()) return MakeError(ErrorKind::kResourceExhausted, none.status().ToString());
  OCTO_ASSIGN(message.value, event::EncodeMessage(**none, {}, random));
  return message;
}

BatchEncoder::BatchEncoder(const std::string& origin, RandomSource& random)
    : random_(random), rows_(origin) {}

Status BatchEncoder::Add(const journal::Record& record, uint64_t sequence) {
  return rows_.Add({record.source, record.trace_id, record.received_at, record.delivery_id,
                    record.headers, record.body, static_cast<int64_t>(sequence)});
}

Result<MessageBatch> BatchEncoder::Finish(const BatchLimits& limits) {
  OCTO_ASSIGN(const event::EventBatch rows, rows_.Finish());
  return Batcher(rows, limits, random_).Run();
}

}  // namespace octolake::kafka
