// Compiled relations as tables of a warehouse, and as views of a session at pinned snapshots.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "lake/warehouse.h"
#include "model/bundle.h"
#include "sql/session.h"

namespace octolake::model {

// The catalog's name in compiled SQL, whatever the configured one is.
inline constexpr char kCompiledCatalog[] = "demo";
// The schema of the relations that changes() gives.
inline constexpr char kChangesSchema[] = "octolake_changes";

// The table of a relation, with its layer's configured namespace.
iceberg::TableIdentifier TableOf(const Relation& relation, const lake::Namespaces& namespaces);

// The relation of a model or a source; kNotFound for an id the bundle lacks.
Result<Relation> FindRelation(const Bundle& bundle, const std::string& unique_id);

// "demo"."silver"."x" as the session spells it.
sql::RelationName CompiledName(const Relation& relation);
// "demo"."octolake_changes"."silver__x".
sql::RelationName ChangesName(const Relation& relation);

// Lets sessions with these options read the warehouse's files, and spill beside them.
Status AllowWarehouse(const lake::Warehouse& warehouse, sql::SessionOptions& options);

// A view over one snapshot of a table (nullopt: an empty one), with that snapshot's schema.
// kCorruption, naming it, if a local file of the snapshot is missing or not as long as its manifest
// says. Objects on S3 are there whole or not at all, and are not asked for one by one: a query that
// needs one that is missing fails.
Status AddSnapshot(sql::Session& session, const sql::RelationName& name, lake::Warehouse& warehouse,
                   const iceberg::Table& table, std::optional<int64_t> snapshot_id);

// Stands for a table that cannot be read: queries that use it fail and say why, others do not.
// Without the table's schema, one that names a column fails for the lack of it, without the reason.
Status AddUnreadable(sql::Session& session, const sql::RelationName& name, const std::string& why,
                     const iceberg::Schema* schema = nullptr);

// Loads a table; if it is missing, says which command makes it.
Result<iceberg::Table> LoadInput(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id);

}  // namespace octolake::model
