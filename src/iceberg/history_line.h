// The line of snapshots that led to the current one, across those of it that have expired.
#pragma once

#include <cstdint>
#include <set>

#include "iceberg/table_metadata.h"

namespace octolake::iceberg {

enum class Descent { kYes, kNo, kUnknown };

// Whether the current snapshot is this one or came from it. kUnknown: what the line went through
// between them has expired, and no expiry wrote down what NoteLine does; it may also have been
// rolled back behind it.
Descent CurrentCameFrom(const TableMetadata& metadata, int64_t snapshot_id);

// For an expiry, after it took snapshots out: writes down which of `ancestors`, ancestors of the
// current snapshot before, cannot be reached from it any more from parent to parent.
void NoteLine(TableMetadata& metadata, std::set<int64_t> ancestors);

}  // namespace octolake::iceberg
