#include "lake/position.h"

#include <charconv>

#include "iceberg/update.h"

namespace octolake::lake {
namespace {

std::optional<int64_t> ParseSnapshotId(const std::string& text) {
  int64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || stop != end) return std::nullopt;
  return id;
}

}  // namespace

std::string PositionTag(const iceberg::TableIdentifier& source) {
  return "octolake." + source.ToString();
}

std::string PositionProperty(const iceberg::TableIdentifier& source) {
  return "octolake.position." + source.ToString();
}

std::string ConsumedTag(const iceberg::TableIdentifier& target) {
  return "octolake.consumed." + target.ToString();
}

Result<SourcePosition> ReadPosition(const iceberg::Table& target,
                                    const iceberg::TableIdentifier& source) {
  const std::string tag = PositionTag(source);
  const iceberg::Snapshot* snapshot = target.metadata->FindRef(tag);
  if (snapshot == nullptr) return SourcePosition{};
  const std::string property = PositionProperty(source);
  const auto found = snapshot->summary.find(property);
  const std::optional<int64_t> consumed =
      found == snapshot->summary.end() ? std::nullopt : ParseSnapshotId(found->second);
  if (!consumed) {
    return MakeError(ErrorKind::kCorruption,
                     "table " + target.identifier.ToString() + ": tag " + tag + " is at snapshot " +
                         std::to_string(snapshot->snapshot_id) +
                         ", whose summary should hold a snapshot id as " + property + " but has " +
                         (found == snapshot->summary.end() ? "none" : "'" + found->second + "'") +
                         "; the tag was moved by somebody else: put it back, or remove it to read "
                         "the source as a whole");
  }
  return SourcePosition{snapshot->snapshot_id, consumed};
}

Status TagConsumed(Warehouse& warehouse, const iceberg::TableIdentifier& source,
                   const iceberg::TableIdentifier& target, int64_t snapshot_id) {
  const std::string tag = ConsumedTag(target);
  OCTO_ASSIGN(const iceberg::Table table, iceberg::LoadTableAgain(warehouse.catalog(), source));
  const iceberg::Snapshot* tagged = table.metadata->FindRef(tag);
  if (tagged != nullptr && tagged->snapshot_id == snapshot_id) return {};
  if (table.metadata->FindSnapshot(snapshot_id) == nullptr) return {};
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(source, iceberg::SetTag(tag, snapshot_id));
  auto committed = transaction.Commit();
  if (committed) return {};
  const auto now = warehouse.catalog().LoadTable(source);
  if (now && now->metadata->FindSnapshot(snapshot_id) == nullptr) return {};
  return WithContext(std::move(committed).error(),
                     "tag " + tag + " could not be set on " + source.ToString());
}

}  // namespace octolake::lake
