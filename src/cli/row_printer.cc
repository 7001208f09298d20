#include "cli/row_printer.h"

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json_text.h"
#include "datafile/arrow_status.h"

namespace octolake::cli {
namespace {

// Rows whose widths a table's columns take, and the widest a column gets.
constexpr size_t kSampleRows = 1000;
constexpr size_t kMaxCellWidth = 60;

using Row = std::vector<std::string>;

bool IsNumber(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
         arrow::is_decimal(type.id());
}

size_t CharacterCount(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// On one line, at most kMaxCellWidth characters; control characters cannot reach the terminal.
std::string TableCell(const std::string& text) {
  std::string cell;
  size_t characters = 0;
  for (char c : text) {
    const bool begins_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (begins_character && ++characters > kMaxCellWidth - 1) return cell + "…";
    const auto byte = static_cast<unsigned char>(c);
    cell += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  return cell;
}

class TablePrinter {
 public:
  TablePrinter(const arrow::Schema& schema, std::FILE* out) : out_(out) {
    for (const auto& field : schema.fields()) {
      names_.push_back(TableCell(field->name()));
      widths_.push_back(CharacterCount(names_.back()));
      numbers_.push_back(IsNumber(*field->type()));
    }
  }

  void Add(Row row) {
    for (std::string& cell : row) cell = TableCell(cell);
    if (started_) return PrintRow(row);
    for (size_t i = 0; i < row.size(); ++i)
      widths_[i] = std::max(widths_[i], CharacterCount(row[i]));
    sample_.push_back(std::move(row));
    if (sample_.size() == kSampleRows) Start();
  }

  void Finish() {
    if (!started_) Start();
  }

 private:
  void Start() {
    started_ = true;
    PrintRow(names_);
    std::string rule;
    for (size_t width : widths_) rule += (rule.empty() ? "" : "  ") + std::string(width, '-');
    std::fprintf(out_, "%s\n", rule.c_str());
    for (const Row& row : sample_) PrintRow(row);
    sample_.clear();
  }

  void PrintRow(const Row& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const size_t length = CharacterCount(row[i]);
      const std::string padding(widths_[i] > length ? widths_[i] - length : 0, ' ');
      if (i > 0) line += "  ";
      line += numbers_[i] ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::fprintf(out_, "%s\n", line.c_str());
  }

  std::FILE* out_;
  Row names_;
  std::vector<size_t> widths_;
  std::vector<bool> numbers_;
  std::vector<Row> sample_;
  bool started_ = false;
};

std::string CsvCell(const std::string& text, bool is_null) {
  if (is_null) return "";
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

// Calls `print_row(batch, row)` for every row; returns how many there were.
template <typename PrintRow>
Result<int64_t> ForEachRow(sql::ResultStream& rows, PrintRow print_row) {
  int64_t count = 0;
  while (true) {
    OCTO_ASSIGN(std::shared_ptr<arrow::RecordBatch> batch, rows.Next());
    if (batch == nullptr) return count;
    for (int64_t row = 0; row < batch->num_rows(); ++row) print_row(*batch, row);
    count += batch->num_rows();
  }
}

Result<int64_t> PrintTable(sql::ResultStream& rows, std::FILE* out) {
  TablePrinter printer(*rows.schema(), out);
  OCTO_ASSIGN(int64_t count, ForEachRow(rows, [&](const arrow::RecordBatch& batch, int64_t row) {
                Row cells;
                for (const auto& column : batch.columns()) cells.push_back(CellText(*column, row));
                printer.Add(std::move(cells));
              }));
  printer.Finish();
  return count;
}

Result<int64_t> PrintCsv(sql::ResultStream& rows, std::FILE* out) {
  std::string line;
  for (const auto& field : rows.schema()->fields()) {
    line += (line.empty() ? "" : ",") + CsvCell(field->name(), false);
  }
  std::fprintf(out, "%s\r\n", line.c_str());
  return ForEachRow(rows, [&](const arrow::RecordBatch& batch, int64_t row) {
    std::string text;
    for (int i = 0; i < batch.num_columns(); ++i) {
      if (i > 0) text += ',';
      text += CsvCell(CellText(*batch.column(i), row), batch.column(i)->IsNull(row));
    }
    std::fprintf(out, "%s\r\n", text.c_str());
  });
}

// An array with an object a line.
Result<int64_t> PrintJson(sql::ResultStream& rows, std::FILE* out) {
  const char* separator = "[\n";
  OCTO_ASSIGN(int64_t count, ForEachRow(rows, [&](const arrow::RecordBatch& batch, int64_t row) {
                nlohmann::ordered_json object = nlohmann::ordered_json::object();
                for (int i = 0; i < batch.num_columns(); ++i) {
                  object[batch.schema()->field(i)->name()] = CellJson(*batch.column(i), row);
                }
                std::fprintf(out, "%s%s", separator, JsonText(object).c_str());
                separator = ",\n";
              }));
  std::fputs(count == 0 ? "[]\n" : "\n]\n", out);
  return count;
}

// To a file or a pipe, whose place Arrow's own streams ask for.
class StandardStream final : public arrow::io::OutputStream {
 public:
  explicit StandardStream(std::FILE* out) : out_(out) {}

  using arrow::io::OutputStream::Write;
  arrow::Status Write(const void* data, int64_t size) override {
    const auto bytes = static_cast<size_t>(size);
    if (std::fwrite(data, 1, bytes, out_) != bytes) {
      return arrow::Status::IOError("cannot be written: ", std::strerror(errno));
    }
    written_ += size;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return written_; }
  arrow::Status Close() override {  // the FILE stays open: it is not ours
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  std::FILE* out_;
  int64_t written_ = 0;
  bool closed_ = false;
};

Result<int64_t> PrintParquet(sql::ResultStream& rows, std::FILE* out) {
  using datafile::ToResult;
  using datafile::ToStatus;
  const auto stream = std::make_shared<StandardStream>(out);
  const auto properties =
      parquet::WriterProperties::Builder().compression(parquet::Compression::ZSTD)->build();
  OCTO_ASSIGN(auto writer,
              ToResult(parquet::arrow::FileWriter::Open(
                           *rows.schema(), arrow::default_memory_pool(), stream, properties),
                       "stdout"));
  int64_t count = 0;
  while (true) {
    OCTO_ASSIGN(std::shared_ptr<arrow::RecordBatch> batch, rows.Next());
    if (batch == nullptr) break;
    OCTO_TRY(ToStatus(writer->WriteRecordBatch(*batch), "stdout"));
    count += batch->num_rows();
  }
  OCTO_TRY(ToStatus(writer->Close(), "stdout"));
  return count;
}

}  // namespace

Result<RowFormat> ParseRowFormat(const std::string& text) {
  if (text == "table") return RowFormat::kTable;
  if (text == "csv") return RowFormat::kCsv;
  if (text == "json") return RowFormat::kJson;
  if (text == "parquet") return RowFormat::kParquet;
  return MakeError(ErrorKind::kInvalidArgument,
                   "format '" + text + "': expected table, csv, json or parquet");
}

Result<int64_t> PrintRows(sql::ResultStream& rows, RowFormat format, std::FILE* out) {
  const auto print = format == RowFormat::kTable  ? PrintTable
                     : format == RowFormat::kCsv  ? PrintCsv
                     : format == RowFormat::kJson ? PrintJson
                                                  : PrintParquet;
  Result<int64_t> count = print(rows, out);
  if (count && (std::fflush(out) != 0 || std::ferror(out) != 0)) {
    return MakeError(ErrorKind::kIo, "the result could not be written to standard output");
  }
  return count;
}

}  // namespace octolake::cli
