// Whole batches of Bronze to whole batches of parsed Silver.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/result.h"

namespace arrow {
class RecordBatch;
}
namespace octolake::lake {
class SilverParser;
}

namespace octolake::spark {

// As octolake_spark_parse_bronze says. kInvalidArgument, naming it, for a column that is missing or
// has another type; kCorruption for a row without id, type or event_time.
Result<std::shared_ptr<arrow::RecordBatch>> ParseWhole(lake::SilverParser& parser,
                                                       const arrow::RecordBatch& bronze,
                                                       TimestampMicros processed_at);

}  // namespace octolake::spark
