// A catalog names tables and swaps their metadata atomically.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {

struct TableIdentifier {
  std::string name_space;  // levels joined by dots
  std::string name;
  std::string ToString() const { return name_space + "." + name; }
  friend auto operator<=>(const TableIdentifier&, const TableIdentifier&) = default;
};

// A table as it was when it was loaded; never changes.
struct Table {
  TableIdentifier identifier;
  std::string metadata_location;
  std::shared_ptr<const TableMetadata> metadata;
};

// Puts `metadata` in place of what `base` was loaded from; no base creates the table.
struct TableChange {
  TableIdentifier identifier;
  std::optional<Table> base;
  TableMetadata metadata;
};

// Thread-safe. Several processes may use the same catalog.
class Catalog {
 public:
  virtual ~Catalog() = default;

  // A namespace exists from CreateNamespace on (kAlreadyExists), or as long as it has a table.
  virtual Status CreateNamespace(const std::string& name_space, const Properties& properties) = 0;
  virtual Result<std::vector<std::string>> ListNamespaces() = 0;
  // Ordered by name, without views. kNotFound for an unknown namespace.
  virtual Result<std::vector<TableIdentifier>> ListTables(const std::string& name_space) = 0;
  // For messages: the database, for example /lake/catalog.db.
  virtual std::string DisplayName() const = 0;
  // A command for a shell that makes the catalog name this metadata file for the table, to be run
  // by people while nothing else is at work; empty if there is none.
  virtual std::string RepairCommand(const TableIdentifier&, const std::string& /*location*/) const {
    return "";
  }
  // Where a new table of this name belongs.
  virtual std::string DefaultTableLocation(const TableIdentifier& identifier) const = 0;

  // kNotFound if there is no such table; a table whose metadata file is gone is kCorruption.
  virtual Result<Table> LoadTable(const TableIdentifier& identifier) = 0;
  // Applies all changes or none. kCommitConflict if any table is no longer what its base says (or,
  // for a creation, exists); kCommitStateUnknown if it cannot be told whether they took effect, in
  // which case the new metadata files are left where they are; on every other error they are
  // removed. kNotFound if a new table's namespace does not exist. Returns the tables as committed,
  // in order: the catalog adds the base to the metadata log, cuts the log by
  // write.metadata.previous-versions-max and sets last_updated_ms, which never goes back; where
  // write.metadata.delete-after-commit.enabled is true, files that fell off the log are removed.
  virtual Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) = 0;
  // Metadata files of tables that other catalogs keep in the same database, if they can.
  virtual Result<std::vector<std::string>> MetadataOfOtherCatalogs() {
    return std::vector<std::string>();
  }
  // Removes the name only; files stay. kNotFound.
  virtual Status DropTable(const TableIdentifier& identifier) = 0;
  // Returns when every commit that a process of this program has asked for is decided, also one
  // whose process has died since: a server may carry it out all the same. What tables say after it
  // is the last word on such commits.
  virtual Status AwaitCommits() { return {}; }
};

// The tables of all namespaces, by namespace and name.
Result<std::vector<TableIdentifier>> ListAllTables(Catalog& catalog);

}  // namespace octolake::iceberg
