// Any bytes as table metadata, plain or gzipped: refused, or written again as the same, and safe to
// be asked whatever the program asks of metadata.
#include <string>

#include "base/fuzz.h"
#include "base/random.h"
#include "iceberg/bound_filter.h"
#include "iceberg/manifest_io.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/memory_file_system_for_test.h"
#include "iceberg/metadata_file.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {
namespace {

const char* const kLocation = "/fuzz/metadata/00001-a.metadata.json";

void CheckSnapshots(const TableMetadata& metadata) {
  metadata.CurrentSnapshot();
  for (const Snapshot& snapshot : metadata.snapshots) {
    const auto ancestors = AncestorsOf(metadata, snapshot.snapshot_id);
    fuzz::Check(ancestors.size() <= metadata.snapshots.size(), "more ancestors than snapshots");
    for (const Snapshot* ancestor : ancestors) {
      fuzz::Check(IsAncestorOf(metadata, ancestor->snapshot_id, snapshot.snapshot_id),
                  "an ancestor that is none");
    }
    const auto as_of = SnapshotAsOf(metadata, snapshot.timestamp_ms);
    fuzz::Check(!as_of || *as_of != nullptr, "no snapshot, and no error");
  }
  for (const auto& [name, ref] : metadata.refs) {
    fuzz::Check(metadata.FindRef(name) != nullptr, "a reference to nothing", name);
  }
}

void CheckSpecs(const TableMetadata& metadata) {
  for (const PartitionSpec& spec : metadata.partition_specs) {
    const auto type = PartitionType(SchemaForSpec(metadata, spec), spec);
    fuzz::Check(type || spec.spec_id != metadata.default_spec_id, "the default spec has no type");
    if (!type) continue;
    fuzz::Check(ManifestEntrySchema(**type).has_value(), "no manifest can be written");
  }
  for (const Field& field : metadata.CurrentSchema().fields) {
    const auto filter = BoundFilter::Bind(metadata, {{field.name, Predicate::Op::kIsNull, {}}});
    fuzz::Check(filter.has_value(), "a column cannot be tested for NULL", field.name);
  }
}

void CheckNext(TableMetadata metadata) {
  SeededRandom random(1);
  const std::string next = NextMetadataLocation(metadata, kLocation, random);
  fuzz::Check(next.find("/00002-") != std::string::npos, "the next file is not the next", next);
  const auto removed = ExtendMetadataLog(metadata, {.timestamp_ms = 0, .metadata_file = kLocation});
  fuzz::Check(!removed || !metadata.metadata_log.empty(), "the log lost the newest file");
}

void Run(std::string_view bytes) {
  MemoryFileSystem fs;
  if (!io::WriteAll(fs, kLocation, bytes)) return;
  const auto metadata = ReadMetadataFile(fs, kLocation);
  if (!metadata) {
    fuzz::Check(metadata.error().message.find(kLocation) != std::string::npos,
                "an error that does not name the file", metadata.error().message);
    return;
  }
  const std::string json = TableMetadataToJson(*metadata);
  const auto again = fuzz::Value(ParseTableMetadata(json, "again"), "what was written is refused");
  fuzz::Check(TableMetadataToJson(again) == json, "written in another way", json);
  CheckSnapshots(*metadata);
  CheckSpecs(*metadata);
  CheckNext(*metadata);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

}  // namespace octolake::iceberg
