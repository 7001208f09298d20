#include "event/message_rows.h"

#include <arrow/api.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "avro/container.h"
#include "event/arrow_error.h"
#include "event/avro_json.h"
#include "event/envelopes.h"
#include "event/event_parser.h"
#include "event/event_time.h"
#include "event/json_index.h"
#include "event/message_schema.h"
#include "event/object_reader.h"
#include "event/row_builder.h"

namespace octolake::event {
namespace {

// Of a row beside its text.
constexpr int64_t kRowBytes = 256;
// extra may hold a whole document, which may nest as deep as a reader lets it.
constexpr int kMaxDepth = 2 * 256 + 2;

constexpr const char kEmptyMessage[] = "an empty message";

// Checks that a text is JSON, as columns promise that hold it.
class JsonCheck {
 public:
  // Empty, or what is wrong.
  std::string Problem(std::string_view text, bool object_only) {
    padded_.assign(text).append(kJsonPadding, ' ');
    const JsonProblem problem = index_.Parse({padded_.data(), text.size()});
    if (problem) return DescribeProblem(problem, kMaxDepth);
    if (!index_.only_root()) return "more than one JSON value";
    if (object_only && !index_.root().IsObject()) return kNotAnObject;
    return "";
  }

 private:
  std::string padded_;
  JsonIndex index_{kMaxDepth};
};

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// For a column of text, which what stands in a foreign message need not be.
std::string AsText(std::string_view bytes) {
  std::string text(bytes);
  if (IsUtf8(text)) return text;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return text;
}

// One record of a message; its text belongs to the message.
struct Judged {
  std::string_view encoded;
  MessageRecord record;
  std::string problem;  // empty: it is an event
  std::string json;     // of what is none
};

struct Message {
  std::unique_ptr<avro::ContainerReader> reader;  // has the text
  std::vector<Judged> records;
};

tl::unexpected<Error> TooMuch(int64_t limit, const char* of_what) {
  return MakeError(ErrorKind::kResourceExhausted,
                   "a message of more than " + std::to_string(limit) + " " + of_what);
}

// The whole message, or why it cannot be read.
Result<Message> ReadMessage(std::string_view bytes, const MessageLimits& limits) {
  if (bytes.empty()) return MakeError(ErrorKind::kCorruption, kEmptyMessage);
  Message message;
  OCTO_ASSIGN(message.reader, avro::ContainerReader::Open(std::string(bytes), "message",
                                                          {.block_bytes = limits.block_bytes,
                                                           .total_bytes = limits.total_bytes,
                                                           .values = limits.values}));
  OCTO_ASSIGN(const auto resolution, MessageResolution::Resolve(message.reader->schema()));
  std::vector<avro::FieldView> views(resolution.views());
  while (true) {
    OCTO_ASSIGN(const auto encoded, message.reader->NextView(resolution.wanted(), views));
    if (!encoded) return message;
    if (static_cast<int64_t>(message.records.size()) >= limits.records) {
      return TooMuch(limits.records, "records");
    }
    Judged& record = message.records.emplace_back();
    record.encoded = *encoded;
    record.problem = resolution.Fill(views, &record.record);
  }
}

// Of a record that was read before.
Result<std::optional<std::string>> JsonOf(const avro::Schema& schema, std::string_view encoded,
                                          size_t most) {
  OCTO_ASSIGN(const avro::Value value, avro::Decoder(encoded).Decode(schema));
  return JsonOfAvro(schema, value, most);
}

}  // namespace

struct MessageRows::State {
  State(UuidV7Generator& ids, const MessageLimits& most)
      : trace_ids(ids), limits(most), events(RowOrigin{}), rejected(RowOrigin{}) {}

  Envelope EnvelopeOf(const Text& trace_id, const Text& source,
                      const std::optional<int64_t>& received_at, const MessagePlace& place) {
    const auto known = Uuid::Parse(trace_id.value_or(""));
    const bool has_source = source && IsUtf8(*source);
    const bool is_dated = received_at && IsInCalendar(*received_at);
    return {known ? *known : trace_ids.Next(), has_source ? *source : kDefaultSource,
            is_dated ? *received_at : std::clamp<int64_t>(place.timestamp, 0, kLastTime)};
  }

  // Completes the record. Empty, or why it is no event.
  std::string Check(MessageRecord* record) {
    if (record->id.value_or("").empty()) return kNoId;
    if (!record->type) return kNoType;
    if (!record->created_at) return kNoCreatedAt;
    record->event_time = ParseEventTime(*record->created_at);
    if (!record->event_time) return kBadCreatedAt;
    if (record->payload && record->payload->empty()) record->payload.reset();
    if (record->payload) {
      const std::string problem = json.Problem(*record->payload, false);
      if (!problem.empty()) return "payload: " + problem;
    }
    if (record->extra) {
      const std::string problem = json.Problem(*record->extra, true);
      if (!problem.empty()) return "extra: " + problem;
    }
    return "";
  }

