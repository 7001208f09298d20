#include "contents.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>

#include "datafile/file_reader.h"
#include "iceberg/delete_files.h"
#include "iceberg/manifest_io.h"
#include "store.h"

namespace octolake::simulation {
namespace {

iceberg::Schema IdColumn(const iceberg::TableMetadata& metadata) {
  iceberg::Schema schema;
  schema.fields.push_back(*metadata.CurrentSchema().FindByName("id"));
  return schema;
}

iceberg::Schema PositionColumns() {
  iceberg::Schema schema;
  schema.fields.push_back(
      {iceberg::kDeleteFilePathId, "file_path", iceberg::StringType(), true, ""});
  schema.fields.push_back({iceberg::kDeletePosId, "pos", iceberg::LongType(), true, ""});
  return schema;
}

bool IsLive(const iceberg::ManifestEntry& entry) {
  return entry.status != iceberg::EntryStatus::kDeleted;
}

// A data or delete file with what tells which deletes apply.
struct LiveFile {
  const iceberg::DataFile* file = nullptr;
  int64_t sequence_number = 0;
};

bool Applies(const LiveFile& deletes, const LiveFile& data) {
  return deletes.sequence_number >= data.sequence_number &&
         deletes.file->spec_id == data.file->spec_id &&
         deletes.file->partition == data.file->partition;
}

}  // namespace

std::vector<int64_t> IdsOfColumn(const arrow::Array& column) {
  std::vector<int64_t> ids;
  for (int64_t row = 0; row < column.length(); ++row) {
    if (column.type_id() == arrow::Type::INT64) {
      ids.push_back(static_cast<const arrow::Int64Array&>(column).Value(row));
    } else {
      ids.push_back(std::stoll(static_cast<const arrow::StringArray&>(column).GetString(row)));
    }
  }
  return ids;
}

Result<ContentsReader::Entries> ContentsReader::ReadEntries(const iceberg::TableMetadata& metadata,
                                                            const iceberg::ManifestFile& manifest) {
  Entries& known = entries_[{manifest.manifest_path, manifest.sequence_number}];
  if (known == nullptr) {
    OCTO_ASSIGN(auto entries, iceberg::ReadManifest(fs_, manifest, metadata));
    known = std::make_shared<const std::vector<iceberg::ManifestEntry>>(std::move(entries));
  }
  return known;
}

Result<ContentsReader::Ids> ContentsReader::ReadIds(const iceberg::TableMetadata& metadata,
                                                    const iceberg::DataFile& file) {
  Ids& known = ids_[file.file_path];
  if (known == nullptr) {
    std::vector<int64_t> ids;
    OCTO_ASSIGN(auto reader, datafile::OpenDataFile(fs_, file, IdColumn(metadata)));
    while (true) {
      OCTO_ASSIGN(const auto batch, reader->Next());
      if (batch == nullptr) break;
      const auto more = IdsOfColumn(*batch->column(0));
      ids.insert(ids.end(), more.begin(), more.end());
    }
    known = std::make_shared<const std::vector<int64_t>>(std::move(ids));
  }
  return known;
}

Result<std::shared_ptr<const ContentsReader::Positions>> ContentsReader::ReadPositions(
    const iceberg::DataFile& file) {
  auto& known = positions_[file.file_path];
  if (known == nullptr) {
    Positions positions;
    OCTO_ASSIGN(auto reader, datafile::OpenDataFile(fs_, file, PositionColumns()));
    while (true) {
      OCTO_ASSIGN(const auto batch, reader->Next());
      if (batch == nullptr) break;
      const auto& paths = static_cast<const arrow::StringArray&>(*batch->column(0));
      const auto& rows = static_cast<const arrow::Int64Array&>(*batch->column(1));
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        positions[paths.GetString(i)].insert(rows.Value(i));
      }
    }
    known = std::make_shared<const Positions>(std::move(positions));
  }
  return known;
}

Result<Contents> ContentsReader::Read(const iceberg::TableMetadata& metadata,
                                      const iceberg::Snapshot& snapshot) {
  Contents contents;
  contents.files.push_back(PathOf(snapshot.manifest_list));
  OCTO_ASSIGN(const auto manifests, iceberg::ReadManifestList(fs_, snapshot.manifest_list));
  std::vector<LiveFile> data;
  std::vector<LiveFile> deletes;
  std::vector<Entries> held;
  for (const iceberg::ManifestFile& manifest : manifests) {
    contents.files.push_back(PathOf(manifest.manifest_path));
    OCTO_ASSIGN(held.emplace_back(), ReadEntries(metadata, manifest));
    const bool is_data = manifest.content == iceberg::ManifestContent::kData;
    for (const iceberg::ManifestEntry& entry : *held.back()) {
      if (!IsLive(entry)) continue;
      contents.files.push_back(PathOf(entry.data_file.file_path));
      (is_data ? data : deletes).push_back({&entry.data_file, *entry.sequence_number});
    }
  }
  for (const LiveFile& one : data) {
    contents.records += one.file->record_count;
    OCTO_ASSIGN(const Ids ids, ReadIds(metadata, *one.file));
    std::set<int64_t> gone;
    for (const LiveFile& of : deletes) {
      if (!Applies(of, one)) continue;
      OCTO_ASSIGN(const auto positions, ReadPositions(*of.file));
      const auto rows = positions->find(one.file->file_path);
      if (rows != positions->end()) gone.insert(rows->second.begin(), rows->second.end());
    }
    for (size_t row = 0; row < ids->size(); ++row) {
      if (!gone.contains(static_cast<int64_t>(row))) contents.ids.push_back((*ids)[row]);
    }
  }
  contents.data_files = std::ssize(data);
  contents.delete_files = std::ssize(deletes);
  std::sort(contents.ids.begin(), contents.ids.end());
  return contents;
}

}  // namespace octolake::simulation
