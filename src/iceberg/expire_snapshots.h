// The update that keeps a table's history short.
#pragma once

#include <memory>

#include "iceberg/retention_policy.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

// Takes out the snapshots and tags that PlanExpiry (retention_policy.h) names at the time of the
// commit, if any; the transaction removes their files once it is committed. Where that cuts a
// lasting tag off from the current snapshot, the table goes on knowing that this came from it
// (history_line.h). Goes after the updates that make snapshots.
std::unique_ptr<TableUpdate> ExpireSnapshots(RetentionPolicy policy);

}  // namespace octolake::iceberg
