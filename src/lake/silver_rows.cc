#include "lake/silver_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/civil_time.h"
#include "iceberg/scan.h"
#include "lake/event_keys.h"
#include "lake/read_ahead.h"

namespace octolake::lake {
namespace {

using iceberg::Literal;
using iceberg::Predicate;

template <typename Array>
Result<const Array*> ColumnOf(const arrow::RecordBatch& batch, const char* name,
                              const std::string& file) {
  const auto* column = dynamic_cast<const Array*>(batch.GetColumnByName(name).get());
  if (column != nullptr) return column;
  return MakeError(ErrorKind::kCorruption,
                   file + ": column " + name + " is missing or has an unexpected type");
}

// Bronze's source column against the sources asked for.
class SourceFilter {
 public:
  explicit SourceFilter(const std::vector<std::string>& sources)
      : sources_(sources.begin(), sources.end()) {}
  bool Wants(const arrow::StringArray& column, int64_t row) const {
    if (sources_.empty()) return true;
    return column.IsValid(row) && sources_.contains(column.GetString(row));
  }

 private:
  std::unordered_set<std::string> sources_;
};

tl::unexpected<Error> RowWithoutKey(const std::string& file, int64_t row) {
  return MakeError(ErrorKind::kCorruption,
                   file + ": row " + std::to_string(row) +
                       " has no id or event_time, which every row of Bronze must have; it was not "
                       "written by octolake: remove it");
}

class BronzeKeyReader {
 public:
  explicit BronzeKeyReader(const std::vector<std::string>& sources) : filter_(sources) {}

  // Adds the keys of the files' rows, numbered as RowChoice says.
  Status Read(io::FileSystem& fs, const std::vector<iceberg::ScanTask>& files,
              const iceberg::Schema& columns, EventKeys* keys) {
    ReadAhead reader(fs, files, columns);
    int64_t first_row = 0;  // of the file
    int64_t row_in_file = 0;
    size_t file = 0;
    while (true) {
      OCTO_ASSIGN(const auto next, reader.Next());
      if (next.batch == nullptr) return {};
      for (; file < next.file; ++file) {
        first_row += files[file].file.record_count;
        row_in_file = 0;
      }
      OCTO_TRY(AddBatch(*next.batch, files[file].file.file_path, first_row, row_in_file, keys));
      row_in_file += next.batch->num_rows();
    }
  }

  int64_t candidates() const { return candidates_; }

 private:
  Status AddBatch(const arrow::RecordBatch& batch, const std::string& file, int64_t first_row,
                  int64_t first_in_file, EventKeys* keys) {
    OCTO_ASSIGN(const auto* ids, ColumnOf<arrow::StringArray>(batch, "id", file));
    OCTO_ASSIGN(const auto* times, ColumnOf<arrow::TimestampArray>(batch, "event_time", file));
    OCTO_ASSIGN(const auto* ingestion,
                ColumnOf<arrow::TimestampArray>(batch, "ingestion_timestamp", file));
    OCTO_ASSIGN(const auto* traces, ColumnOf<arrow::StringArray>(batch, "trace_id", file));
    OCTO_ASSIGN(const auto* sources, ColumnOf<arrow::StringArray>(batch, "source", file));
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      if (!filter_.Wants(*sources, i)) continue;
      const int64_t row_in_file = first_in_file + i;
      if (ids->IsNull(i) || times->IsNull(i)) return RowWithoutKey(file, row_in_file);
      ++candidates_;
      const int64_t received = ingestion->IsNull(i) ? 0 : ingestion->Value(i);
      keys->Add(ids->GetView(i), times->Value(i), received,
                traces->IsNull(i) ? std::string_view() : traces->GetView(i),
                first_row + row_in_file);
    }
    return {};
  }

