// Writes to a table that is opened with the first row for it: one that cannot be read keeps nothing
// back as long as there is none.
#pragma once

#include <memory>
#include <string>

#include "datafile/table_writer.h"
#include "iceberg/catalog.h"
#include "lake/warehouse.h"

namespace octolake::lake {

// The first row fails as CheckNotLost does, and with kNotFound for a table that was dropped. `uuid`
// becomes the table's; it and the warehouse must outlive the writer.
std::unique_ptr<datafile::TableWriter> MakeLateWriter(Warehouse& warehouse,
                                                      const iceberg::TableIdentifier& table,
                                                      const datafile::WriterOptions& options,
                                                      std::string* uuid);

}  // namespace octolake::lake
