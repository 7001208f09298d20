// How much history the commits of octolake's steps leave to their tables.
#pragma once

#include "iceberg/retention_policy.h"

namespace octolake::lake {

// The defaults of the policy, with the tags of positions (position.h) known to it.
inline iceberg::RetentionPolicy DefaultRetention() {
  iceberg::RetentionPolicy policy;
  policy.reader_tags = "octolake.";
  policy.lasting_tags = "octolake.";
  return policy;
}

}  // namespace octolake::lake
