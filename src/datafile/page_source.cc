#include "datafile/page_source.h"

#include <arrow/io/memory.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <utility>

namespace octolake::datafile {
namespace {

// Of rows that are decoded; fewer where the long columns are among them.
constexpr int64_t kMostRowsOfABatch = 8192;
constexpr int64_t kBytesOfABatch = int64_t{1} << 20;

// Writers tell of each kind of page; a dictionary page would be among them.
bool HasOnlyPlainPages(const parquet::ColumnChunkMetaData& chunk) {
  const auto& kinds = chunk.encoding_stats();
  for (const parquet::PageEncodingStats& kind : kinds) {
    if (kind.page_type != parquet::PageType::DATA_PAGE) return false;
    if (kind.encoding != parquet::Encoding::PLAIN) return false;
  }
  return !kinds.empty() && !chunk.has_dictionary_page();
}

bool IsSameType(const parquet::ColumnDescriptor& a, const parquet::ColumnDescriptor& b) {
  // Of other types the length is said in more ways than one.
  const bool fixed = a.physical_type() == parquet::Type::FIXED_LEN_BYTE_ARRAY;
  return a.physical_type() == b.physical_type() && (!fixed || a.type_length() == b.type_length()) &&
         a.max_definition_level() == b.max_definition_level() &&
         a.max_repetition_level() == b.max_repetition_level() &&
         a.logical_type()->Equals(*b.logical_type());
}

}  // namespace

Result<PageSource> PageSource::Open(io::FileSystem& fs, const iceberg::DataFile& file,
                                    const FileLayout& layout) {
  PageSource source(file, layout);
  OCTO_ASSIGN(source.input_, OpenParquet(fs, file, kMostRowsOfABatch));
  source.footer_ = source.input_.file->parquet_reader()->metadata();
  OCTO_TRY(Guard(file.file_path, [&] {
    source.ReadFooter();
    return arrow::Status::OK();
  }));
  return source;
}

void PageSource::ReadFooter() {
  for (int group = 0; group < footer_->num_row_groups(); ++group) {
    const auto row_group = footer_->RowGroup(group);
    groups_.push_back({row_group->num_rows(), row_group->total_byte_size()});
  }
  transferable_.assign(layout_->schema.fields.size(), false);
  if (footer_->created_by() != kCreatedBy) return;
  for (size_t column = 0; column < transferable_.size(); ++column) {
    transferable_[column] = IsTransferable(column, LeafOf(column));
  }
}

int PageSource::LeafOf(size_t column) const {
  const int32_t id = layout_->schema.fields[column].id;
  for (int leaf = 0; leaf < footer_->num_columns(); ++leaf) {
    if (footer_->schema()->Column(leaf)->schema_node()->field_id() == id) return leaf;
  }
  return -1;
}

bool PageSource::IsTransferable(size_t column, int leaf) const {
  const int32_t id = layout_->schema.fields[column].id;
  const iceberg::TypeId type = layout_->schema.fields[column].type->id;
  if (type == iceberg::TypeId::kFloat || type == iceberg::TypeId::kDouble) return false;
  if (leaf < 0 || layout_->modes[column].bounds || !file_->null_value_counts.contains(id)) {
    return false;
  }
  if (!IsSameType(*footer_->schema()->Column(leaf),
                  *layout_->descriptor->Column(static_cast<int>(column)))) {
    return false;
  }
  for (int group = 0; group < row_groups(); ++group) {
    const auto chunk = footer_->RowGroup(group)->ColumnChunk(leaf);
    if (chunk->compression() != kCodec || !HasOnlyPlainPages(*chunk)) return false;
  }
  return true;
}

Result<ColumnPages> PageSource::Pages(int group, size_t column) const {
  ColumnPages result;
  OCTO_TRY(Guard(file_->file_path, [&]() -> arrow::Status {
    const auto chunk = footer_->RowGroup(group)->ColumnChunk(LeafOf(column));
    ARROW_ASSIGN_OR_RAISE(auto bytes, input_.bytes->ReadAt(chunk->data_page_offset(),
                                                           chunk->total_compressed_size()));
    result.bytes = bytes->size();
    // As if they were not compressed: they are wanted as they are.
    const auto reader =
        parquet::PageReader::Open(std::make_shared<arrow::io::BufferReader>(std::move(bytes)),
                                  chunk->num_values(), parquet::Compression::UNCOMPRESSED,
                                  CheckedProperties(), *footer_->schema()->Column(LeafOf(column)));
    while (auto page = reader->NextPage()) {
      auto data = std::dynamic_pointer_cast<parquet::DataPageV1>(std::move(page));
      if (data == nullptr)
        return arrow::Status::IOError("a page of another kind than its footer says");
      result.rows += data->num_values();
      result.pages.push_back(std::move(data));
    }
    if (result.rows != rows(group)) {
      return arrow::Status::IOError("the pages of column ", layout_->schema.fields[column].name,
                                    " have ", result.rows, " values, their row group has ",
                                    rows(group), " rows");
    }
    return arrow::Status::OK();
  }));
  return result;
}

int64_t PageSource::nulls(size_t column) const {
  return file_->null_value_counts.at(layout_->schema.fields[column].id);
}

int64_t PageSource::RowsOfABatch(const std::vector<bool>& taken_over) const {
  int64_t rows = 0;
  int64_t bytes = 0;
  for (int group = 0; group < row_groups(); ++group) {
    const auto row_group = footer_->RowGroup(group);
    rows += row_group->num_rows();
    for (size_t column = 0; column < taken_over.size(); ++column) {
      const int leaf = taken_over[column] ? -1 : LeafOf(column);
      if (leaf >= 0) bytes += row_group->ColumnChunk(leaf)->total_uncompressed_size();
    }
  }
  const int64_t row_bytes = std::max<int64_t>(1, bytes / std::max<int64_t>(1, rows));
  return std::clamp<int64_t>(kBytesOfABatch / row_bytes, 1, kMostRowsOfABatch);
}

Result<std::unique_ptr<BatchReader>> PageSource::Others(const std::vector<bool>& taken_over) {
  iceberg::Schema others;
  for (size_t column = 0; column < taken_over.size(); ++column) {
    if (!taken_over[column]) others.fields.push_back(layout_->schema.fields[column]);
  }
  OCTO_TRY(Guard(file_->file_path, [&] {
    input_.file->set_batch_size(RowsOfABatch(taken_over));
    return arrow::Status::OK();
  }));
  return ReadOpened({nullptr, std::move(input_.file), input_.locations, input_.reading}, others);
}

}  // namespace octolake::datafile
