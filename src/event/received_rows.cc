#include "event/received_rows.h"

#include <arrow/api.h>

#include <utility>

#include "event/arrow_error.h"
#include "event/envelopes.h"
#include "event/event_parser.h"
#include "event/object_reader.h"
#include "event/row_builder.h"

namespace octolake::event {
namespace {

// Of a row beside its body.
constexpr int64_t kRowBytes = 512;

Envelope EnvelopeOf(const ReceivedDocument& document) {
  return {document.trace_id, document.source, document.received_at};
}

}  // namespace

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
    return FromArrow(state_->of_events.Add(EnvelopeOf(document)));
  }
  OCTO_TRY(state_->rejected.Append({document.body, reason, document.ordinal, 0}));
  return FromArrow(state_->of_rejected.Add(EnvelopeOf(document)));
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
