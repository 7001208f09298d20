#include "iceberg/manifest_io.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "avro/container.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/partition_summary.h"
#include "iceberg/seal.h"

namespace octolake::iceberg {
namespace {

// Manifests are written up to 8 MiB; others' are rarely above a few times that. The file is read
// as a whole.
constexpr int64_t kMaxManifestBytes = int64_t{256} << 20;

constexpr int64_t kFormatVersion = 2;

std::string_view ContentName(ManifestContent content) {
  return content == ManifestContent::kData ? "data" : "deletes";
}

// Writes a whole container file at `location`; returns its length.
Result<int64_t> WriteContainer(io::FileSystem& fs, RandomSource& random,
                               const std::string& location, avro::SchemaPtr schema,
                               avro::Metadata metadata, const std::vector<avro::Value>& records) {
  avro::WriterOptions options;
  options.codec = avro::Codec::kDeflate;
  options.metadata = std::move(metadata);
  options.metadata.emplace_back(kAvroSealKey, kBlankSeal);
  std::string bytes;
  OCTO_ASSIGN(auto writer,
              avro::ContainerWriter::Create(std::move(schema), std::move(options), random, &bytes));
  const size_t seal = AvroSealPosition(writer->bytes_written());
  for (const avro::Value& record : records) OCTO_TRY(writer->Append(record));
  OCTO_TRY(writer->Finish());
  Seal(location, seal, bytes);
  OCTO_TRY(io::WriteAll(fs, location, bytes));
  return static_cast<int64_t>(bytes.size());
}

Status CheckNumbers(const ManifestEntry& entry) {
  if (entry.status == EntryStatus::kAdded) return {};
  if (entry.snapshot_id && entry.sequence_number && entry.file_sequence_number) return {};
  return MakeError(ErrorKind::kInvalidArgument,
                   entry.data_file.file_path +
                       ": an existing or deleted manifest entry must carry its snapshot id and "
                       "sequence numbers");
}

void Count(const ManifestEntry& entry, ManifestFile& manifest) {
  int32_t* const files[] = {&manifest.existing_files_count, &manifest.added_files_count,
                            &manifest.deleted_files_count};
  int64_t* const rows[] = {&manifest.existing_rows_count, &manifest.added_rows_count,
                           &manifest.deleted_rows_count};
  const auto status = static_cast<int32_t>(entry.status);
  ++*files[status];
  *rows[status] += entry.data_file.record_count;
}

// Opens a container that a table names; that it is missing, or not as it was written, is then
// damage.
Result<std::unique_ptr<avro::ContainerReader>> OpenContainer(
    io::FileSystem& fs, const std::string& location, std::string_view what,
    std::optional<int64_t> expected_length) {
  auto bytes = io::ReadAll(fs, location, kMaxManifestBytes);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) {
    return MakeError(ErrorKind::kCorruption, std::string(what) + " " + location +
                                                 " is named by the table, but does not exist");
  }
  if (!bytes) return WithContext(std::move(bytes).error(), what);
  const auto length = static_cast<int64_t>(bytes->size());
  // Some leave it at 0.
  if (expected_length.value_or(0) > 0 && length != *expected_length) {
    return MakeError(ErrorKind::kCorruption, std::string(what) + " " + location +
                                                 " is damaged: it has " + std::to_string(length) +
                                                 " bytes, the manifest list says " +
                                                 std::to_string(*expected_length));
  }
  auto reader = avro::ContainerReader::Open(*std::move(bytes), location);
  if (!reader) {
    const bool damaged = reader.error().kind == ErrorKind::kCorruption;
    return WithContext(std::move(reader).error(),
                       std::string(what) + (damaged ? " is damaged" : ""));
  }
  if ((*reader)->FindMetadata(kAvroSealKey)) {
    const size_t seal = AvroSealPosition((*reader)->header_bytes());
    Status checked = CheckSeal(location, seal, (*reader)->bytes());
    if (!checked) return WithContext(std::move(checked).error(), what);
  }
  return reader;
}

Status CheckHeader(const avro::ContainerReader& reader, const ManifestFile& manifest) {
  const auto version = reader.FindMetadata("format-version");
  if (version && *version != "1" && *version != "2") {
    return MakeError(ErrorKind::kUnsupported,
                     "format version " + std::string(*version) + "; versions 1 and 2 can be read");
  }
  const auto content = reader.FindMetadata("content");
  if (content && *content != ContentName(manifest.content)) {
    return MakeError(ErrorKind::kCorruption, "its content is '" + std::string(*content) +
                                                 "', the manifest list says '" +
                                                 std::string(ContentName(manifest.content)) + "'");
  }
  const auto spec_id = reader.FindMetadata("partition-spec-id");
  if (spec_id && *spec_id != std::to_string(manifest.partition_spec_id)) {
    return MakeError(ErrorKind::kCorruption, "its partition spec is " + std::string(*spec_id) +
                                                 ", the manifest list says " +
                                                 std::to_string(manifest.partition_spec_id));
  }
  return {};
}

// "Sequence Number Inheritance" and "Snapshot ID inheritance" of the specification.
Status Inherit(const ManifestFile& manifest, ManifestEntry& entry) {
  if (!entry.snapshot_id) entry.snapshot_id = manifest.added_snapshot_id;
  // Number 0 is that of manifests of version 1, which had no numbers in their entries.
  const bool inherits = entry.status == EntryStatus::kAdded || manifest.sequence_number == 0;
  if (!entry.sequence_number) {
    if (!inherits) {
      return MakeError(
          ErrorKind::kCorruption,
          entry.data_file.file_path + ": an existing or deleted entry has no sequence_number");
    }
    entry.sequence_number = manifest.sequence_number;
    if (!entry.file_sequence_number) entry.file_sequence_number = manifest.sequence_number;
  }
  if (!entry.file_sequence_number) {
    // The first writers of version 2 knew only the data sequence number.
    entry.file_sequence_number = inherits ? manifest.sequence_number : *entry.sequence_number;
  }
  return {};
}

Result<std::vector<ManifestEntry>> ReadEntries(avro::ContainerReader& reader,
                                               const ManifestFile& manifest,
                                               const TableMetadata& metadata) {
  OCTO_TRY(CheckHeader(reader, manifest));
  const PartitionSpec* spec = metadata.FindSpec(manifest.partition_spec_id);
  if (spec == nullptr) {
    return MakeError(ErrorKind::kCorruption, "the table has no partition spec " +
                                                 std::to_string(manifest.partition_spec_id));
  }
  OCTO_ASSIGN(const TypePtr partition_type, PartitionType(SchemaForSpec(metadata, *spec), *spec));
  OCTO_ASSIGN(const EntryReader entries, EntryReader::Make(*reader.schema(), *partition_type));
  std::vector<ManifestEntry> result;
  while (true) {
    OCTO_ASSIGN(const std::optional<avro::Value> record, reader.Next());
    if (!record) return result;
    auto entry = entries.Read(*record);
    if (!entry) {
      return WithContext(std::move(entry).error(), "entry " + std::to_string(result.size() + 1));
    }
    OCTO_TRY(Inherit(manifest, *entry));
    entry->data_file.spec_id = manifest.partition_spec_id;
    result.push_back(*std::move(entry));
  }
}

Result<std::vector<ManifestFile>> ReadRows(avro::ContainerReader& reader,
                                           const std::string& location) {
  const std::string context = "manifest list " + location;
  auto rows = ManifestFileReader::Make(*reader.schema());
  if (!rows) return WithContext(std::move(rows).error(), context);
  std::vector<ManifestFile> manifests;
  while (true) {
    OCTO_ASSIGN(const std::optional<avro::Value> record, reader.Next());
    if (!record) return manifests;
    auto manifest = rows->Read(*record);
    if (!manifest) return WithContext(std::move(manifest).error(), context);
    manifests.push_back(*std::move(manifest));
  }
}

}  // namespace