  SourceFilter filter_;
  int64_t candidates_ = 0;
};

// The day of a file of Silver; nullopt if it lies in another kind of partition.
std::optional<int64_t> DayOf(const iceberg::TableMetadata& metadata,
                             const iceberg::DataFile& file) {
  const iceberg::PartitionSpec* spec = metadata.FindSpec(file.spec_id);
  if (spec == nullptr || spec->fields.size() != 1 || file.partition.size() != 1) {
    return std::nullopt;
  }
  const iceberg::Field* created_at = metadata.CurrentSchema().FindByName("created_at");
  if (created_at == nullptr || spec->fields[0].source_id != created_at->id ||
      spec->fields[0].transform.kind != iceberg::Transform::Kind::kDay || !file.partition[0]) {
    return std::nullopt;
  }
  const int32_t* day = std::get_if<int32_t>(&*file.partition[0]);
  return day == nullptr ? std::nullopt : std::optional<int64_t>(*day);
}

// Files of Silver that can hold one of the keys. One plan for all days: a plan a day would read the
// manifests once a day.
Result<std::vector<iceberg::ScanTask>> FilesToCompare(io::FileSystem& fs,
                                                      const iceberg::TableMetadata& silver,
                                                      const std::map<int64_t, IdRange>& days) {
  std::vector<iceberg::ScanTask> files;
  if (days.empty() || !silver.current_snapshot_id) return files;
  const iceberg::Filter all_days = {
      {"created_at",
       Predicate::Op::kGreaterOrEqual,
       {Literal(days.begin()->first * kMicrosPerDay)}},
      {"created_at", Predicate::Op::kLess, {Literal((days.rbegin()->first + 1) * kMicrosPerDay)}}};
  OCTO_ASSIGN(auto tasks, iceberg::PlanScan(fs, silver, std::nullopt, all_days));
  for (iceberg::ScanTask& task : tasks) {
    if (const auto day = DayOf(silver, task.file)) {
      const auto ids = days.find(*day);
      if (ids == days.end()) continue;
      const iceberg::Filter id_range = {
          {"event_id", Predicate::Op::kGreaterOrEqual, {Literal(std::string(ids->second.least))}},
          {"event_id", Predicate::Op::kLessOrEqual, {Literal(std::string(ids->second.greatest))}}};
      OCTO_ASSIGN(const bool may_match, iceberg::FileMayMatch(silver, task.file, id_range));
      if (!may_match) continue;
    }
    files.push_back(std::move(task));
  }
  return files;
}

Status RemoveKeysOf(io::FileSystem& fs, const std::vector<iceberg::ScanTask>& files,
                    const iceberg::Schema& columns, EventKeys* keys) {
  ReadAhead reader(fs, files, columns);
  while (true) {
    OCTO_ASSIGN(const auto next, reader.Next());
    if (next.batch == nullptr) return {};
    const std::string& path = files[next.file].file.file_path;
    OCTO_ASSIGN(const auto* ids, ColumnOf<arrow::StringArray>(*next.batch, "event_id", path));
    OCTO_ASSIGN(const auto* times,
                ColumnOf<arrow::TimestampArray>(*next.batch, "created_at", path));
    for (int64_t i = 0; i < next.batch->num_rows(); ++i) {
      keys->Remove(ids->GetView(i), times->Value(i));
    }
  }
}

// Chooses among the rows whose key is of the part.
Status ChoosePart(io::FileSystem& fs, const iceberg::Table& bronze,
                  const std::vector<iceberg::ScanTask>& files, const iceberg::Table& silver,
                  const std::vector<std::string>& sources, KeyPart part, RowChoice& choice) {
  OCTO_ASSIGN(
      const auto bronze_columns,
      SelectColumns(bronze, {"id", "event_time", "ingestion_timestamp", "trace_id", "source"}));
  EventKeys keys(part);
  BronzeKeyReader reader(sources);
  OCTO_TRY(reader.Read(fs, files, bronze_columns, &keys));

  OCTO_ASSIGN(const auto silver_columns, SelectColumns(silver, {"event_id", "created_at"}));
  OCTO_ASSIGN(const auto compared, FilesToCompare(fs, *silver.metadata, keys.IdsOfDays()));
  if (!compared.empty()) OCTO_TRY(RemoveKeysOf(fs, compared, silver_columns, &keys));
  keys.MarkChosen(choice.chosen);
  choice.chosen_count += keys.size();
  choice.candidates = reader.candidates();
  choice.most_keys_at_once = std::max(choice.most_keys_at_once, keys.held());
  return {};
}

}  // namespace

Result<iceberg::Schema> SelectColumns(const iceberg::Table& table,
                                      const std::vector<std::string>& names) {
  const iceberg::Schema& schema = table.metadata->CurrentSchema();
  iceberg::Schema selected;
  selected.schema_id = schema.schema_id;
  for (const std::string& name : names) {
    const iceberg::Field* field = schema.FindByName(name);
    if (field == nullptr) {
      return MakeError(ErrorKind::kNotFound,
                       "table " + table.identifier.ToString() + " has no column " + name +
                           "; it was changed by somebody else, or is not octolake's table");
    }
    selected.fields.push_back(*field);
  }
  return selected;
}

Result<RowChoice> ChooseRows(io::FileSystem& fs, const iceberg::Table& bronze,
                             const std::vector<iceberg::ScanTask>& files,
                             const iceberg::Table& silver, const ChooseOptions& options,
                             const RowsDone& rows_done) {
  int64_t rows = 0;
  for (const iceberg::ScanTask& task : files) rows += task.file.record_count;
  RowChoice choice;
  choice.chosen.resize(static_cast<size_t>(rows));
  const int64_t at_once = std::max<int64_t>(options.keys_at_once, 1);
  const int64_t parts = std::max<int64_t>((rows + at_once - 1) / at_once, 1);
  for (int64_t part = 0; part < parts; ++part) {
    // Other parts' rows count as done, a share of them each time.
    OCTO_TRY(ChoosePart(fs, bronze, files, silver, options.sources, {part, parts}, choice));
    rows_done(rows * (part + 1) / parts - rows * part / parts);
  }
  return choice;
}

}  // namespace octolake::lake
