// The tables that C++ defines: Bronze, what was rejected, what was loaded, parsed Silver. The
// models' tables are defined by the dbt project. docs/formats/tables.md is made from these.
#pragma once

#include <string>
#include <vector>

#include "iceberg/catalog.h"
#include "iceberg/table_metadata.h"
#include "lake/warehouse.h"

namespace octolake::lake {

iceberg::TableIdentifier BronzeEvents(const Namespaces& namespaces);    // bronze.github_events
iceberg::TableIdentifier RejectedEvents(const Namespaces& namespaces);  // bronze.rejected_events
iceberg::TableIdentifier LoadedFiles(const Namespaces& namespaces);     // bronze.loaded_files
iceberg::TableIdentifier ParsedEvents(const Namespaces& namespaces);  // silver.github_events_parsed

// Schema (with docs), partition spec, sort order and properties; location is left empty.
iceberg::NewTable BronzeEventsDefinition();
iceberg::NewTable RejectedEventsDefinition();
iceberg::NewTable LoadedFilesDefinition();
iceberg::NewTable ParsedEventsDefinition();

// Properties every table of ours gets: zstd, old metadata files kept (50), and the version of the
// definitions that made it (table_version.h).
iceberg::Properties CommonTableProperties();

// Creates what is missing, and upgrades what an older octolake made. kUnsupported if a newer one
// has written to a table; then nothing is created. Damage (kCorruption, kIo) to a table that is
// neither Bronze nor in `needed` keeps nobody back who can do without it: it is among the warnings.
Result<std::vector<std::string>> CreateTables(
    Warehouse& warehouse, const std::vector<iceberg::TableIdentifier>& needed = {});
// What was received is nowhere else: an empty table in the place of one whose row in the catalog
// was lost would make it look as if it had never been there. kCorruption, saying what to do, if the
// catalog has no such table and there is metadata of one that had rows.
Status CheckNotLost(Warehouse& warehouse, const iceberg::TableIdentifier& table);
// Only the upgrade, for some of these tables; a missing one is passed over.
Status UpgradeTables(Warehouse& warehouse, const std::vector<iceberg::TableIdentifier>& tables);

}  // namespace octolake::lake
