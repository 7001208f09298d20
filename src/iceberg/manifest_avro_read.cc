#include <charconv>
#include <string>
#include <utility>

#include "iceberg/literal_avro.h"
#include "iceberg/manifest_avro.h"

namespace octolake::iceberg {
namespace {

using avro::Value;

// Positions in kEntryFields and so on; the order of the two must agree.
enum EntryField { kStatus, kSnapshotId, kSequenceNumber, kFileSequenceNumber, kDataFile };
constexpr WantedField kEntryFields[] = {{0, "status"},
                                        {1, "snapshot_id"},
                                        {3, "sequence_number"},
                                        {4, "file_sequence_number"},
                                        {2, "data_file"}};

enum FileField {
  kContent,
  kFilePath,
  kFileFormat,
  kPartition,
  kRecordCount,
  kFileSize,
  kColumnSizes,
  kValueCounts,
  kNullValueCounts,
  kNanValueCounts,
  kLowerBounds,
  kUpperBounds,
  kKeyMetadata,
  kSplitOffsets,
  kEqualityIds,
  kSortOrderId,
  kReferencedDataFile
};
constexpr WantedField kFileFields[] = {
    {134, "content"},          {100, "file_path"},           {101, "file_format"},
    {102, "partition"},        {103, "record_count"},        {104, "file_size_in_bytes"},
    {108, "column_sizes"},     {109, "value_counts"},        {110, "null_value_counts"},
    {137, "nan_value_counts"}, {125, "lower_bounds"},        {128, "upper_bounds"},
    {131, "key_metadata"},     {132, "split_offsets"},       {135, "equality_ids"},
    {140, "sort_order_id"},    {143, "referenced_data_file"}};

// Of the keys and values of the maps kColumnSizes to kUpperBounds.
constexpr WantedField kMapFields[][2] = {
    {{117, "key"}, {118, "value"}}, {{119, "key"}, {120, "value"}}, {{121, "key"}, {122, "value"}},
    {{138, "key"}, {139, "value"}}, {{126, "key"}, {127, "value"}}, {{129, "key"}, {130, "value"}}};

enum RowField {
  kManifestPath,
  kManifestLength,
  kSpecId,
  kManifestContent,
  kRowSequenceNumber,
  kMinSequenceNumber,
  kAddedSnapshotId,
  kAddedFiles,
  kExistingFiles,
  kDeletedFiles,
  kAddedRows,
  kExistingRows,
  kDeletedRows,
  kSummaries,
  kRowKeyMetadata
};
constexpr WantedField kRowFields[] = {{500, "manifest_path"},        {501, "manifest_length"},
                                      {502, "partition_spec_id"},    {517, "content"},
                                      {515, "sequence_number"},      {516, "min_sequence_number"},
                                      {503, "added_snapshot_id"},    {504, "added_files_count"},
                                      {505, "existing_files_count"}, {506, "deleted_files_count"},
                                      {512, "added_rows_count"},     {513, "existing_rows_count"},
                                      {514, "deleted_rows_count"},   {507, "partitions"},
                                      {519, "key_metadata"}};

enum SummaryField { kContainsNull, kContainsNan, kLowerBound, kUpperBound };
constexpr WantedField kSummaryFields[] = {
    {509, "contains_null"}, {518, "contains_nan"}, {510, "lower_bound"}, {511, "upper_bound"}};

template <size_t N>
FieldPositions Locate(const avro::Schema& record, const WantedField (&wanted)[N]) {
  FieldPositions positions(N, -1);
  for (size_t i = 0; i < N; ++i) {
    for (size_t at = 0; at < record.fields.size(); ++at) {
      const avro::Field& field = record.fields[at];
      const bool same =
          field.field_id ? *field.field_id == wanted[i].id : field.name == wanted[i].name;
      if (same) positions[i] = static_cast<int>(at);
    }
  }
  return positions;
}

tl::unexpected<Error> Corrupt(std::string message) {
  return MakeError(ErrorKind::kCorruption, std::move(message));
}

// The record schema of a field, behind an optional; null if it is none.
const avro::Schema* RecordAt(const avro::Schema& record, int position) {
  if (position < 0) return nullptr;
  const avro::Schema& schema = avro::WithoutNull(*record.fields[position].schema);
  return schema.type == avro::Type::kRecord ? &schema : nullptr;
}

const avro::Schema* ItemsAt(const avro::Schema& record, int position) {
  if (position < 0) return nullptr;
  const avro::Schema& schema = avro::WithoutNull(*record.fields[position].schema);
  if (schema.type != avro::Type::kArray) return nullptr;
  const avro::Schema& items = avro::WithoutNull(*schema.items);
  return items.type == avro::Type::kRecord ? &items : nullptr;
}

// Null if the record lacks the field or the field is null.
const Value* At(const std::vector<Value>& record, int position) {
  if (position < 0 || static_cast<size_t>(position) >= record.size()) return nullptr;
  const Value& value = record[position];
  return value.IsNull() ? nullptr : &value;
}

Result<int64_t> Integer(const Value* value, std::string_view name) {
  const auto number = value == nullptr ? std::nullopt : value->IfInteger();
  if (!number) return Corrupt("field " + std::string(name) + " is missing or no integer");
  return *number;
}

Result<std::optional<int64_t>> IfPresent(const Value* value, std::string_view name) {
  if (value == nullptr) return std::nullopt;
  OCTO_ASSIGN(const int64_t number, Integer(value, name));
  return number;
}

Result<std::string> Text(const Value* value, std::string_view name) {
  const std::string* text = value == nullptr ? nullptr : value->IfString();
  if (text == nullptr) return Corrupt("field " + std::string(name) + " is missing or no string");
  return *text;
}

Result<std::string> Binary(const Value* value, std::string_view name) {
  const std::string* bytes = value == nullptr ? nullptr : value->IfBytes();
  if (bytes == nullptr) return Corrupt("field " + std::string(name) + " is missing or no bytes");
  return *bytes;
}

Result<const std::vector<Value>*> Record(const Value* value, std::string_view name) {
  const auto* record = value == nullptr ? nullptr : value->IfRecord();
  if (record == nullptr) return Corrupt("field " + std::string(name) + " is missing or no record");
  return record;
}

// Calls `put` with the column id and the value of every pair, in either form of a map.
template <typename Put>
Status ForEachPair(const Value* value, int key_at, int value_at, std::string_view name, Put put) {
  if (value == nullptr) return {};
  if (const auto* entries = value->IfMap()) {
    for (const avro::MapEntry& entry : *entries) {
      int32_t id = 0;
      const char* end = entry.key.data() + entry.key.size();
      if (std::from_chars(entry.key.data(), end, id).ptr != end || entry.key.empty()) {
        return Corrupt("field " + std::string(name) + ": '" + entry.key + "' is no column id");
      }
      OCTO_TRY(put(id, &entry.value));
    }
    return {};
  }
  const auto* items = value->IfArray();
  if (items == nullptr) return Corrupt("field " + std::string(name) + " is no map");
  for (const Value& item : *items) {
    OCTO_ASSIGN(const auto* pair, Record(&item, name));
    OCTO_ASSIGN(const int64_t id, Integer(At(*pair, key_at), name));
    OCTO_TRY(put(static_cast<int32_t>(id), At(*pair, value_at)));
  }
  return {};
}

}  // namespace

Result<EntryReader> EntryReader::Make(const avro::Schema& schema, const Type& partition_type) {
  if (schema.type != avro::Type::kRecord) return Corrupt("its schema is not that of a record");
  EntryReader reader;
  reader.partition_type_ = &partition_type;
  reader.entry_ = Locate(schema, kEntryFields);
  const avro::Schema* file = RecordAt(schema, reader.entry_[kDataFile]);
  if (file == nullptr) return Corrupt("its schema has no record data_file (field id 2)");
  reader.file_ = Locate(*file, kFileFields);
  for (int map = kColumnSizes; map <= kUpperBounds; ++map) {
    MapPositions positions;
    if (const avro::Schema* items = ItemsAt(*file, reader.file_[map])) {
      const FieldPositions found = Locate(*items, kMapFields[map - kColumnSizes]);
      positions = {.key = found[0], .value = found[1]};
    }
    reader.maps_.push_back(positions);
  }
  const avro::Schema* partition = RecordAt(*file, reader.file_[kPartition]);
  for (const Field& field : partition_type.fields) {
    const std::string name = AvroName(field.name);
    const WantedField wanted[] = {{field.id, name}};
    const int at = partition == nullptr ? -1 : Locate(*partition, wanted)[0];
    if (at < 0) {
      return Corrupt("its partition record has no field '" + field.name + "' (field id " +
                     std::to_string(field.id) + ")");
    }
    reader.partition_.push_back(at);
  }
  return reader;
}

bool EntryReader::has_file_sequence_number() const { return entry_[kFileSequenceNumber] >= 0; }

Result<ManifestEntry> EntryReader::Read(const Value& value) const {
  OCTO_ASSIGN(const auto* record, Record(&value, "manifest_entry"));
  ManifestEntry entry;
  OCTO_ASSIGN(const int64_t status, Integer(At(*record, entry_[kStatus]), "status"));
  if (status < 0 || status > 2) {
    return Corrupt("status is " + std::to_string(status) + ", expected 0, 1 or 2");
  }
  entry.status = static_cast<EntryStatus>(status);
  OCTO_ASSIGN(entry.snapshot_id, IfPresent(At(*record, entry_[kSnapshotId]), "snapshot_id"));
  OCTO_ASSIGN(entry.sequence_number,
              IfPresent(At(*record, entry_[kSequenceNumber]), "sequence_number"));
  OCTO_ASSIGN(entry.file_sequence_number,
              IfPresent(At(*record, entry_[kFileSequenceNumber]), "file_sequence_number"));
  OCTO_ASSIGN(entry.data_file, ReadDataFile(At(*record, entry_[kDataFile])));
  return entry;
}

Result<DataFile> EntryReader::ReadDataFile(const Value* value) const {
  OCTO_ASSIGN(const auto* record, Record(value, "data_file"));
  DataFile file;
  // Version 1 had data files only and no such field.
  OCTO_ASSIGN(const auto content, IfPresent(At(*record, file_[kContent]), "content"));
  if (content && (*content < 0 || *content > 2)) {
    return Corrupt("content is " + std::to_string(*content) + ", expected 0, 1 or 2");
  }
  file.content = static_cast<FileContent>(content.value_or(0));
  OCTO_ASSIGN(file.file_path, Text(At(*record, file_[kFilePath]), "file_path"));
  OCTO_ASSIGN(file.file_format, Text(At(*record, file_[kFileFormat]), "file_format"));
  for (char& c : file.file_format) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  OCTO_ASSIGN(file.record_count, Integer(At(*record, file_[kRecordCount]), "record_count"));
  OCTO_ASSIGN(file.file_size_in_bytes,
              Integer(At(*record, file_[kFileSize]), "file_size_in_bytes"));
  if (file.record_count < 0 || file.file_size_in_bytes < 0) {
    return Corrupt(file.file_path + ": record_count or file_size_in_bytes is negative");
  }
  OCTO_TRY(ReadPartition(At(*record, file_[kPartition]), file));
  OCTO_TRY(ReadMetrics(*record, file));
  OCTO_TRY(ReadOptional(*record, file));
  return file;
}

Status EntryReader::ReadPartition(const Value* value, DataFile& file) const {
  if (partition_.empty()) return {};
  OCTO_ASSIGN(const auto* record, Record(value, "partition"));
  for (size_t i = 0; i < partition_.size(); ++i) {
    const Value* held = At(*record, partition_[i]);
    if (held == nullptr) {
      file.partition.push_back(std::nullopt);
      continue;
    }
    const Field& field = partition_type_->fields[i];
    auto literal = LiteralFromAvro(*field.type, *held);
    if (!literal) {
      return WithContext(std::move(literal).error(),
                         file.file_path + ": partition value of '" + field.name + "'");
    }
    file.partition.push_back(*std::move(literal));
  }
  return {};
}

Status EntryReader::ReadMetrics(const std::vector<Value>& record, DataFile& file) const {
  std::map<int32_t, int64_t>* const counts[] = {&file.column_sizes, &file.value_counts,
                                                &file.null_value_counts, &file.nan_value_counts};
  std::map<int32_t, std::string>* const bounds[] = {&file.lower_bounds, &file.upper_bounds};
  for (int map = kColumnSizes; map <= kUpperBounds; ++map) {
    const std::string_view name = kFileFields[map].name;
    const MapPositions& at = maps_[map - kColumnSizes];
    const Value* held = At(record, file_[map]);
    if (map <= kNanValueCounts) {
      auto* into = counts[map - kColumnSizes];
      OCTO_TRY(ForEachPair(held, at.key, at.value, name, [&](int32_t id, const Value* v) -> Status {
        OCTO_ASSIGN((*into)[id], Integer(v, name));
        return {};
      }));
    } else {
      auto* into = bounds[map - kLowerBounds];
      OCTO_TRY(ForEachPair(held, at.key, at.value, name, [&](int32_t id, const Value* v) -> Status {
        OCTO_ASSIGN((*into)[id], Binary(v, name));
        return {};
      }));
    }
  }
  return {};
}

Status EntryReader::ReadOptional(const std::vector<Value>& record, DataFile& file) const {
  if (const Value* value = At(record, file_[kKeyMetadata])) {
    OCTO_ASSIGN(file.key_metadata, Binary(value, "key_metadata"));
  }
  if (const Value* value = At(record, file_[kSplitOffsets])) {
    const auto* items = value->IfArray();
    if (items == nullptr) return Corrupt("field split_offsets is no list");
    for (const Value& item : *items) {
      OCTO_ASSIGN(const int64_t offset, Integer(&item, "split_offsets"));
      file.split_offsets.push_back(offset);
    }
  }
  if (const Value* value = At(record, file_[kEqualityIds])) {
    const auto* items = value->IfArray();
    if (items == nullptr) return Corrupt("field equality_ids is no list");
    for (const Value& item : *items) {
      OCTO_ASSIGN(const int64_t id, Integer(&item, "equality_ids"));
      file.equality_ids.push_back(static_cast<int32_t>(id));
    }
  }
  OCTO_ASSIGN(const auto order, IfPresent(At(record, file_[kSortOrderId]), "sort_order_id"));
  if (order) file.sort_order_id = static_cast<int32_t>(*order);
  if (const Value* value = At(record, file_[kReferencedDataFile])) {
    OCTO_ASSIGN(file.referenced_data_file, Text(value, "referenced_data_file"));
  }
  return {};
}

Result<ManifestFileReader> ManifestFileReader::Make(const avro::Schema& schema) {
  if (schema.type != avro::Type::kRecord) return Corrupt("its schema is not that of a record");
  ManifestFileReader reader;
  reader.row_ = Locate(schema, kRowFields);
  if (const avro::Schema* summary = ItemsAt(schema, reader.row_[kSummaries])) {
    reader.summary_ = Locate(*summary, kSummaryFields);
  } else {
    reader.summary_.assign(std::size(kSummaryFields), -1);
  }
  return reader;
}

Result<ManifestFile> ManifestFileReader::Read(const Value& value) const {
  OCTO_ASSIGN(const auto* record, Record(&value, "manifest_file"));
  const auto number = [&](RowField field, int64_t if_absent) -> Result<int64_t> {
    OCTO_ASSIGN(const auto held, IfPresent(At(*record, row_[field]), kRowFields[field].name));
    return held.value_or(if_absent);
  };
  ManifestFile manifest;
  OCTO_ASSIGN(manifest.manifest_path, Text(At(*record, row_[kManifestPath]), "manifest_path"));
  OCTO_ASSIGN(manifest.manifest_length,
              Integer(At(*record, row_[kManifestLength]), "manifest_length"));
  OCTO_ASSIGN(const int64_t spec_id, Integer(At(*record, row_[kSpecId]), "partition_spec_id"));
  manifest.partition_spec_id = static_cast<int32_t>(spec_id);
  OCTO_ASSIGN(const int64_t content, number(kManifestContent, 0));
  if (content != 0 && content != 1) {
    return Corrupt("content is " + std::to_string(content) + ", expected 0 or 1");
  }
  manifest.content = static_cast<ManifestContent>(content);
  OCTO_ASSIGN(manifest.sequence_number, number(kRowSequenceNumber, 0));
  OCTO_ASSIGN(manifest.min_sequence_number, number(kMinSequenceNumber, 0));
  OCTO_ASSIGN(manifest.added_snapshot_id,
              Integer(At(*record, row_[kAddedSnapshotId]), "added_snapshot_id"));
  int32_t* const files[] = {&manifest.added_files_count, &manifest.existing_files_count,
                            &manifest.deleted_files_count};
  int64_t* const rows[] = {&manifest.added_rows_count, &manifest.existing_rows_count,
                           &manifest.deleted_rows_count};
  for (int i = 0; i < 3; ++i) {
    OCTO_ASSIGN(const int64_t count, number(static_cast<RowField>(kAddedFiles + i), -1));
    *files[i] = static_cast<int32_t>(count);
    OCTO_ASSIGN(*rows[i], number(static_cast<RowField>(kAddedRows + i), -1));
  }
  OCTO_TRY(ReadSummaries(At(*record, row_[kSummaries]), manifest));
  if (const Value* held = At(*record, row_[kRowKeyMetadata])) {
    OCTO_ASSIGN(manifest.key_metadata, Binary(held, "key_metadata"));
  }
  return manifest;
}

Status ManifestFileReader::ReadSummaries(const Value* value, ManifestFile& manifest) const {
  if (value == nullptr) return {};
  const auto* items = value->IfArray();
  if (items == nullptr) return Corrupt("field partitions is no list");
  for (const Value& item : *items) {
    OCTO_ASSIGN(const auto* record, Record(&item, "partitions"));
    PartitionFieldSummary summary;
    const Value* contains_null = At(*record, summary_[kContainsNull]);
    const auto flag = contains_null == nullptr ? std::nullopt : contains_null->IfBoolean();
    if (!flag) return Corrupt("field contains_null is missing or no boolean");
    summary.contains_null = *flag;
    if (const Value* held = At(*record, summary_[kContainsNan])) {
      summary.contains_nan = held->IfBoolean();
    }
    if (const Value* held = At(*record, summary_[kLowerBound])) {
      OCTO_ASSIGN(summary.lower_bound, Binary(held, "lower_bound"));
    }
    if (const Value* held = At(*record, summary_[kUpperBound])) {
      OCTO_ASSIGN(summary.upper_bound, Binary(held, "upper_bound"));
    }
    manifest.partitions.push_back(std::move(summary));
  }
  return {};
}

}  // namespace octolake::iceberg
