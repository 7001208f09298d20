// How each of octolake's tables is best laid out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iceberg/catalog.h"
#include "lake/warehouse.h"
#include "maintain/rewrite_group.h"

namespace octolake::maintain {

struct TablePolicy {
  CompactionStrategy strategy = CompactionStrategy::kBinPack;
  std::vector<std::string> columns;  // to order rows by
  // Fewer small files of a partition are left alone (CompactionScope).
  int64_t min_input_files = 5;
};

// Parsed Silver along a Z-order curve through what queries ask for, event_type and created_at; all
// others in the order in which their rows came.
TablePolicy PolicyFor(const lake::Namespaces& namespaces, const iceberg::TableIdentifier& table);

}  // namespace octolake::maintain
