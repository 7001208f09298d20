// Any bytes as an object container file: read within limits; the records written to a new file are
// the same records, and views are of the same values.
#include <string>
#include <utility>
#include <vector>

#include "avro/binary.h"
#include "avro/container.h"
#include "avro/views_for_test.h"
#include "base/fuzz.h"
#include "base/random.h"

namespace octolake::avro {
namespace {

// Values that take no bytes may come a million times in each of very many records.
constexpr size_t kMaxRecords = 1000;
constexpr size_t kMaxValues = 100'000;

std::string Encoded(const Schema& schema, const Value& value) {
  std::string bytes;
  fuzz::Check(Encode(schema, value, bytes).has_value(), "what was read cannot be written");
  return bytes;
}

size_t CountValues(const Value& value) {
  size_t count = 1;
  if (const auto* items = value.IfArray() ? value.IfArray() : value.IfRecord()) {
    for (const Value& item : *items) count += CountValues(item);
  } else if (const auto* entries = value.IfMap()) {
    for (const MapEntry& entry : *entries) count += CountValues(entry.value);
  }
  return count;
}

std::vector<Value> ReadRecords(ContainerReader& reader) {
  std::vector<Value> records;
  size_t values = 0;
  while (records.size() < kMaxRecords && values < kMaxValues) {
    auto record = reader.Next();
    if (!record) {
      fuzz::Check(!reader.Next(), "an error was not final");
      break;
    }
    if (!*record) break;
    values += CountValues(**record);
    records.push_back(**std::move(record));
  }
  return records;
}

// As many records as were read come as views, of the same values.
void CheckViews(ContainerReader& reader, const std::vector<Value>& records) {
  size_t places = 0;
  const WantedFields wanted = WantAll(*reader.schema(), &places);
  std::vector<FieldView> views(places);
  for (const Value& record : records) {
    const auto next = fuzz::Value(reader.NextView(wanted, views), "a record without views");
    fuzz::Check(next && AreViewsOf(&record, wanted, views), "views of another record");
    const Value same = fuzz::Value(Decoder(*next).Decode(*reader.schema()), "no encoding");
    fuzz::Check(Encoded(*reader.schema(), same) == Encoded(*reader.schema(), record),
                "the encoding of another record");
  }
}

void CheckRewrite(const ContainerReader& reader, const std::vector<Value>& records) {
  SeededRandom random(1);
  std::string file;
  WriterOptions options;
  options.codec = reader.codec();
  options.block_bytes = 256;
  auto writer = fuzz::Value(
      ContainerWriter::Create(reader.schema(), std::move(options), random, &file), "no writer");
  for (const Value& record : records) {
    fuzz::Check(writer->Append(record).has_value(), "a record cannot be appended");
  }
  fuzz::Check(writer->Finish().has_value(), "a file cannot be finished");
  auto again = fuzz::Value(ContainerReader::Open(file, "rewritten"), "a written file is refused");
  const std::vector<Value> same = ReadRecords(*again);
  fuzz::Check(same.size() == records.size(), "another number of records");
  for (size_t i = 0; i < same.size(); ++i) {
    fuzz::Check(Encoded(*reader.schema(), records[i]) == Encoded(*again->schema(), same[i]),
                "another record");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReaderLimits limits;
  limits.block_bytes = 1 << 20;
  const std::string file(reinterpret_cast<const char*>(data), size);
  auto reader = ContainerReader::Open(file, "fuzz", limits);
  if (!reader) return 0;
  const std::vector<Value> records = ReadRecords(**reader);
  CheckViews(*fuzz::Value(ContainerReader::Open(file, "fuzz", limits), "no reader"), records);
  CheckRewrite(**reader, records);
  return 0;
}

}  // namespace octolake::avro
