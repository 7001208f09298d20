#include "iceberg/named_files.h"

#include <utility>
#include <vector>

#include "iceberg/manifest_io.h"

namespace octolake::iceberg {
namespace {

class Search {
 public:
  explicit Search(std::set<std::string> candidates) : left_(std::move(candidates)) {}

  void Name(const std::string& location) {
    if (auto found = left_.extract(location)) named_.insert(std::move(found));
  }
  // The text is JSON with locations in it, of a structure that does not matter here.
  void NameAllIn(const std::string& text) {
    const std::set<std::string> candidates = left_;
    for (const std::string& candidate : candidates) {
      if (text.find(candidate) != std::string::npos) Name(candidate);
    }
  }
  Status NameSnapshot(io::FileSystem& fs, const TableMetadata& metadata, const Snapshot& snapshot);
  bool done() const { return left_.empty(); }
  std::set<std::string> TakeNamed() { return std::move(named_); }

 private:
  std::set<std::string> left_;
  std::set<std::string> named_;
  std::set<std::string> manifests_read_;
};

Status Search::NameSnapshot(io::FileSystem& fs, const TableMetadata& metadata,
                            const Snapshot& snapshot) {
  Name(snapshot.manifest_list);
  if (done()) return {};
  OCTO_ASSIGN(const auto manifests, ReadManifestList(fs, snapshot.manifest_list));
  for (const ManifestFile& manifest : manifests) {
    Name(manifest.manifest_path);
    if (done()) return {};
    if (!manifests_read_.insert(manifest.manifest_path).second) continue;
    OCTO_ASSIGN(const auto entries, ReadManifest(fs, manifest, metadata));
    for (const ManifestEntry& entry : entries) Name(entry.data_file.file_path);
  }
  return {};
}

}  // namespace

Result<std::set<std::string>> NamedFiles(io::FileSystem& fs, const Table& table,
                                         std::set<std::string> candidates) {
  const TableMetadata& metadata = *table.metadata;
  Search search(std::move(candidates));
  search.Name(table.metadata_location);
  for (const MetadataLogEntry& entry : metadata.metadata_log) search.Name(entry.metadata_file);
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

}  // namespace octolake::iceberg
