#include "iceberg/named_files.h"

#include <utility>
#include <vector>

#include "iceberg/manifest_io.h"

namespace octolake::iceberg {
namespace {

class Search {
 public:
  Search(std::set<std::string> candidates, const CanonicalLocation& canonical)
      : left_(std::move(candidates)), canonical_(canonical) {}

  Status Name(const std::string& location) {
    OCTO_ASSIGN(const std::string name, canonical_(location));
    if (auto found = left_.extract(name)) named_.insert(std::move(found));
    return {};
  }
  // The text is JSON with locations in it, of a structure that does not matter here.
  void NameAllIn(const std::string& text) {
    if (text == "[]") return;
    for (auto at = left_.begin(); at != left_.end();) {
      const auto candidate = at++;
      const std::string name = candidate->substr(candidate->rfind('/') + 1);
      if (text.find(name) != std::string::npos) named_.insert(left_.extract(candidate));
    }
  }
  Status NameSnapshot(io::FileSystem& fs, const TableMetadata& metadata, const Snapshot& snapshot);
  bool done() const { return left_.empty(); }
  std::set<std::string> TakeNamed() { return std::move(named_); }

 private:
  std::set<std::string> left_;
  const CanonicalLocation& canonical_;
  std::set<std::string> named_;
  std::set<std::string> manifests_read_;
};

Status Search::NameSnapshot(io::FileSystem& fs, const TableMetadata& metadata,
                            const Snapshot& snapshot) {
  OCTO_TRY(Name(snapshot.manifest_list));
  if (done()) return {};
  OCTO_ASSIGN(const auto manifests, ReadManifestList(fs, snapshot.manifest_list));
  for (const ManifestFile& manifest : manifests) {
    OCTO_TRY(Name(manifest.manifest_path));
    if (done()) return {};
    if (!manifests_read_.insert(manifest.manifest_path).second) continue;
    OCTO_ASSIGN(const auto entries, ReadManifest(fs, manifest, metadata));
    // What an entry says was deleted is no file of the snapshot.
    for (const ManifestEntry& entry : entries) {
      if (entry.status != EntryStatus::kDeleted) OCTO_TRY(Name(entry.data_file.file_path));
    }
  }
  return {};
}

}  // namespace

Result<std::set<std::string>> NamedFiles(io::FileSystem& fs, const Table& table,
                                         std::set<std::string> candidates,
                                         const CanonicalLocation& canonical) {
  const TableMetadata& metadata = *table.metadata;
  Search search(std::move(candidates), canonical);
  OCTO_TRY(search.Name(table.metadata_location));
  for (const MetadataLogEntry& entry : metadata.metadata_log) {
    OCTO_TRY(search.Name(entry.metadata_file));
  }
  search.NameAllIn(metadata.statistics_json);
  search.NameAllIn(metadata.partition_statistics_json);
  // The newest first: what is looked for was written lately.
  for (auto it = metadata.snapshots.rbegin(); it != metadata.snapshots.rend(); ++it) {
    if (search.done()) break;
    Status searched = search.NameSnapshot(fs, metadata, *it);
    if (!searched) {
      return WithContext(
          std::move(searched).error(),
          "table " + table.identifier.ToString() + ", snapshot " + std::to_string(it->snapshot_id));
    }
  }
  return search.TakeNamed();
}

Result<std::set<std::string>> NamedFiles(io::FileSystem& fs, const Table& table,
                                         std::set<std::string> candidates) {
  const CanonicalLocation same = [](const std::string& location) -> Result<std::string> {
    return location;
  };
  return NamedFiles(fs, table, std::move(candidates), same);
}

}  // namespace octolake::iceberg
