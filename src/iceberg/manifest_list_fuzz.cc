// A manifest list. The first byte says what follows: 0, a whole Avro file; otherwise the binary
// form of rows in our own schema. Rows that can be read are used for planning, written to a new
// list and read again as the same.
#include <string>
#include <vector>

#include "avro/binary.h"
#include "base/fuzz.h"
#include "base/random.h"
#include "iceberg/bound_filter.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_io.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/manifest_table_for_fuzz.h"
#include "iceberg/memory_file_system_for_test.h"

namespace octolake::iceberg {
namespace {

constexpr size_t kMaxRows = 64;

std::vector<ManifestFile> ReadFile(std::string_view bytes) {
  MemoryFileSystem fs;
  const std::string location = "/fuzz/metadata/in.avro";
  if (!io::WriteAll(fs, location, bytes)) return {};
  auto rows = ReadManifestList(fs, location);
  if (!rows || rows->size() > kMaxRows) return {};
  return *std::move(rows);
}

std::vector<ManifestFile> ReadRows(std::string_view bytes) {
  static const avro::SchemaPtr schema = ManifestListSchema();
  const auto reader = fuzz::Value(ManifestFileReader::Make(*schema), "no reader");
  std::vector<ManifestFile> rows;
  avro::Decoder decoder(bytes);
  while (decoder.remaining() > 0 && rows.size() < kMaxRows) {
    const auto record = decoder.Decode(*schema);
    if (!record) break;
    auto row = reader.Read(*record);
    if (!row) break;
    rows.push_back(*std::move(row));
  }
  return rows;
}

void Plan(const std::vector<ManifestFile>& rows) {
  static const TableMetadata table = FuzzTable();
  for (const Filter& filter : FuzzFilters()) {
    const auto bound = fuzz::Value(BoundFilter::Bind(table, filter), "a filter does not bind");
    for (const ManifestFile& row : rows) {
      const auto match = bound.ManifestMayMatch(row);
      fuzz::Check(match || match.error().kind == ErrorKind::kCorruption, "planning failed",
                  match ? "" : match.error().message);
    }
  }
}

std::string Encoded(const ManifestFile& row) {
  std::string bytes;
  fuzz::Check(avro::Encode(*ManifestListSchema(), ManifestFileToAvro(row), bytes).has_value(),
              "a row cannot be encoded");
  return bytes;
}

void CheckRewrite(const std::vector<ManifestFile>& rows) {
  MemoryFileSystem fs;
  SeededRandom random(1);
  const std::string location = "/fuzz/metadata/out.avro";
  fuzz::Check(WriteManifestList(fs, random, location, Snapshot(), rows).has_value(),
              "a manifest list cannot be written");
  const auto again = fuzz::Value(ReadManifestList(fs, location), "no manifest list was written");
  fuzz::Check(again.size() == rows.size(), "another number of rows");
  for (size_t i = 0; i < again.size(); ++i) {
    fuzz::Check(Encoded(rows[i]) == Encoded(again[i]), "another row");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const bool file = input.Byte() == 0;
  const auto rows = file ? ReadFile(input.Rest()) : ReadRows(input.Rest());
  Plan(rows);
  if (!rows.empty()) CheckRewrite(rows);
  return 0;
}

}  // namespace octolake::iceberg
