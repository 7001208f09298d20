// The way back: the event as it was received from its Bronze row, in other order and spacing. Its
// canonical JSON is that of the original.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "event/event_row.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::event {

// JSON text. A row of a webhook delivery gives the body of the delivery. kCorruption if extra is
// not what event_parser.h describes.
Result<std::string> RebuildEvent(const EventRow& row);

// Row `row` of a batch of EventSchema(). The text belongs to the batch.
EventRow EventRowAt(const arrow::RecordBatch& batch, int64_t row);

}  // namespace octolake::event
