#include "maintain/table_policy.h"

#include "lake/definitions.h"

namespace octolake::maintain {

TablePolicy PolicyFor(const lake::Namespaces& namespaces, const iceberg::TableIdentifier& table) {
  if (table != lake::ParsedEvents(namespaces)) return {};
  return {CompactionStrategy::kZOrder, {"event_type", "created_at"}, 2};
}

}  // namespace octolake::maintain