  // All records of a message, before the first becomes a row.
  Status Judge(Message* message) {
    auto left = static_cast<size_t>(limits.rejected_json_bytes);
    for (Judged& one : message->records) {
      if (one.problem.empty()) one.problem = Check(&one.record);
      if (one.problem.empty()) continue;
      OCTO_ASSIGN(auto text, JsonOf(*message->reader->schema(), one.encoded, left));
      if (!text) return TooMuch(limits.rejected_json_bytes, "bytes of records that are no events");
      left -= text->size();
      one.json = *std::move(text);
    }
    return {};
  }

  Status AddRecord(const Judged& judged, const MessagePlace& place) {
    const MessageRecord& record = judged.record;
    const Envelope envelope = EnvelopeOf(record.trace_id, record.source, record.received_at, place);
    if (!judged.problem.empty()) return Reject(judged.json, judged.problem, envelope, place);
    OCTO_TRY(events.Append(record));
    OCTO_TRY(FromArrow(of_events.Add(envelope)));
    OCTO_TRY(FromArrow(partitions.AppendOrNull(place.partition)));
    return FromArrow(offsets.AppendOrNull(place.offset));
  }

  Status Reject(std::string_view raw, std::string_view reason, const Envelope& envelope,
                const MessagePlace& place) {
    OCTO_TRY(rejected.Append({raw, AsText(reason), place.offset.value_or(0), 0}));
    OCTO_TRY(FromArrow(of_rejected.Add(envelope)));
    return FromArrow(place.origin.empty() ? origins.AppendNull() : origins.Append(place.origin));
  }

  UuidV7Generator& trace_ids;
  const MessageLimits limits;
  JsonCheck json;
  EventRowBuilder events;
  Envelopes of_events;
  arrow::Int32Builder partitions;
  arrow::Int64Builder offsets;
  RejectedRowBuilder rejected;
  Envelopes of_rejected;
  arrow::StringBuilder origins;
};

MessageRows::MessageRows(UuidV7Generator& trace_ids, const MessageLimits& limits)
    : state_(std::make_unique<State>(trace_ids, limits)) {}
MessageRows::~MessageRows() = default;

int64_t MessageRows::bytes() const {
  const State& state = *state_;
  return rows() * kRowBytes + state.events.text_bytes() + state.of_events.text_bytes() +
         state.rejected.text_bytes() + state.of_rejected.text_bytes() +
         state.origins.value_data_length();
}
int64_t MessageRows::rows() const { return state_->events.rows() + state_->rejected.rows(); }

Status MessageRows::Add(std::string_view bytes, const MessagePlace& place) {
  const auto reject = [&](const Error& error) {
    return state_->Reject(bytes, error.message, state_->EnvelopeOf({}, {}, {}, place), place);
  };
  auto message = ReadMessage(bytes, state_->limits);
  if (!message) return reject(message.error());
  if (const Status judged = state_->Judge(&*message); !judged) return reject(judged.error());
  for (const Judged& record : message->records) OCTO_TRY(state_->AddRecord(record, place));
  return {};
}

Status MessageRows::AddRejected(const RejectedMessage& rejected, const MessagePlace& place) {
  const Text source = rejected.source.empty() ? Text() : Text(rejected.source);
  const Envelope envelope =
      state_->EnvelopeOf(rejected.trace_id, source, rejected.received_at, place);
  return state_->Reject(rejected.raw, rejected.reason, envelope, place);
}

Result<EventBatch> MessageRows::Finish() {
  State& state = *state_;
  EventBatch batch;
  OCTO_ASSIGN(batch.events, state.events.Finish());
  OCTO_ASSIGN(batch.rejected, state.rejected.Finish());
  OCTO_TRY(FromArrow(state.of_events.PutIntoEvents(&batch.events)));
  OCTO_TRY(FromArrow(state.of_rejected.PutIntoRejected(&batch.rejected)));
  NamedArrays places{{"kafka_partition", nullptr}, {"kafka_offset", nullptr}};
  OCTO_TRY(FromArrow(state.partitions.Finish(&places[0].second)));
  OCTO_TRY(FromArrow(state.offsets.Finish(&places[1].second)));
  OCTO_TRY(FromArrow(ReplaceColumns(places, &batch.events)));
  NamedArrays origins{{"source_file", nullptr}};
  OCTO_TRY(FromArrow(state.origins.Finish(&origins[0].second)));
  OCTO_TRY(FromArrow(ReplaceColumns(origins, &batch.rejected)));
  return batch;
}

}  // namespace octolake::event
