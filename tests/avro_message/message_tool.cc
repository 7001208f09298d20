// For tests/test_avro_message.py: Avro messages from and to JSON lines.
//
// usage: avro_message_tool encode <EVENTS >MESSAGE   events as the Events API gives them, one a
// line
//        avro_message_tool decode <MESSAGE >ROWS     {"events": {…}} or {"rejected": {…}}, one a
//        line
#include <arrow/api.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "event/message_rows.h"
#include "event/message_writer.h"
#include "event/received_rows.h"

namespace octolake::event {
namespace {

int Fail(const std::string& message) {
  std::fprintf(stderr, "avro_message_tool: %s\n", message.c_str());
  return 1;
}

nlohmann::json CellOf(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return nullptr;
  switch (column.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return std::string(static_cast<const arrow::BinaryArray&>(column).GetView(row));
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(column).Value(row);
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(column).Value(row);
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Array&>(column).Value(row);
    case arrow::Type::DATE32:
      return static_cast<const arrow::Date32Array&>(column).Value(row);
    default:
      return static_cast<const arrow::TimestampArray&>(column).Value(row);
  }
}

void Print(const char* kind, const arrow::RecordBatch& batch) {
  using nlohmann::json;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    json cells = json::object();
    for (int i = 0; i < batch.num_columns(); ++i) {
      cells[batch.column_name(i)] = CellOf(*batch.column(i), row);
    }
    std::cout << json{{kind, cells}}.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  }
}

int EncodeLines(UuidV7Generator& trace_ids) {
  ReceivedRows received("stdin");
  const Headers no_headers;
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const Status added =
        received.Add({"collect", trace_ids.Next(), number, "", no_headers, line, number});
    if (!added) return Fail(added.error().message);
  }
  const auto batch = received.Finish();
  if (!batch) return Fail(batch.error().message);
  if (batch->rejected->num_rows() > 0) return Fail("not all lines are events");
  std::vector<int64_t> rows(static_cast<size_t>(batch->events->num_rows()));
  std::iota(rows.begin(), rows.end(), 0);
  const auto message = EncodeMessage(*batch->events, rows, SystemRandom());
  if (!message) return Fail(message.error().message);
  std::cout << *message;
  return 0;
}

int DecodeMessage(UuidV7Generator& trace_ids) {
  const std::string message{std::istreambuf_iterator<char>(std::cin), {}};
  MessageRows rows(trace_ids);
  const Status added = rows.Add(message, {"stdin", 1, 2, 3});
  if (!added) return Fail(added.error().message);
  const auto batch = rows.Finish();
  if (!batch) return Fail(batch.error().message);
  Print("events", *batch->events);
  Print("rejected", *batch->rejected);
  return 0;
}

int Run(std::string_view what) {
  UuidV7Generator trace_ids(SystemClock(), SystemRandom());
  if (what == "encode") return EncodeLines(trace_ids);
  if (what == "decode") return DecodeMessage(trace_ids);
  return Fail("expected encode or decode");
}

}  // namespace
}  // namespace octolake::event

int main(int argc, char** argv) { return octolake::event::Run(argc == 2 ? argv[1] : ""); }
