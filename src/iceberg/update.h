// Changes to one table that can be applied again to newer metadata when a commit lost a race.
// Transaction (transaction.h) applies and commits them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

struct UpdateContext {
  io::FileSystem& file_system;
  const Clock& clock;
  RandomSource& random;
};

class TableUpdate {
 public:
  virtual ~TableUpdate() = default;
  // Changes `metadata`, writing manifests as needed. An error ends the transaction: an assertion
  // that no longer holds gives kCommitConflict, and the caller starts its step again.
  virtual Status Apply(const UpdateContext& context, TableMetadata& metadata) = 0;
  // Locations of manifests and manifest lists written by Apply and named by no committed snapshot
  // of `committed` (null: nothing was committed); they can be removed.
  virtual std::vector<std::string> Unused(const TableMetadata* committed) const = 0;
  // Of the snapshot that Apply makes; the same in every attempt. Unset before the first, and for
  // updates that make none.
  virtual std::optional<int64_t> NewSnapshotId() const { return std::nullopt; }
};

// Adds files in a new append snapshot, also with no files (a position alone). Manifests are merged
// when a partition spec has commit.manifest.min-count-to-merge (100) or more of them, up to
// commit.manifest.target-size-bytes (8 MiB); commit.manifest-merge.enabled (true) turns that off.
// Delete files of others stay as they are.
std::unique_ptr<TableUpdate> AppendFiles(std::vector<DataFile> files, Properties summary);

// Replaces every live file of the given partitions (of the default spec) by new files, in one
// overwrite snapshot (an append snapshot if there was nothing to replace). Files of other
// partitions are refused; a given partition without a new file becomes empty. kUnsupported while
// live files are of another spec. Delete files of the partitions go with them; those of another
// spec stay. Only manifests that may name files of the partitions are read.
std::unique_ptr<TableUpdate> OverwritePartitions(std::vector<PartitionValues> partitions,
                                                 std::vector<DataFile> files, Properties summary);

// Replaces every live file of the table (a full refresh), as OverwritePartitions does.
std::unique_ptr<TableUpdate> OverwriteAll(std::vector<DataFile> files, Properties summary);

// Makes or moves a tag to a snapshot; nullopt: to the current snapshot after the updates before.
// kNotFound if there is no such snapshot, kInvalidArgument if a branch has that name.
std::unique_ptr<TableUpdate> SetTag(std::string name, std::optional<int64_t> snapshot_id);

// kCommitConflict unless the tag is at the snapshot (nullopt: does not exist).
std::unique_ptr<TableUpdate> AssertTag(std::string name, std::optional<int64_t> snapshot_id);
// kCommitConflict unless the current snapshot is this one (nullopt: the table is empty).
std::unique_ptr<TableUpdate> AssertCurrentSnapshot(std::optional<int64_t> snapshot_id);
// kCommitConflict unless the current snapshot is known to be this one or to have come from it
// (history_line.h): not if the table was rolled back behind it.
std::unique_ptr<TableUpdate> AssertInHistory(int64_t snapshot_id);

// kNotFound unless it is this table: the one of that name was dropped and made again, and files
// written for the old one need not fit the new one.
std::unique_ptr<TableUpdate> AssertTableUuid(std::string uuid);

std::unique_ptr<TableUpdate> SetProperties(Properties properties);

// What the columns of a table are to become. They are matched with those it has by name.
struct SchemaEvolution {
  Schema wanted;  // its field ids, identifier fields and schema id do not count
  // Former names of renamed columns, by the names they are to have.
  std::map<std::string, std::string> former_names;
  // All rows are replaced in the same transaction, so that columns which are not wanted are dropped
  // (else they are kept, after the wanted ones), and a column whose new type cannot hold the old
  // values gets a new field id (else it is refused).
  bool rows_are_replaced = false;
};

// Makes a schema current that has the wanted columns, in their order, with the wanted docs: what is
// missing is added as optional, under field ids never used before; int becomes long, float double,
// a decimal gets more digits; required becomes optional, never the other way. Files that were
// written before stay readable: what they lack is NULL. kUnsupported, naming the column, for
// another change of type and for a change of the columns by which the table is partitioned or
// sorted. Changes nothing if the current schema is as wanted.
std::unique_ptr<TableUpdate> EvolveSchema(SchemaEvolution evolution);
// kCommitConflict unless the current schema, after the updates before, has these columns.
std::unique_ptr<TableUpdate> AssertColumns(std::vector<Field> columns);
// Makes an ancestor of the current snapshot current again, or what is older than expired ones; tags
// stay. kNotFound if the snapshot is unknown, kInvalidArgument if it is no ancestor.
std::unique_ptr<TableUpdate> RollbackTo(int64_t snapshot_id);

}  // namespace octolake::iceberg
