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

  virtual Status CreateNamespace(const std::string& name_space, const Properties& properties) = 0;
  virtual Result<std::vector<std::string>> ListNamespaces() = 0;
  virtual Result<std::vector<TableIdentifier>> ListTables(const std::string& name_space) = 0;
  // Where a new table of this name belongs.
  virtual std::string DefaultTableLocation(const TableIdentifier& identifier) const = 0;

  virtual Result<Table> LoadTable(const TableIdentifier& identifier) = 0;  // kNotFound
  // Applies all changes or none. kCommitConflict if any table is no longer what its base says (or,
  // for a creation, exists); kCommitStateUnknown if it cannot be told whether they took effect, in
  // which case the new metadata files are left where they are. Returns the tables as committed.
  virtual Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) = 0;
  // Removes the name only; files stay.
  virtual Status DropTable(const TableIdentifier& identifier) = 0;
};

}  // namespace octolake::iceberg
