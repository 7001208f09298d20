// Retention of a few snapshots, for tests of this room.
#pragma once

#include <cstdint>

#include "iceberg/retention_policy.h"

namespace octolake::iceberg {

inline RetentionPolicy KeepAtMost(int64_t max_snapshots) {
  RetentionPolicy policy;
  policy.max_snapshots = max_snapshots;
  policy.min_snapshots = 1;
  return policy;
}

}  // namespace octolake::iceberg
