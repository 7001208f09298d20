#include "lake/loaded_files.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "base/civil_time.h"
#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "datafile/file_reader.h"
#include "iceberg/scan.h"
#include "lake/definitions.h"
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

}  // namespace

Result<LoadedDigests> ReadLoadedDigests(io::FileSystem& fs, const iceberg::Table& table) {
  LoadedDigests digests;
  OCTO_ASSIGN(const auto columns, SelectColumns(table, {"sha256", "error"}));
  OCTO_ASSIGN(const auto tasks, iceberg::PlanScan(fs, *table.metadata, std::nullopt, {}));
  for (const iceberg::ScanTask& task : tasks) {
    OCTO_ASSIGN(auto reader, datafile::OpenDataFile(fs, task.file, columns));
    while (true) {
      OCTO_ASSIGN(const auto batch, reader->Next());
      if (batch == nullptr) break;
      const auto* sha256 = dynamic_cast<const arrow::StringArray*>(batch->column(0).get());
      const auto* errors = dynamic_cast<const arrow::StringArray*>(batch->column(1).get());
      if (sha256 == nullptr || errors == nullptr) {
        return MakeError(ErrorKind::kCorruption,
                         task.file.file_path + ": columns sha256 and error should be texts");
      }
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        if (sha256->IsNull(row)) continue;
        std::optional<std::string> error;
        if (errors->IsValid(row)) error = errors->GetString(row);
        digests.insert_or_assign(sha256->GetString(row), std::move(error));
      }
    }
  }
  return digests;
}

Result<std::shared_ptr<arrow::RecordBatch>> MakeLoadedFilesBatch(
    const std::vector<LoadedFile>& files) {
  OCTO_ASSIGN(const auto schema, datafile::ToArrowSchema(LoadedFilesDefinition().schema));
  OCTO_ASSIGN(auto columns, datafile::ToResult(BuildColumns(files), "rows of loaded_files"));
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(files.size()), std::move(columns));
}

}  // namespace octolake::lake
