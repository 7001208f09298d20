#include <string>
#include <utility>

#include "iceberg/avro_record.h"
#include "iceberg/manifest_avro.h"

namespace octolake::iceberg {
namespace {

using avro::Value;

// Positions in kRowFields and kSummaryFields; the order of each two must agree.
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

tl::unexpected<Error> Corrupt(std::string message) {
  return MakeError(ErrorKind::kCorruption, std::move(message));
}

}  // namespace

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

Result<avro::WantedFields> WantedManifestPath(const avro::Schema& schema) {
  const int position = schema.type == avro::Type::kRecord
                           ? Locate(schema, std::span(kRowFields).first(1)).front()
                           : -1;
  if (position < 0) return Corrupt("field manifest_path is missing");
  avro::WantedFields wanted;
  wanted.fields.resize(static_cast<size_t>(position) + 1);
  wanted.fields.back().place = 0;
  return wanted;
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
  OCTO_ASSIGN(manifest.partition_spec_id, Int(At(*record, row_[kSpecId]), "partition_spec_id"));
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
    const WantedField& wanted = kRowFields[kAddedFiles + i];
    const Value* count = At(*record, row_[kAddedFiles + i]);
    *files[i] = -1;
    if (count != nullptr) {
      OCTO_ASSIGN(*files[i], Int(count, wanted.name));
    }
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