const Schema& SchemaForSpec(const TableMetadata& metadata, const PartitionSpec& spec) {
  const Schema& current = metadata.CurrentSchema();
  if (PartitionType(current, spec)) return current;
  for (auto schema = metadata.schemas.rbegin(); schema != metadata.schemas.rend(); ++schema) {
    if (PartitionType(*schema, spec)) return *schema;
  }
  return current;
}

Result<ManifestFile> WriteManifest(io::FileSystem& fs, RandomSource& random,
                                   const ManifestWriteOptions& options,
                                   const std::vector<ManifestEntry>& entries, int64_t snapshot_id,
                                   int64_t sequence_number) {
  OCTO_ASSIGN(const TypePtr partition_type, PartitionType(*options.schema, *options.spec));
  OCTO_ASSIGN(avro::SchemaPtr schema, ManifestEntrySchema(*partition_type));
  ManifestFile manifest;
  manifest.manifest_path = options.location;
  manifest.partition_spec_id = options.spec->spec_id;
  manifest.content = options.content;
  manifest.sequence_number = sequence_number;
  manifest.min_sequence_number = sequence_number;
  manifest.added_snapshot_id = snapshot_id;
  PartitionSummaryBuilder summaries(*partition_type);
  std::optional<int64_t> least;
  std::vector<avro::Value> records;
  records.reserve(entries.size());
  for (const ManifestEntry& entry : entries) {
    OCTO_TRY(CheckNumbers(entry));
    OCTO_ASSIGN(avro::Value record, EntryToAvro(*partition_type, entry));
    records.push_back(std::move(record));
    Count(entry, manifest);
    summaries.Add(entry.data_file.partition);
    if (entry.status == EntryStatus::kDeleted) continue;
    const int64_t number = entry.sequence_number.value_or(sequence_number);
    least = std::min(least.value_or(number), number);
  }
  manifest.min_sequence_number = least.value_or(sequence_number);
  OCTO_ASSIGN(manifest.partitions, summaries.Finish());
  avro::Metadata metadata = {{"schema", SchemaToJson(*options.schema)},
                             {"schema-id", std::to_string(options.schema->schema_id)},
                             {"partition-spec", PartitionFieldsToJson(*options.spec)},
                             {"partition-spec-id", std::to_string(options.spec->spec_id)},
                             {"format-version", std::to_string(kFormatVersion)},
                             {"content", std::string(ContentName(options.content))}};
  OCTO_ASSIGN(manifest.manifest_length,
              WriteContainer(fs, random, options.location, std::move(schema), std::move(metadata),
                             records));
  return manifest;
}

