// Where the data files of a table go.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "iceberg/partition.h"
#include "iceberg/table_metadata.h"

namespace octolake::datafile {

// <table location>/data, or where the property write.data.path says, there
// <partition path>/<uuid>-<n>.parquet with the default spec's partitions.
class DataFileNames {
 public:
  static Result<DataFileNames> Make(RandomSource& random, const iceberg::TableMetadata& metadata);

  std::string Next(const iceberg::PartitionValues& partition);
  const std::string& directory() const { return directory_; }  // with a slash at its end

 private:
  iceberg::PartitionSpec spec_;
  iceberg::TypePtr partition_type_;
  std::string directory_;
  std::string prefix_;
  int64_t number_ = 0;
};

}  // namespace octolake::datafile
