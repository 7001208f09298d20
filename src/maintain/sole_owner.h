// Whether all files below a table are that table's. Internal to maintain/.
#pragma once

#include "base/result.h"
#include "iceberg/catalog.h"
#include "lake/warehouse.h"
#include "maintain/canonical_location.h"

namespace octolake::maintain {

// kUnsupported, saying why, if files at the table's places may be of use to somebody else: the
// table says so itself (gc.enabled), another table of the catalog or of another catalog in the same
// database lies at, above or below one of them, or cannot be read, or one holds the whole
// warehouse.
Status CheckSoleOwner(lake::Warehouse& warehouse, const iceberg::Table& table,
                      LocationSpelling& spelling);

}  // namespace octolake::maintain
