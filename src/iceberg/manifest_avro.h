// Rows of manifests and manifest lists as Avro records and back. Reading resolves fields by their
// field ids, and by name where a file's writer gave none.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "avro/binary.h"
#include "avro/schema.h"
#include "avro/value.h"
#include "base/result.h"
#include "iceberg/avro_record.h"
#include "iceberg/data_file.h"

namespace octolake::iceberg {

// Of ManifestEntrySchema. kInvalidArgument if a partition value is not of its type.
Result<avro::Value> EntryToAvro(const Type& partition_type, const ManifestEntry& entry);
// Of ManifestListSchema.
avro::Value ManifestFileToAvro(const ManifestFile& manifest);

// Reads the records of one file.
class EntryReader {
 public:
  // kCorruption if `schema` lacks a field without which an entry means nothing, or if it is not
  // the schema of a record. `partition_type` must outlive the reader.
  static Result<EntryReader> Make(const avro::Schema& schema, const Type& partition_type);

  // The entry as it is written: numbers that are to be inherited are unset.
  Result<ManifestEntry> Read(const avro::Value& record) const;

 private:
  struct MapPositions {
    int key = -1;
    int value = -1;
  };
  EntryReader() = default;
  Status ReadPartition(const avro::Value* record, DataFile& file) const;
  Status ReadMetrics(const std::vector<avro::Value>& record, DataFile& file) const;
  Status ReadOptional(const std::vector<avro::Value>& record, DataFile& file) const;
  Result<DataFile> ReadDataFile(const avro::Value* record) const;

  const Type* partition_type_ = nullptr;
  FieldPositions entry_;
  FieldPositions file_;
  FieldPositions partition_;
  std::vector<MapPositions> maps_;
};

// Reads the rows of one manifest list. A count that an old writer left out is -1.
class ManifestFileReader {
 public:
  static Result<ManifestFileReader> Make(const avro::Schema& schema);
  Result<ManifestFile> Read(const avro::Value& record) const;

 private:
  ManifestFileReader() = default;
  Status ReadSummaries(const avro::Value* value, ManifestFile& manifest) const;

  FieldPositions row_;
  FieldPositions summary_;
};

// Where the records of a manifest have status, the first view, and data_file.file_path, the second.
// kCorruption without one of these.
Result<avro::WantedFields> WantedStatusAndPath(const avro::Schema& schema);
// Where the records of a manifest list have manifest_path, the only view. kCorruption without it.
Result<avro::WantedFields> WantedManifestPath(const avro::Schema& schema);

}  // namespace octolake::iceberg
