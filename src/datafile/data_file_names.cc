#include "datafile/data_file_names.h"

#include <cstdio>

#include "base/uuid.h"

namespace octolake::datafile {

Result<DataFileNames> DataFileNames::Make(RandomSource& random,
                                          const iceberg::TableMetadata& metadata) {
  DataFileNames names;
  names.spec_ = metadata.DefaultSpec();
  OCTO_ASSIGN(names.partition_type_, iceberg::PartitionType(metadata.CurrentSchema(), names.spec_));
  const auto path = metadata.properties.find("write.data.path");
  names.directory_ = path == metadata.properties.end() ? metadata.location + "/data" : path->second;
  if (!names.directory_.ends_with('/')) names.directory_ += '/';
  names.prefix_ = Uuid::RandomV4(random).ToString();
  return names;
}

std::string DataFileNames::Next(const iceberg::PartitionValues& partition) {
  const std::string folder = iceberg::PartitionPath(spec_, *partition_type_, partition);
  char number[32];
  std::snprintf(number, sizeof number, "-%05lld.parquet", static_cast<long long>(number_++));
  return directory_ + folder + (folder.empty() ? "" : "/") + prefix_ + number;
}

}  // namespace octolake::datafile