Result<std::vector<ManifestEntry>> ReadManifest(io::FileSystem& fs, const ManifestFile& manifest,
                                                const TableMetadata& metadata) {
  OCTO_ASSIGN(auto reader,
              OpenContainer(fs, manifest.manifest_path, "manifest", manifest.manifest_length));
  auto entries = ReadEntries(*reader, manifest, metadata);
  if (!entries) {
    return WithContext(std::move(entries).error(), "manifest " + manifest.manifest_path);
  }
  return entries;
}

Result<std::vector<std::string>> ReadLivePaths(io::FileSystem& fs, const ManifestFile& manifest) {
  OCTO_ASSIGN(auto reader,
              OpenContainer(fs, manifest.manifest_path, "manifest", manifest.manifest_length));
  const auto read = [&]() -> Result<std::vector<std::string>> {
    OCTO_TRY(CheckHeader(*reader, manifest));
    OCTO_ASSIGN(const avro::WantedFields wanted, WantedStatusAndPath(*reader->schema()));
    std::vector<std::string> paths;
    while (true) {
      std::array<avro::FieldView, 2> views;
      OCTO_ASSIGN(const auto record, reader->NextView(wanted, views));
      if (!record) return paths;
      const auto& [status, path] = views;
      const bool is_status =
          (status.type == avro::Type::kInt || status.type == avro::Type::kLong) &&
          status.integer >= 0 && status.integer <= 2;
      if (!is_status || path.type != avro::Type::kString) {
        return MakeError(ErrorKind::kCorruption,
                         "an entry whose status is not 0, 1 or 2, or whose file_path is no string");
      }
      if (status.integer == static_cast<int64_t>(EntryStatus::kDeleted)) continue;
      paths.emplace_back(path.text);
    }
  };
  auto paths = read();
  if (!paths) return WithContext(std::move(paths).error(), "manifest " + manifest.manifest_path);
  return paths;
}

