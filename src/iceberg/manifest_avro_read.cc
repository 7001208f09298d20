#include <string>
#include <utility>

#include "base/string_util.h"
#include "iceberg/avro_record.h"
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

// More than any file can have: a trillion rows, a pebibyte. Sums over the files of a table then
// stay within 64 bits.
constexpr int64_t kMaxRecordCount = int64_t{1} << 40;
constexpr int64_t kMaxFileBytes = int64_t{1} << 50;

tl::unexpected<Error> Corrupt(std::string message) {
  return MakeError(ErrorKind::kCorruption, std::move(message));
}

Status CheckSizes(const DataFile& file) {
  if (file.record_count < 0 || file.record_count > kMaxRecordCount) {
    return Corrupt(file.file_path + ": no file can have a record_count of " +
                   std::to_string(file.record_count));
  }
  if (file.file_size_in_bytes < 0 || file.file_size_in_bytes > kMaxFileBytes) {
    return Corrupt(file.file_path + ": no file can have a file_size_in_bytes of " +
                   std::to_string(file.file_size_in_bytes));
  }
  return {};
}

// Calls `put` with the column id and the value of every pair, in either form of a map.
template <typename Put>
Status ForEachPair(const Value* value, int key_at, int value_at, std::string_view name, Put put) {
  if (value == nullptr) return {};
  if (const auto* entries = value->IfMap()) {
    for (const avro::MapEntry& entry : *entries) {
      const std::optional<int32_t> id = ParseNumber<int32_t>(entry.key);
      if (!id) {
        return Corrupt("field " + std::string(name) + ": '" + entry.key + "' is no column id");
      }
      OCTO_TRY(put(*id, &entry.value));
    }
    return {};
  }
  const auto* items = value->IfArray();
  if (items == nullptr) return Corrupt("field " + std::string(name) + " is no map");
  for (const Value& item : *items) {
    OCTO_ASSIGN(const auto* pair, Record(&item, name));
    OCTO_ASSIGN(const int32_t id, Int(At(*pair, key_at), name));
    OCTO_TRY(put(id, At(*pair, value_at)));
  }
  return {};
}

}  // namespace

Result<avro::WantedFields> WantedStatusAndPath(const avro::Schema& schema) {
  const bool is_record = schema.type == avro::Type::kRecord;
  const FieldPositions entry =
      is_record ? Locate(schema, kEntryFields) : FieldPositions(std::size(kEntryFields), -1);
  const avro::Schema* file = is_record ? RecordAt(schema, entry[kDataFile]) : nullptr;
  const int path = file == nullptr ? -1 : Locate(*file, kFileFields)[kFilePath];
  if (entry[kStatus] < 0 || path < 0) {
    return Corrupt("field status or data_file.file_path is missing");
  }
  avro::WantedFields wanted;
  wanted.fields.resize(schema.fields.size());
  wanted.fields[static_cast<size_t>(entry[kStatus])].place = 0;
  avro::WantedFields& wanted_of_file = wanted.fields[static_cast<size_t>(entry[kDataFile])];
  wanted_of_file.fields.resize(file->fields.size());
  wanted_of_file.fields[static_cast<size_t>(path)].place = 1;
  return wanted;
}

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
  OCTO_TRY(CheckSizes(file));
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
        OCTO_ASSIGN(const int64_t count, Integer(v, name));
        into->insert_or_assign(into->end(), id, count);  // most writers sort them
        return {};
      }));
    } else {
      auto* into = bounds[map - kLowerBounds];
      OCTO_TRY(ForEachPair(held, at.key, at.value, name, [&](int32_t id, const Value* v) -> Status {
        OCTO_ASSIGN(std::string bound, Binary(v, name));
        into->insert_or_assign(into->end(), id, std::move(bound));
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
      OCTO_ASSIGN(const int32_t id, Int(&item, "equality_ids"));
      file.equality_ids.push_back(id);
    }
  }
  if (const Value* value = At(record, file_[kSortOrderId])) {
    OCTO_ASSIGN(file.sort_order_id, Int(value, "sort_order_id"));
  }
  if (const Value* value = At(record, file_[kReferencedDataFile])) {
    OCTO_ASSIGN(file.referenced_data_file, Text(value, "referenced_data_file"));
  }
  return {};
}

}  // namespace octolake::iceberg
