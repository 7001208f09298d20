#include "datafile/position_deletes.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <utility>

#include "datafile/column_cast.h"
#include "datafile/parquet_input.h"
#include "iceberg/delete_files.h"

namespace octolake::datafile {
namespace {

constexpr int64_t kRowsOfABatch = 8192;

tl::unexpected<Error> Damaged(const iceberg::DataFile& deletes, const std::string& what) {
  return MakeError(ErrorKind::kCorruption,
                   "delete file " + deletes.file_path + " is damaged: " + what);
}

Result<int> LeafWithId(const parquet::SchemaDescriptor& schema, int32_t id, const char* name,
                       const iceberg::DataFile& deletes) {
  for (int leaf = 0; leaf < schema.num_columns(); ++leaf) {
    const auto& node = *schema.Column(leaf)->schema_node();
    if (node.field_id() == id && schema.GetColumnRoot(leaf) == &node) return leaf;
  }
  return Damaged(deletes, std::string("it has no column ") + name + " (field id " +
                              std::to_string(id) + "), which position delete files must have");
}

// Statistics may be cut short; a cut maximum should have been rounded up.
bool MayName(const parquet::RowGroupMetaData& row_group, int leaf, const std::string& path) {
  const auto statistics = row_group.ColumnChunk(leaf)->statistics();
  if (statistics == nullptr || !statistics->HasMinMax()) return true;
  const std::string greatest = statistics->EncodeMax();
  return path >= statistics->EncodeMin() && (path <= greatest || path.starts_with(greatest));
}

class DeleteFileReader {
 public:
  DeleteFileReader(const iceberg::DataFile& file, const iceberg::DataFile& deletes, RowSet& rows)
      : file_(file), deletes_(deletes), rows_(rows) {}

  Status Read(io::FileSystem& fs) {
    if (!iceberg::IsParquet(deletes_)) {
      return MakeError(ErrorKind::kUnsupported,
                       "delete file " + deletes_.file_path + " is of format " +
                           deletes_.file_format + "; only Parquet files can be read: rewrite the " +
                           "table's data files with the engine that wrote it");
    }
    OCTO_TRY(Open(fs));
    const auto footer = reader_->parquet_reader()->metadata();
    for (int group = 0; group < footer->num_row_groups(); ++group) {
      bool may_name = false;
      OCTO_TRY(Guard(deletes_.file_path, [&] {
        may_name = MayName(*footer->RowGroup(group), path_leaf_, file_.file_path);
        return arrow::Status::OK();
      }));
      if (may_name) OCTO_TRY(ReadRowGroup(group));
    }
    return {};
  }

 private:
  Status Open(io::FileSystem& fs) {
    const auto choose = [&](const parquet::SchemaDescriptor& schema,
                            parquet::ArrowReaderProperties& properties) -> Status {
      OCTO_ASSIGN(path_leaf_,
                  LeafWithId(schema, iceberg::kDeleteFilePathId, "file_path", deletes_));
      OCTO_ASSIGN(pos_leaf_, LeafWithId(schema, iceberg::kDeletePosId, "pos", deletes_));
      // Few paths that repeat: they are compared once a dictionary, not once a row.
      properties.set_read_dictionary(
          path_leaf_, schema.Column(path_leaf_)->physical_type() == parquet::Type::BYTE_ARRAY);
      return {};
    };
    OCTO_ASSIGN(auto input, OpenParquet(fs, deletes_, kRowsOfABatch, choose));
    reader_ = std::move(input.file);
    return {};
  }

  Status ReadRowGroup(int group) {
    const std::vector<int> leaves = {std::min(path_leaf_, pos_leaf_),
                                     std::max(path_leaf_, pos_leaf_)};
    std::unique_ptr<arrow::RecordBatchReader> batches;
    OCTO_TRY(Guard(deletes_.file_path, [&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(batches, reader_->GetRecordBatchReader({group}, leaves));
      return arrow::Status::OK();
    }));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      OCTO_TRY(Guard(deletes_.file_path, [&] { return batches->ReadNext(&batch); }));
      if (batch == nullptr) return {};
      OCTO_TRY(AddBatch(*batch));
    }
  }

