// A manifest. The first byte says what follows: 0, a whole Avro file; otherwise the binary form of
// entries in our own schema, which spares the input the file around them. Entries that can be read
// are used for planning, written to a new manifest and read again as the same.
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
#include "iceberg/partition_summary.h"

namespace octolake::iceberg {
namespace {

constexpr size_t kMaxEntries = 64;
const char* const kLocation = "/fuzz/metadata/in.avro";

class Target {
 public:
  void Run(uint8_t form, std::string_view rest) {
    const auto entries = form == 0 ? ReadFile(rest) : ReadRecords(rest);
    for (const ManifestEntry& entry : entries) Plan(entry.data_file);
    if (!entries.empty()) CheckRewrite(entries);
  }

 private:
  std::vector<ManifestEntry> ReadFile(std::string_view bytes) const {
    MemoryFileSystem fs;
    if (!io::WriteAll(fs, kLocation, bytes)) return {};
    ManifestFile manifest;
    manifest.manifest_path = kLocation;
    manifest.sequence_number = 3;
    manifest.added_snapshot_id = 4;
    auto entries = ReadManifest(fs, manifest, table_);
    if (!entries || entries->size() > kMaxEntries) return {};
    return *std::move(entries);
  }

  std::vector<ManifestEntry> ReadRecords(std::string_view bytes) const {
    const auto reader = fuzz::Value(EntryReader::Make(*schema_, *type_), "no reader");
    std::vector<ManifestEntry> entries;
    avro::Decoder decoder(bytes);
    while (decoder.remaining() > 0 && entries.size() < kMaxEntries) {
      const auto record = decoder.Decode(*schema_);
      if (!record) break;
      auto entry = reader.Read(*record);
      if (!entry) break;
      // As if inherited, so that it can be written.
      if (!entry->snapshot_id) entry->snapshot_id = 4;
      if (!entry->sequence_number) entry->sequence_number = 3;
      if (!entry->file_sequence_number) entry->file_sequence_number = 3;
      entries.push_back(*std::move(entry));
    }
    return entries;
  }

  void Plan(const DataFile& file) const {
    PartitionPath(table_.DefaultSpec(), *type_, file.partition);
    for (const BoundFilter& filter : filters_) {
      const auto match = filter.FileMayMatch(file);
      fuzz::Check(match || match.error().kind == ErrorKind::kCorruption, "planning failed",
                  match ? "" : match.error().message);
    }
  }

  std::string Encoded(const ManifestEntry& entry) const {
    std::string bytes;
    const auto value = fuzz::Value(EntryToAvro(*type_, entry), "an entry cannot be written");
    fuzz::Check(avro::Encode(*schema_, value, bytes).has_value(), "an entry cannot be encoded");
    return bytes;
  }

  void CheckRewrite(const std::vector<ManifestEntry>& entries) const {
    MemoryFileSystem fs;
    SeededRandom random(1);
    ManifestWriteOptions options;
    options.schema = &table_.CurrentSchema();
    options.spec = &table_.DefaultSpec();
    options.location = "/fuzz/metadata/out.avro";
    const auto written = WriteManifest(fs, random, options, entries, 4, 3);
    if (!written) {
      fuzz::Check(written.error().kind != ErrorKind::kIo, "a manifest cannot be written");
      return;
    }
    const auto again = fuzz::Value(ReadManifest(fs, *written, table_), "no manifest was written");
    fuzz::Check(again.size() == entries.size(), "another number of entries");
    for (size_t i = 0; i < again.size(); ++i) {
      fuzz::Check(Encoded(entries[i]) == Encoded(again[i]), "another entry");
      const auto contained =
          SummariesMayContain(*type_, written->partitions, again[i].data_file.partition);
      fuzz::Check(fuzz::Value(contained, "a summary cannot be read"),
                  "a summary that leaves out a file");
    }
  }

  static std::vector<BoundFilter> Bind(const TableMetadata& table) {
    std::vector<BoundFilter> filters;
    for (const Filter& filter : FuzzFilters()) {
      filters.push_back(fuzz::Value(BoundFilter::Bind(table, filter), "a filter does not bind"));
    }
    return filters;
  }

  const TableMetadata table_ = FuzzTable();
  const TypePtr type_ = PartitionType(table_.CurrentSchema(), table_.DefaultSpec()).value();
  const avro::SchemaPtr schema_ = ManifestEntrySchema(*type_).value();
  const std::vector<BoundFilter> filters_ = Bind(table_);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Target target;
  fuzz::Input input(data, size);
  const uint8_t form = input.Byte();
  target.Run(form, input.Rest());
  return 0;
}

}  // namespace octolake::iceberg
