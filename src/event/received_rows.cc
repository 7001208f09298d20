#include "event/received_rows.h"

#include <arrow/api.h>

#include <utility>

#include "base/civil_time.h"
#include "event/arrow_error.h"
#include "event/event_parser.h"
#include "event/object_reader.h"
#include "event/row_builder.h"

namespace octolake::event {
namespace {

using Columns = std::vector<std::pair<const char*, std::shared_ptr<arrow::Array>>>;

// The columns that differ from row to row here, while all rows of a file share them.
class Envelopes {
 public:
  arrow::Status Add(const ReceivedDocument& document) {
    ARROW_RETURN_NOT_OK(trace_id_.Append(document.trace_id.ToString()));
    ARROW_RETURN_NOT_OK(source_.Append(document.source));
    ARROW_RETURN_NOT_OK(received_.Append(document.received_at));
    const int64_t day = DaysOfMicros(document.received_at);
    return day_.Append(static_cast<int32_t>(day));
  }
  arrow::Status PutIntoEvents(std::shared_ptr<arrow::RecordBatch>* batch) {
    Columns columns{{"trace_id", nullptr},
                    {"source", nullptr},
                    {"ingestion_timestamp", nullptr},
                    {"ingestion_date", nullptr}};
    ARROW_RETURN_NOT_OK(trace_id_.Finish(&columns[0].second));
    ARROW_RETURN_NOT_OK(source_.Finish(&columns[1].second));
    ARROW_RETURN_NOT_OK(received_.Finish(&columns[2].second));
    ARROW_RETURN_NOT_OK(day_.Finish(&columns[3].second));
    return Replace(columns, batch);
  }
  arrow::Status PutIntoRejected(std::shared_ptr<arrow::RecordBatch>* batch) {
    Columns columns{{"trace_id", nullptr}, {"source", nullptr}, {"received", nullptr}};
    ARROW_RETURN_NOT_OK(trace_id_.Finish(&columns[0].second));
    ARROW_RETURN_NOT_OK(source_.Finish(&columns[1].second));
    ARROW_RETURN_NOT_OK(received_.Finish(&columns[2].second));
    day_.Reset();
    ARROW_ASSIGN_OR_RAISE(auto no_offsets,
                          arrow::MakeArrayOfNull(arrow::int64(), (*batch)->num_rows()));
    columns.emplace_back("byte_offset", std::move(no_offsets));
    return Replace(columns, batch);
  }

 private:
  static arrow::Status Replace(const Columns& columns, std::shared_ptr<arrow::RecordBatch>* batch) {
    for (const auto& [name, array] : columns) {
      const int place = (*batch)->schema()->GetFieldIndex(name);
      const auto field = (*batch)->schema()->field(place);
      ARROW_RETURN_NOT_OK((*batch)->SetColumn(place, field, array).Value(batch));
    }
    return arrow::Status::OK();
  }

  arrow::StringBuilder trace_id_;
  arrow::StringBuilder source_;
  arrow::TimestampBuilder received_{arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                    arrow::default_memory_pool()};
  arrow::Date32Builder day_;
};

}  // namespace

// Of a row beside its body.
constexpr int64_t kRowBytes = 512;

struct ReceivedRows::State {
  State(const std::string& origin, int depth)
      : max_depth(depth), index(depth), events(RowOrigin{}), rejected(RowOrigin{"", origin, 0}) {}

  // Empty, or why the document is no row of Bronze.
  std::string Read(const ReceivedDocument& document, EventRow* row) {
    std::string_view text = document.body;
    if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
    padded.assign(text).append(kJsonPadding, ' ');
    const JsonProblem problem = index.Parse({padded.data(), text.size()});
    if (problem) return DescribeProblem(problem, max_depth);
    if (!index.only_root()) {
      return "invalid JSON at byte " + std::to_string(index.root_end()) +
             ": expected the end of the document";
    }
    const char* reason =
        document.source == kWebhookSource
            ? webhooks.Read(
                  index, {document.delivery_id, document.received_at, document.headers, text}, row)
            : parser.Read(index, row);
    return reason == nullptr ? "" : reason;
  }

  const int max_depth;
  std::string padded;
  JsonIndex index;
  EventParser parser;
  WebhookParser webhooks;
  EventRowBuilder events;
  Envelopes of_events;
  RejectedRowBuilder rejected;
  Envelopes of_rejected;
  int64_t bytes = 0;
};

ReceivedRows::ReceivedRows(std::string origin, int max_depth)
    : state_(std::make_unique<State>(origin, max_depth)) {}
ReceivedRows::~ReceivedRows() = default;

int64_t ReceivedRows::bytes() const { return state_->bytes; }

Status ReceivedRows::Add(const ReceivedDocument& document) {
  state_->bytes += kRowBytes + static_cast<int64_t>(document.body.size());
  EventRow row;
  const std::string reason = state_->Read(document, &row);
  if (reason.empty()) {
    OCTO_TRY(state_->events.Append(row));
    return FromArrow(state_->of_events.Add(document));
  }
  OCTO_TRY(state_->rejected.Append({document.body, reason, document.ordinal, 0}));
  return FromArrow(state_->of_rejected.Add(document));
}

Result<EventBatch> ReceivedRows::Finish() {
  state_->bytes = 0;
  EventBatch batch;
  OCTO_ASSIGN(batch.events, state_->events.Finish());
  OCTO_ASSIGN(batch.rejected, state_->rejected.Finish());
  OCTO_TRY(FromArrow(state_->of_events.PutIntoEvents(&batch.events)));
  OCTO_TRY(FromArrow(state_->of_rejected.PutIntoRejected(&batch.rejected)));
  return batch;
}

}  // namespace octolake::event