  Status AddBatch(const arrow::RecordBatch& batch) {
    const auto paths = batch.column(path_leaf_ < pos_leaf_ ? 0 : 1);
    auto positions = CastColumn(batch.column(path_leaf_ < pos_leaf_ ? 1 : 0), arrow::int64());
    if (!positions) return Damaged(deletes_, "column pos: " + positions.error().message);
    if (paths->null_count() > 0 || (*positions)->null_count() > 0) {
      return Damaged(deletes_, "it has a row without file_path or pos");
    }
    const auto& rows = static_cast<const arrow::Int64Array&>(**positions);
    if (const auto* encoded = dynamic_cast<const arrow::DictionaryArray*>(paths.get())) {
      OCTO_ASSIGN(const std::vector<bool> equal, EqualToPath(encoded->dictionary()));
      for (int64_t i = 0; i < rows.length(); ++i) {
        const bool named = equal[static_cast<size_t>(encoded->GetValueIndex(i))];
        if (named) OCTO_TRY(Add(rows.Value(i)));
      }
      return {};
    }
    OCTO_ASSIGN(const std::vector<bool> equal, EqualToPath(paths));
    for (int64_t i = 0; i < rows.length(); ++i) {
      if (equal[static_cast<size_t>(i)]) OCTO_TRY(Add(rows.Value(i)));
    }
    return {};
  }

  Result<std::vector<bool>> EqualToPath(const std::shared_ptr<arrow::Array>& values) {
    auto texts = CastColumn(values, arrow::utf8());
    if (!texts) return Damaged(deletes_, "column file_path: " + texts.error().message);
    const auto& paths = static_cast<const arrow::StringArray&>(**texts);
    std::vector<bool> equal(static_cast<size_t>(paths.length()));
    for (int64_t i = 0; i < paths.length(); ++i) {
      equal[static_cast<size_t>(i)] = paths.IsValid(i) && paths.GetView(i) == file_.file_path;
    }
    return equal;
  }

  Status Add(int64_t row) {
    if (row < 0 || row >= file_.record_count) {
      return Damaged(deletes_, "it deletes row " + std::to_string(row) + " of data file " +
                                   file_.file_path + ", which has " +
                                   std::to_string(file_.record_count) + " rows");
    }
    rows_.Add(row);
    return {};
  }

  const iceberg::DataFile& file_;
  const iceberg::DataFile& deletes_;
  RowSet& rows_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  int path_leaf_ = 0;
  int pos_leaf_ = 0;
};

}  // namespace

void RowSet::Add(int64_t row) {
  auto& chunk = chunks_[row / kChunkRows];
  if (chunk == nullptr) chunk = std::make_unique<Chunk>();
  const auto at = static_cast<uint64_t>(row % kChunkRows);
  uint64_t& word = (*chunk)[at / 64];
  const uint64_t bit = uint64_t{1} << (at % 64);
  if ((word & bit) == 0) ++size_;
  word |= bit;
}

bool RowSet::Contains(int64_t row) const {
  const auto chunk = chunks_.find(row / kChunkRows);
  if (chunk == chunks_.end()) return false;
  const auto at = static_cast<uint64_t>(row % kChunkRows);
  return ((*chunk->second)[at / 64] >> (at % 64) & 1) != 0;
}

Result<RowSet> ReadPositionDeletes(io::FileSystem& fs, const iceberg::DataFile& file,
                                   const std::vector<iceberg::DataFile>& deletes) {
  RowSet rows;
  for (const iceberg::DataFile& one : deletes) {
    OCTO_TRY(DeleteFileReader(file, one, rows).Read(fs));
  }
  return rows;
}

}  // namespace octolake::datafile
