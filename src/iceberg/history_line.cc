#include "iceberg/history_line.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/string_util.h"

namespace octolake::iceberg {
namespace {

// "A B C": the line to whatever A has led to went through B and C before.
constexpr char kLineProperty[] = "octolake.line";

// Whether the line to the current snapshot is noted to have gone through this one.
bool WentThrough(const TableMetadata& metadata, int64_t snapshot_id) {
  const auto found = metadata.properties.find(kLineProperty);
  if (found == metadata.properties.end()) return false;
  const std::vector<std::string> words = SplitList(found->second, ' ');
  if (words.empty()) return false;
  const auto later = ParseNumber<int64_t>(words.front());
  return later && IsAncestorOf(metadata, *later, *metadata.current_snapshot_id) &&
         std::find(words.begin() + 1, words.end(), std::to_string(snapshot_id)) != words.end();
}

}  // namespace

Descent CurrentCameFrom(const TableMetadata& metadata, int64_t snapshot_id) {
  if (!metadata.current_snapshot_id) return Descent::kNo;
  if (IsAncestorOf(metadata, snapshot_id, *metadata.current_snapshot_id) ||
      WentThrough(metadata, snapshot_id)) {
    return Descent::kYes;
  }
  const auto known = AncestorsOf(metadata, *metadata.current_snapshot_id);
  const Snapshot* candidate = metadata.FindSnapshot(snapshot_id);
  if (candidate == nullptr || known.empty()) return Descent::kNo;
  const Snapshot& oldest = *known.back();
  const bool older =
      oldest.parent_snapshot_id && candidate->sequence_number < oldest.sequence_number;
  return older ? Descent::kUnknown : Descent::kNo;
}

void NoteLine(TableMetadata& metadata, std::set<int64_t> ancestors) {
  metadata.properties.erase(kLineProperty);
  if (!metadata.current_snapshot_id) return;
  const auto known = AncestorsOf(metadata, *metadata.current_snapshot_id);
  for (const Snapshot* snapshot : known) ancestors.erase(snapshot->snapshot_id);
  if (ancestors.empty() || known.empty()) return;
  std::string line = std::to_string(known.back()->snapshot_id);
  for (const int64_t ancestor : ancestors) line += " " + std::to_string(ancestor);
  metadata.properties[kLineProperty] = std::move(line);
}

}  // namespace octolake::iceberg