Status WriteManifestList(io::FileSystem& fs, RandomSource& random, const std::string& location,
                         const Snapshot& snapshot, const std::vector<ManifestFile>& manifests) {
  std::vector<avro::Value> records;
  records.reserve(manifests.size());
  for (const ManifestFile& manifest : manifests) records.push_back(ManifestFileToAvro(manifest));
  const std::string parent =
      snapshot.parent_snapshot_id ? std::to_string(*snapshot.parent_snapshot_id) : "null";
  avro::Metadata metadata = {{"snapshot-id", std::to_string(snapshot.snapshot_id)},
                             {"parent-snapshot-id", parent},
                             {"sequence-number", std::to_string(snapshot.sequence_number)},
                             {"format-version", std::to_string(kFormatVersion)}};
  OCTO_TRY(
      WriteContainer(fs, random, location, ManifestListSchema(), std::move(metadata), records));
  return {};
}

Result<std::vector<ManifestFile>> ReadManifestList(io::FileSystem& fs,
                                                   const std::string& location) {
  OCTO_ASSIGN(auto reader, OpenContainer(fs, location, "manifest list", std::nullopt));
  return ReadRows(*reader, location);
}

Result<std::vector<std::string>> ReadManifestPaths(io::FileSystem& fs,
                                                   const std::string& location) {
  const std::string context = "manifest list " + location;
  OCTO_ASSIGN(auto reader, OpenContainer(fs, location, "manifest list", std::nullopt));
  const auto wanted = WantedManifestPath(*reader->schema());
  if (!wanted) return WithContext(wanted.error(), context);
  std::vector<std::string> paths;
  while (true) {
    avro::FieldView path;
    OCTO_ASSIGN(const auto record, reader->NextView(*wanted, {&path, 1}));
    if (!record) return paths;
    if (path.type != avro::Type::kString) {
      return MakeError(ErrorKind::kCorruption, context + ": field manifest_path is no string");
    }
    paths.emplace_back(path.text);
  }
}

Result<std::vector<ManifestFile>> ReadManifestList(io::FileSystem& fs, const Snapshot& snapshot) {
  const std::string& location = snapshot.manifest_list;
  OCTO_ASSIGN(auto reader, OpenContainer(fs, location, "manifest list", std::nullopt));
  const auto owner = reader->FindMetadata("snapshot-id");
  if (owner && *owner != std::to_string(snapshot.snapshot_id)) {
    return MakeError(ErrorKind::kCorruption,
                     "manifest list " + location + " is that of snapshot " + std::string(*owner) +
                         ", expected that of snapshot " + std::to_string(snapshot.snapshot_id) +
                         "; another file was put in its place");
  }
  OCTO_ASSIGN(std::vector<ManifestFile> manifests, ReadRows(*reader, location));
  const auto files = snapshot.summary.find("total-data-files");
  if (manifests.empty() && files != snapshot.summary.end() && files->second != "0") {
    return MakeError(
        ErrorKind::kCorruption,
        "manifest list " + location + " is damaged: it names no manifest, but snapshot " +
            std::to_string(snapshot.snapshot_id) + " has " + files->second + " data files");
  }
  return manifests;
}

}  // namespace octolake::iceberg
