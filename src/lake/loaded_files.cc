#include "lake/loaded_files.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <map>
#include <utility>

#include "base/civil_time.h"
#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "datafile/file_reader.h"
#include "iceberg/literal.h"
#include "iceberg/scan.h"
#include "lake/definitions.h"
#include "lake/remote_files.h"
#include "lake/silver_rows.h"

namespace octolake::lake {
namespace {

arrow::Result<arrow::ArrayVector> BuildColumns(const std::vector<LoadedFile>& files) {
  arrow::StringBuilder names, digests, errors;
  arrow::Int64Builder sizes, events, rejected;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                arrow::default_memory_pool());
  arrow::Date32Builder dates;
  for (const LoadedFile& file : files) {
    ARROW_RETURN_NOT_OK(names.Append(file.name));
    ARROW_RETURN_NOT_OK(sizes.Append(file.size));
    ARROW_RETURN_NOT_OK(digests.Append(file.sha256));
    ARROW_RETURN_NOT_OK(events.Append(file.events));
    ARROW_RETURN_NOT_OK(rejected.Append(file.rejected));
    ARROW_RETURN_NOT_OK(times.Append(file.loaded_at));
    ARROW_RETURN_NOT_OK(dates.Append(static_cast<int32_t>(DaysOfMicros(file.loaded_at))));
    ARROW_RETURN_NOT_OK(file.error ? errors.Append(*file.error) : errors.AppendNull());
  }
  arrow::ArrayVector columns;
  for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{
           &names, &sizes, &digests, &events, &rejected, &times, &dates, &errors}) {
    ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
    columns.push_back(std::move(column));
  }
  return columns;
}

std::optional<std::string> Bound(const std::map<int32_t, std::string>& bounds, int32_t id) {
  const auto found = bounds.find(id);
  return found == bounds.end() ? std::nullopt : std::optional(found->second);
}

Result<std::optional<int64_t>> SizeBound(const std::map<int32_t, std::string>& bounds,
                                         const iceberg::Field& field) {
  const auto found = bounds.find(field.id);
  if (found == bounds.end()) return std::optional<int64_t>();
  OCTO_ASSIGN(const auto literal, iceberg::DecodeLiteral(*field.type, found->second));
  const auto* size = std::get_if<int64_t>(&literal);
  return size == nullptr ? std::nullopt : std::optional(*size);
}

}  // namespace

Result<LoadedContents> LoadedContents::Open(io::FileSystem& fs, const iceberg::Table& table) {
  LoadedContents contents(fs);
  OCTO_ASSIGN(contents.columns_,
              SelectColumns(table, {"sha256", "error", "name", "loaded_at", "size"}));
  const int32_t id = contents.columns_.fields.front().id;
  const iceberg::Field& size = contents.columns_.fields.back();
  OCTO_ASSIGN(auto tasks, iceberg::PlanScan(fs, *table.metadata, std::nullopt, {}));
  for (iceberg::ScanTask& task : tasks) {
    UnreadFile unread;
    unread.lower = Bound(task.file.lower_bounds, id);
    unread.upper = Bound(task.file.upper_bounds, id);
    OCTO_ASSIGN(unread.least_size, SizeBound(task.file.lower_bounds, size));
    OCTO_ASSIGN(unread.greatest_size, SizeBound(task.file.upper_bounds, size));
    iceberg::DataFile& file = unread.task.file;
    file.file_path = std::move(task.file.file_path);
    file.file_format = std::move(task.file.file_format);
    file.record_count = task.file.record_count;
    file.file_size_in_bytes = task.file.file_size_in_bytes;
    unread.task.deletes = std::move(task.deletes);
    contents.unread_.push_back(std::move(unread));
  }
  return contents;
}

// Reads the files that can hold what is looked for.
template <typename CanHold>
Status LoadedContents::ReadWhere(CanHold can_hold) {
  std::optional<Error> failed;
  std::erase_if(unread_, [&](const UnreadFile& unread) {
    if (failed || !can_hold(unread)) return false;
    Status read = Read(unread.task);
    if (!read) failed = std::move(read).error();
    return !failed;
  });
  if (failed) return tl::unexpected(*std::move(failed));
  return {};
}

Result<std::optional<LoadedContent>> LoadedContents::Find(const std::string& sha256) {
  // Bounds of texts are their bytes; the upper one may be cut and is rounded up then.
  OCTO_TRY(ReadWhere([&](const UnreadFile& unread) {
    return !(unread.lower && sha256 < *unread.lower) && !(unread.upper && sha256 > *unread.upper);
  }));
  const auto found = known_.find(sha256);
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

Result<bool> LoadedContents::HasSize(int64_t size) {
  OCTO_TRY(ReadWhere([&](const UnreadFile& unread) {
    return !(unread.least_size && size < *unread.least_size) &&
           !(unread.greatest_size && size > *unread.greatest_size);
  }));
  return some_size_unknown_ || sizes_.contains(size);
}

Result<std::optional<LoadedUrl>> LoadedContents::FindUrl(const std::string& url) {
  OCTO_TRY(ReadWhere([](const UnreadFile&) { return true; }));
  const auto found = urls_.find(url);
  return found == urls_.end() ? std::nullopt : std::optional(found->second);
}

void LoadedContents::Add(const LoadedFile& file) {
  known_.insert_or_assign(file.sha256, LoadedContent{file.error});
  sizes_.insert(file.size);
  if (!IsRemote(file.name)) return;
  LoadedUrl& url = urls_[file.name];
  if (file.loaded_at >= url.loaded_at) url = {file.size, file.sha256, file.loaded_at};
}

Status LoadedContents::Read(const iceberg::ScanTask& task) {
  OCTO_ASSIGN(auto reader, datafile::OpenScanTask(*fs_, task, columns_));
  while (true) {
    OCTO_ASSIGN(const auto batch, reader->Next());
    if (batch == nullptr) return {};
    const auto* sha256 = dynamic_cast<const arrow::StringArray*>(batch->column(0).get());
    const auto* errors = dynamic_cast<const arrow::StringArray*>(batch->column(1).get());
    const auto* names = dynamic_cast<const arrow::StringArray*>(batch->column(2).get());
    const auto* times = dynamic_cast<const arrow::TimestampArray*>(batch->column(3).get());
    const auto* sizes = dynamic_cast<const arrow::Int64Array*>(batch->column(4).get());
    if (sha256 == nullptr || errors == nullptr || names == nullptr || times == nullptr ||
        sizes == nullptr) {
      return MakeError(ErrorKind::kCorruption,
                       task.file.file_path +
                           ": columns sha256, error and name should be texts, "
                           "loaded_at a timestamp, size a long");
    }
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      if (sha256->IsNull(row)) continue;
      LoadedFile loaded;
      loaded.sha256 = sha256->GetString(row);
      if (errors->IsValid(row)) loaded.error = errors->GetString(row);
      if (names->IsValid(row)) loaded.name = names->GetString(row);
      if (times->IsValid(row)) loaded.loaded_at = times->Value(row);
      if (sizes->IsValid(row)) loaded.size = sizes->Value(row);
      some_size_unknown_ = some_size_unknown_ || sizes->IsNull(row);
      Add(loaded);
    }
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> MakeLoadedFilesBatch(
    const std::vector<LoadedFile>& files) {
  OCTO_ASSIGN(const auto schema, datafile::ToArrowSchema(LoadedFilesDefinition().schema));
  OCTO_ASSIGN(auto columns, datafile::ToResult(BuildColumns(files), "rows of loaded_files"));
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(files.size()), std::move(columns));
}

}  // namespace octolake::lake
