// What is really in a snapshot, read from the files as they are: without what is tested for
// planning scans and applying deletes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/data_file.h"
#include "iceberg/table_metadata.h"
#include "io/file_system.h"

namespace arrow {
class Array;
}

namespace octolake::simulation {

struct Contents {
  std::vector<std::string> files;  // paths of all that is needed to read it
  std::vector<int64_t> ids;        // of its rows, in ascending order
  int64_t data_files = 0;
  int64_t records = 0;  // of the data files, deleted ones included
  int64_t delete_files = 0;
};

// Files do not change under their names, so each is read once.
class ContentsReader {
 public:
  explicit ContentsReader(io::FileSystem& fs) : fs_(fs) {}

  // kCorruption, kNotFound: what is missing or wrong.
  Result<Contents> Read(const iceberg::TableMetadata& metadata, const iceberg::Snapshot& snapshot);

 private:
  using Entries = std::shared_ptr<const std::vector<iceberg::ManifestEntry>>;
  using Ids = std::shared_ptr<const std::vector<int64_t>>;  // by row
  using Positions = std::map<std::string, std::set<int64_t>>;

  Result<Entries> ReadEntries(const iceberg::TableMetadata& metadata,
                              const iceberg::ManifestFile& manifest);
  Result<Ids> ReadIds(const iceberg::TableMetadata& metadata, const iceberg::DataFile& file);
  Result<std::shared_ptr<const Positions>> ReadPositions(const iceberg::DataFile& file);

  io::FileSystem& fs_;
  std::map<std::pair<std::string, int64_t>, Entries> entries_;  // by path and sequence number
  std::map<std::string, Ids> ids_;
  std::map<std::string, std::shared_ptr<const Positions>> positions_;
};

// The numbers in the column "id" of a batch, which may be text.
std::vector<int64_t> IdsOfColumn(const arrow::Array& column);

}  // namespace octolake::simulation
