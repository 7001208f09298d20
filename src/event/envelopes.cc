#include "event/envelopes.h"

#include "base/civil_time.h"

namespace octolake::event {

arrow::Status ReplaceColumns(const NamedArrays& columns,
                             std::shared_ptr<arrow::RecordBatch>* batch) {
  for (const auto& [name, array] : columns) {
    const int place = (*batch)->schema()->GetFieldIndex(name);
    const auto field = (*batch)->schema()->field(place);
    ARROW_RETURN_NOT_OK((*batch)->SetColumn(place, field, array).Value(batch));
  }
  return arrow::Status::OK();
}

arrow::Status Envelopes::Add(const Envelope& envelope) {
  char trace_id[Uuid::kTextBytes];
  envelope.trace_id.Write(trace_id);
  ARROW_RETURN_NOT_OK(trace_id_.Append(trace_id, sizeof trace_id));
  ARROW_RETURN_NOT_OK(source_.Append(envelope.source));
  ARROW_RETURN_NOT_OK(received_.Append(envelope.received_at));
  return day_.Append(static_cast<int32_t>(DaysOfMicros(envelope.received_at)));
}

arrow::Status Envelopes::PutIntoEvents(std::shared_ptr<arrow::RecordBatch>* batch) {
  NamedArrays columns{{"trace_id", nullptr},
                      {"source", nullptr},
                      {"ingestion_timestamp", nullptr},
                      {"ingestion_date", nullptr}};
  ARROW_RETURN_NOT_OK(trace_id_.Finish(&columns[0].second));
  ARROW_RETURN_NOT_OK(source_.Finish(&columns[1].second));
  ARROW_RETURN_NOT_OK(received_.Finish(&columns[2].second));
  ARROW_RETURN_NOT_OK(day_.Finish(&columns[3].second));
  return ReplaceColumns(columns, batch);
}

arrow::Status Envelopes::PutIntoRejected(std::shared_ptr<arrow::RecordBatch>* batch) {
  NamedArrays columns{{"trace_id", nullptr}, {"source", nullptr}, {"received", nullptr}};
  ARROW_RETURN_NOT_OK(trace_id_.Finish(&columns[0].second));
  ARROW_RETURN_NOT_OK(source_.Finish(&columns[1].second));
  ARROW_RETURN_NOT_OK(received_.Finish(&columns[2].second));
  day_.Reset();
  ARROW_ASSIGN_OR_RAISE(auto no_offsets,
                        arrow::MakeArrayOfNull(arrow::int64(), (*batch)->num_rows()));
  columns.emplace_back("byte_offset", std::move(no_offsets));
  return ReplaceColumns(columns, batch);
}

}  // namespace octolake::event
