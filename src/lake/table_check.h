// Looks for damage in a warehouse's tables: what the catalog names but the disk has not, or not as
// it was written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "lake/warehouse.h"

namespace octolake::lake {

struct TableCheckOptions {
  // Also read every data file, compare its pages with their checksums and decode its rows. Else
  // only its presence and length are looked at.
  bool read_data = false;
};

struct TableCheck {
  // Each names a file and says what is wrong with it; empty: nothing is. At most kMostProblems of
  // data files and the delete files that apply to them, and then how many more there are.
  std::vector<std::string> problems;
  // The metadata itself, or what it names of the current snapshot, could not be read.
  bool metadata_damaged = false;
  int64_t data_files = 0;
  int64_t pages = 0;
  int64_t pages_without_checksum = 0;
};

inline constexpr size_t kMostProblems = 20;

// The current snapshot of a table.
TableCheck CheckTable(Warehouse& warehouse, const iceberg::TableIdentifier& table,
                      const TableCheckOptions& options);

// The newest metadata file in the directory of the table `location` that can be read; empty if
// there is none.
std::string NewestReadableMetadata(Warehouse& warehouse, const std::string& location);

// The same, but empty also if the table never had a commit after its creation.
std::string NewestCommittedMetadata(Warehouse& warehouse, const std::string& location);

// Directories below the warehouse with the metadata of a table that had commits, but which no table
// of the catalog has: its row was lost, or it was dropped.
struct NamelessTable {
  std::string location;           // of the directory
  std::string metadata_location;  // the newest that can be read
};
Result<std::vector<NamelessTable>> FindNamelessTables(Warehouse& warehouse);

}  // namespace octolake::lake
