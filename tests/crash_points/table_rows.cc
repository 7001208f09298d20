#include "table_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>

#include <algorithm>
#include <set>

#include "datafile/file_reader.h"
#include "iceberg/scan.h"
#include "lake/silver_rows.h"
#include "lake/warehouse_for_test.h"

namespace octolake::crash {

using lake::Must;

std::vector<std::vector<std::string>> ReadRows(io::FileSystem& fs, const iceberg::Table& table,
                                               const std::vector<std::string>& columns) {
  const auto selected = Must(lake::SelectColumns(table, columns));
  std::vector<std::vector<std::string>> rows;
  for (const auto& task : Must(iceberg::PlanScan(fs, *table.metadata, std::nullopt, {}))) {
    auto reader = Must(datafile::OpenScanTask(fs, task, selected));
    while (const auto batch = Must(reader->Next())) {
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        auto& row = rows.emplace_back();
        for (const auto& column : batch->columns()) {
          row.push_back(column->IsNull(i) ? "NULL" : column->GetScalar(i).ValueOrDie()->ToString());
        }
      }
    }
  }
  return rows;
}

std::vector<std::string> ReadComparable(io::FileSystem& fs, const iceberg::Table& table) {
  std::set<std::string> made_anew{"trace_id",     "ingestion_timestamp",  "ingestion_date",
                                  "processed_at", "processing_timestamp", "received",
                                  "loaded_at"};
  if (table.identifier.name_space == "gold") made_anew.insert("created_at");
  std::vector<std::string> columns;
  for (const auto& field : table.metadata->CurrentSchema().fields) {
    if (!made_anew.contains(field.name)) columns.push_back(field.name);
  }
  std::vector<std::string> lines;
  for (const auto& row : ReadRows(fs, table, columns)) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : ", ") + columns[i] + "=" + row[i];
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace octolake::crash
