#include "datafile/file_merge.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "datafile/data_file_names.h"
#include "datafile/data_file_writer.h"
#include "datafile/page_source.h"

namespace octolake::datafile {
namespace {

// Compressed bytes of a column in a file, on average: about a quarter of a page of the usual size.
constexpr int64_t kWorthTakingOver = int64_t{64} << 10;

bool IsWorthIt(int32_t field_id, const std::vector<iceberg::DataFile>& files) {
  int64_t bytes = 0;
  for (const iceberg::DataFile& file : files) {
    const auto size = file.column_sizes.find(field_id);
    if (size != file.column_sizes.end()) bytes += size->second;
  }
  return bytes >= kWorthTakingOver * std::ssize(files);
}

std::vector<bool> WorthTakingOver(const FileLayout& layout,
                                  const std::vector<iceberg::DataFile>& files) {
  std::vector<bool> worth;
  for (size_t column = 0; column < layout.modes.size(); ++column) {
    worth.push_back(!layout.modes[column].bounds &&
                    IsWorthIt(layout.schema.fields[column].id, files));
  }
  return worth;
}

// Of a row group that has more rows to come.
Result<std::shared_ptr<arrow::RecordBatch>> NextOf(BatchReader& others, const PageSource& source) {
  OCTO_ASSIGN(auto batch, others.Next());
  if (batch != nullptr) return batch;
  return MakeError(ErrorKind::kCorruption,
                   source.location() + ": its columns end before the rows that its footer counts");
}

class Merge {
 public:
  Merge(io::FileSystem& fs, const MergeRequest& request, FileLayout layout, DataFileNames names)
      : fs_(fs),
        request_(request),
        layout_(std::move(layout)),
        names_(std::move(names)),
        taken_over_(WorthTakingOver(layout_, request.files)) {}

  Result<std::optional<iceberg::DataFile>> Run();

 private:
  Status Add(const iceberg::DataFile& file);
  Status Begin(const PageSource& source, const arrow::RecordBatch& sample);
  Status AddGroup(const PageSource& source, int group, BatchReader& others);
  bool takes_over() const {
    return std::find(taken_over_.begin(), taken_over_.end(), true) != taken_over_.end();
  }
  Status EndGroupIfFull(int64_t more_rows, int64_t more_bytes);

  io::FileSystem& fs_;
  const MergeRequest& request_;
  const FileLayout layout_;
  DataFileNames names_;
  std::unique_ptr<DataFileWriter> writer_;  // made with the first rows
  // Columns whose pages all files so far could hand over. Once one could not, later ones do not
  // either: each change ends a row group.
  std::vector<bool> taken_over_;
  int64_t group_rows_ = 0;
  int64_t group_bytes_ = 0;  // before compression
};

Status Merge::EndGroupIfFull(int64_t more_rows, int64_t more_bytes) {
  const bool full = group_rows_ + more_rows > request_.writer.row_group_rows ||
                    group_bytes_ + more_bytes > request_.writer.row_group_bytes ||
                    writer_->buffered_bytes() > request_.writer.max_buffered_bytes;
  if (full) {
    OCTO_TRY(writer_->EndRowGroup());
    group_rows_ = 0;
    group_bytes_ = 0;
  }
  group_rows_ += more_rows;
  group_bytes_ += more_bytes;
  return {};
}

Status Merge::AddGroup(const PageSource& source, int group, BatchReader& others) {
  int64_t rows = source.rows(group);
  if (rows == 0) return {};  // as some other writers end or begin a file
  std::shared_ptr<arrow::RecordBatch> batch;
  if (writer_ == nullptr) {
    // The first rows tell how to encode the others.
    OCTO_ASSIGN(batch, NextOf(others, source));
    OCTO_ASSIGN(writer_, DataFileWriter::Open(fs_, names_.Next(request_.files.front().partition),
                                              layout_, *batch));
    OCTO_TRY(writer_->TakeOver(taken_over_));
  }
  // Pages are those of a whole row group. Without them it may end anywhere, and other writers make
  // row groups of any size.
  const bool whole = takes_over();
  const int64_t row_bytes = source.raw_bytes(group) / rows;
  if (whole) OCTO_TRY(EndGroupIfFull(rows, source.raw_bytes(group)));
  for (size_t column = 0; column < taken_over_.size(); ++column) {
    if (!taken_over_[column]) continue;
    OCTO_ASSIGN(ColumnPages pages, source.Pages(group, column));
    // The NULLs of all the file's row groups, which end up in one file, are counted with the first.
    OCTO_TRY(writer_->AddPages(static_cast<int>(column), std::move(pages),
                               group == 0 ? source.nulls(column) : 0));
  }
  while (rows > 0) {
    if (batch == nullptr) {
      OCTO_ASSIGN(batch, NextOf(others, source));
    }
    rows -= batch->num_rows();
    if (!whole) OCTO_TRY(EndGroupIfFull(batch->num_rows(), row_bytes * batch->num_rows()));
    OCTO_TRY(writer_->Write(*std::exchange(batch, nullptr)));
  }
  return {};
}

Status Merge::Add(const iceberg::DataFile& file) {
  OCTO_ASSIGN(PageSource source, PageSource::Open(fs_, file, layout_));
  const std::vector<bool>& transferable = source.transferable();
  std::vector<bool> taken_over = taken_over_;
  for (size_t i = 0; i < taken_over.size(); ++i) taken_over[i] = taken_over[i] && transferable[i];
  if (taken_over != taken_over_) {
    taken_over_ = std::move(taken_over);
    if (writer_ != nullptr) OCTO_TRY(writer_->TakeOver(taken_over_));
    group_rows_ = 0;
    group_bytes_ = 0;
  }
  const int groups = source.row_groups();
  OCTO_ASSIGN(const auto others, source.Others(taken_over_));
  for (int group = 0; group < groups && !request_.stop.stop_requested(); ++group) {
    OCTO_TRY(AddGroup(source, group, *others));
  }
  request_.on_rows(file.record_count);
  return {};
}

Result<std::optional<iceberg::DataFile>> Merge::Run() {
  for (const iceberg::DataFile& file : request_.files) {
    if (request_.stop.stop_requested()) return std::nullopt;
    if (file.record_count > 0) OCTO_TRY(Add(file));
  }
  if (request_.stop.stop_requested() || writer_ == nullptr) return std::nullopt;
  OCTO_ASSIGN(iceberg::DataFile merged, writer_->Close());
  merged.partition = request_.files.front().partition;
  merged.spec_id = request_.files.front().spec_id;
  return merged;
}

}  // namespace

bool MergePays(const iceberg::TableMetadata& metadata,
               const std::vector<iceberg::DataFile>& files) {
  const auto layout = MakeFileLayout(metadata, WriterOptions().zstd_level);
  if (!layout) return false;  // who writes the files says why
  const std::vector<bool> worth = WorthTakingOver(*layout, files);
  return std::find(worth.begin(), worth.end(), true) != worth.end();
}

Result<std::optional<iceberg::DataFile>> MergeFiles(io::FileSystem& fs, RandomSource& random,
                                                    const iceberg::TableMetadata& metadata,
                                                    const MergeRequest& request) {
  OCTO_ASSIGN(FileLayout layout, MakeFileLayout(metadata, request.writer.zstd_level));
  OCTO_ASSIGN(DataFileNames names, DataFileNames::Make(random, metadata));
  return Merge(fs, request, std::move(layout), std::move(names)).Run();
}

}  // namespace octolake::datafile
