// The metadata of tables as this process last read or wrote it. Metadata files never change under
// their names, so that a table whose catalog row names the same file needs not be read again: with
// hundreds of snapshots that is most of what a small commit costs.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "iceberg/catalog.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace octolake::iceberg {

// Thread-safe. Keeps a bounded number of tables.
class MetadataCache {
 public:
  // Null unless this file was put here for this table and is still what it was then, by its size
  // and time.
  std::shared_ptr<const TableMetadata> Find(io::FileSystem& fs, const TableIdentifier& table,
                                            const std::string& location);
  // Takes the place of what was kept for the table. A file that cannot be looked at is not kept.
  void Put(io::FileSystem& fs, const Table& table);

 private:
  struct Entry {
    std::string location;
    int64_t size = 0;
    int64_t modified_micros = 0;
    std::shared_ptr<const TableMetadata> metadata;
  };
  std::mutex mutex_;
  std::map<TableIdentifier, Entry> entries_;
};

}  // namespace octolake::iceberg
