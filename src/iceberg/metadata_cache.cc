#include "iceberg/metadata_cache.h"

namespace octolake::iceberg {
namespace {

// A warehouse of ours has some ten tables; metadata of 500 snapshots takes about a megabyte.
constexpr size_t kMaxTables = 32;

}  // namespace

std::shared_ptr<const TableMetadata> MetadataCache::Find(io::FileSystem& fs,
                                                         const TableIdentifier& table,
                                                         const std::string& location) {
  Entry entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(table);
    if (found == entries_.end() || found->second.location != location) return nullptr;
    entry = found->second;
  }
  const auto now = fs.Stat(location);
  const bool same = now && now->size == entry.size && now->modified_micros == entry.modified_micros;
  return same ? entry.metadata : nullptr;
}

void MetadataCache::Put(io::FileSystem& fs, const Table& table) {
  const auto info = fs.Stat(table.metadata_location);
  const std::lock_guard lock(mutex_);
  entries_.erase(table.identifier);
  if (!info) return;
  if (entries_.size() >= kMaxTables) entries_.erase(entries_.begin());
  entries_[table.identifier] = {.location = table.metadata_location,
                                .size = info->size,
                                .modified_micros = info->modified_micros,
                                .metadata = table.metadata};
}

}  // namespace octolake::iceberg
