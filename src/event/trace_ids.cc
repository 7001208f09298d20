#include <arrow/api.h>

#include <utility>

#include "event/arrow_error.h"
#include "event/event_reader.h"

namespace octolake::event {
namespace {

constexpr auto kTextBytes = static_cast<int64_t>(Uuid::kTextBytes);

class TextsOfUuids {
 public:
  arrow::Status Reserve(int64_t rows) {
    ARROW_RETURN_NOT_OK(texts_.Reserve(rows));
    return texts_.ReserveData(rows * kTextBytes);
  }
  void Add(const Uuid& uuid) {
    char text[Uuid::kTextBytes];
    uuid.Write(text);
    texts_.UnsafeAppend(text, sizeof text);
  }
  // The batch with these in place of its trace_id.
  arrow::Status PutInto(std::shared_ptr<arrow::RecordBatch>* batch) {
    ARROW_ASSIGN_OR_RAISE(auto column, texts_.Finish());
    const int place = (*batch)->schema()->GetFieldIndex("trace_id");
    return (*batch)->SetColumn(place, (*batch)->schema()->field(place), column).Value(batch);
  }

 private:
  arrow::StringBuilder texts_;
};

arrow::Status Fill(UuidV7Generator& trace_ids, EventBatch* batch) {
  const int64_t events = batch->events->num_rows();
  const int64_t rejected = batch->rejected->num_rows();
  TextsOfUuids of_events;
  TextsOfUuids of_rejected;
  ARROW_RETURN_NOT_OK(of_events.Reserve(events));
  ARROW_RETURN_NOT_OK(of_rejected.Reserve(rejected));
  const std::vector<Uuid> uuids = trace_ids.Next(static_cast<size_t>(events + rejected));
  size_t next_rejected = 0;
  for (size_t document = 0; document < uuids.size(); ++document) {
    const bool is_rejected =
        next_rejected < batch->rejected_places.size() &&
        batch->rejected_places[next_rejected] == static_cast<int64_t>(document);
    (is_rejected ? of_rejected : of_events).Add(uuids[document]);
    if (is_rejected) ++next_rejected;
  }
  ARROW_RETURN_NOT_OK(of_events.PutInto(&batch->events));
  return of_rejected.PutInto(&batch->rejected);
}

}  // namespace

Status FillTraceIds(UuidV7Generator& trace_ids, EventBatch* batch) {
  return FromArrow(Fill(trace_ids, batch));
}

}  // namespace octolake::event
