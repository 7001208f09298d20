#include "iceberg/metadata_file.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/string_util.h"
#include "base/uuid.h"
#include "iceberg/seal.h"
#include "io/byte_source.h"

namespace octolake::iceberg {
namespace {

// Far above what thousands of snapshots take; a larger file is a mistake or an attack on memory.
constexpr int64_t kMaxMetadataBytes = 256LL << 20;
constexpr int64_t kReadBytes = 64 << 10;
constexpr int32_t kDefaultPreviousVersions = 100;  // the reference implementation's
constexpr std::string_view kGzipMagic = "\x1f\x8b";

Result<std::string> Gunzip(std::string bytes, const std::string& location) {
  const auto source = io::MakeDecompressedSource(io::MakeMemorySource(std::move(bytes)), location);
  std::string text;
  std::vector<char> buffer(kReadBytes);
  while (true) {
    OCTO_ASSIGN(const int64_t count, source->Read(buffer.data(), kReadBytes));
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
    if (static_cast<int64_t>(text.size()) > kMaxMetadataBytes) {
      return MakeError(ErrorKind::kResourceExhausted, location + ": has more than " +
                                                          std::to_string(kMaxMetadataBytes) +
                                                          " bytes when decompressed");
    }
  }
}

Result<size_t> PreviousVersions(const TableMetadata& metadata) {
  const std::string key = "write.metadata.previous-versions-max";
  const auto property = metadata.properties.find(key);
  if (property == metadata.properties.end()) return size_t{kDefaultPreviousVersions};
  const std::optional<int32_t> count = ParseNumber<int32_t>(property->second);
  if (count) return static_cast<size_t>(std::max(*count, 1));
  return MakeError(
      ErrorKind::kInvalidArgument,
      "table property " + key + ": expected a number, found '" + property->second + "'");
}

}  // namespace

std::string MetadataDirectory(const TableMetadata& metadata) {
  const auto path = metadata.properties.find("write.metadata.path");
  std::string directory =
      path != metadata.properties.end() ? path->second : metadata.location + "/metadata";
  while (directory.ends_with('/')) directory.pop_back();
  return directory;
}

int64_t MetadataVersion(const std::string& location) {
  const std::string_view name = std::string_view(location).substr(location.rfind('/') + 1);
  // "00003-<uuid>.metadata.json", or "v3.metadata.json" of catalogs that are directories.
  const bool has_letter = name.starts_with('v');
  const size_t begin = has_letter ? 1 : 0;
  const std::string_view digits = name.substr(begin, name.find_first_of("-.", begin) - begin);
  const int32_t version = ParseNumber<int32_t>(digits).value_or(-1);
  return version >= 0 && digits.size() < name.size() ? version : -1;
}

bool DeletesOldMetadata(const TableMetadata& metadata) {
  const auto property = metadata.properties.find("write.metadata.delete-after-commit.enabled");
  return property != metadata.properties.end() && property->second == "true";
}

std::string NextMetadataLocation(const TableMetadata& metadata, const std::string& base_location,
                                 RandomSource& random) {
  char number[32];
  std::snprintf(number, sizeof(number), "%05lld",
                static_cast<long long>(MetadataVersion(base_location) + 1));
  return MetadataDirectory(metadata) + "/" + number + "-" + Uuid::RandomV4(random).ToString() +
         ".metadata.json";
}

Status WriteMetadataFile(io::FileSystem& fs, const std::string& location,
                         const TableMetadata& metadata) {
  return io::WriteAll(fs, location, SealJson(location, TableMetadataToJson(metadata)));
}

Result<TableMetadata> ReadMetadataFile(io::FileSystem& fs, const std::string& location) {
  OCTO_ASSIGN(std::string text, io::ReadAll(fs, location, kMaxMetadataBytes));
  if (text.starts_with(kGzipMagic)) {
    OCTO_ASSIGN(text, Gunzip(std::move(text), location));
  }
  if (Status sealed = CheckJsonSeal(location, text); !sealed) {
    return WithContext(std::move(sealed).error(), "table metadata");
  }
  return ParseTableMetadata(text, location);
}

Result<std::vector<std::string>> ExtendMetadataLog(TableMetadata& metadata,
                                                   const MetadataLogEntry& base) {
  OCTO_ASSIGN(const size_t limit, PreviousVersions(metadata));
  MetadataLogEntry entry = base;
  // Another engine may have dated its metadata by a snapshot it made earlier; a log is read in
  // order.
  if (!metadata.metadata_log.empty()) {
    entry.timestamp_ms = std::max(entry.timestamp_ms, metadata.metadata_log.back().timestamp_ms);
  }
  metadata.metadata_log.push_back(std::move(entry));
  std::vector<std::string> removed;
  while (metadata.metadata_log.size() > limit) {
    removed.push_back(std::move(metadata.metadata_log.front().metadata_file));
    metadata.metadata_log.erase(metadata.metadata_log.begin());
  }
  return removed;
}

}  // namespace octolake::iceberg
