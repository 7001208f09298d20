// Splits record batches by the partition their rows belong to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/partition.h"
#include "iceberg/type.h"

namespace arrow {
class RecordBatch;
}

namespace octolake::datafile {

struct PartitionRows {
  iceberg::PartitionValues values;
  std::string key;  // equal exactly for equal values
  // In their order in the batch. The batch itself if it has only this partition.
  std::shared_ptr<arrow::RecordBatch> rows;
};

// Used by one thread.
class Partitioner {
 public:
  // kNotFound for a source column that the schema's top level lacks, kInvalidArgument for a
  // transform that its type does not take.
  static Result<Partitioner> Make(const iceberg::Schema& schema,
                                  const iceberg::PartitionSpec& spec);

  // The batch has the schema's columns in their order. In the order of the partitions' first rows.
  // A partition's rows are copied if the batch has several, so that they do not keep it in memory.
  Result<std::vector<PartitionRows>> Split(std::shared_ptr<arrow::RecordBatch> batch) const;

 private:
  struct Field {
    int column = 0;
    iceberg::TypePtr source;
    iceberg::TypePtr result;
    iceberg::Transform transform;
  };
  struct Grouping;

  Status Refine(const Field& field, const arrow::RecordBatch& batch, Grouping& grouping) const;

  std::vector<Field> fields_;
};

}  // namespace octolake::datafile
