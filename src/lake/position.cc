#include "lake/position.h"

#include "base/string_util.h"
#include "iceberg/update.h"

namespace octolake::lake {
namespace {

constexpr const char kTagPrefix[] = "octolake.";
constexpr const char kPropertyPrefix[] = "octolake.position.";

constexpr const char kStreamIdPrefix[] = "octolake.stream-id.";

std::string NameOf(const StreamPartition& partition) {
  return partition.stream + "." + std::to_string(partition.partition);
}
std::string NameOf(const Uuid& journal) { return "journal." + journal.ToString(); }

template <typename Number>
struct Tagged {
  std::optional<int64_t> snapshot;
  std::optional<Number> number;
};

// `what` says what the number is, `undo` what removing the tag does.
template <typename Number>
Result<Tagged<Number>> ReadTagged(const iceberg::Table& target, const std::string& source,
                                  const char* what, const char* undo) {
  const std::string tag = kTagPrefix + source;
  const iceberg::Snapshot* snapshot = target.metadata->FindRef(tag);
  if (snapshot == nullptr) return Tagged<Number>{};
  const std::string property = kPropertyPrefix + source;
  const auto found = snapshot->summary.find(property);
  const std::optional<Number> number =
      found == snapshot->summary.end() ? std::nullopt : ParseNumber<Number>(found->second);
  if (number) return Tagged<Number>{snapshot->snapshot_id, number};
  return MakeError(ErrorKind::kCorruption,
                   "table " + target.identifier.ToString() + ": tag " + tag + " is at snapshot " +
                       std::to_string(snapshot->snapshot_id) + ", whose summary should hold " +
                       what + " as " + property + " but has " +
                       (found == snapshot->summary.end() ? "none" : "'" + found->second + "'") +
                       "; the tag was moved by somebody else: put it back, or remove it to " +
                       undo);
}

}  // namespace

std::string PositionTag(const iceberg::TableIdentifier& source) {
  return kTagPrefix + source.ToString();
}

std::string PositionProperty(const iceberg::TableIdentifier& source) {
  return kPropertyPrefix + source.ToString();
}

std::string ConsumedTag(const iceberg::TableIdentifier& target) {
  return "octolake.consumed." + target.ToString();
}

Result<SourcePosition> ReadPosition(const iceberg::Table& target,
                                    const iceberg::TableIdentifier& source) {
  OCTO_ASSIGN(const auto tagged, ReadTagged<int64_t>(target, source.ToString(), "a snapshot id",
                                                     "read the source as a whole"));
  return SourcePosition{tagged.snapshot, tagged.number};
}

std::string JournalTagName(const Uuid& journal) { return kTagPrefix + NameOf(journal); }

std::string JournalProperty(const Uuid& journal) { return kPropertyPrefix + NameOf(journal); }

Result<JournalTag> ReadJournalTag(const iceberg::Table& bronze, const Uuid& journal) {
  OCTO_ASSIGN(const auto tagged,
              ReadTagged<uint64_t>(bronze, NameOf(journal), "a record's sequence",
                                   "take the whole journal again, and all of it twice"));
  return JournalTag{tagged.snapshot, tagged.number.value_or(0)};
}

std::string StreamTagName(const StreamPartition& partition) {
  return kTagPrefix + NameOf(partition);
}

iceberg::Properties StreamProperties(const StreamPartition& partition, int64_t next_offset,
                                     const std::string& stream_id) {
  return {{kPropertyPrefix + NameOf(partition), std::to_string(next_offset)},
          {kStreamIdPrefix + partition.stream, stream_id}};
}

Result<StreamTag> ReadStreamTag(const iceberg::Table& bronze, const StreamPartition& partition) {
  OCTO_ASSIGN(const auto tagged,
              ReadTagged<int64_t>(bronze, NameOf(partition), "the next record's offset",
                                  "take the whole partition again, and all of it twice"));
  StreamTag tag{tagged.snapshot, tagged.number.value_or(0), {}};
  if (!tag.tagged_snapshot) return tag;
  const iceberg::Properties& summary = bronze.metadata->FindRef(StreamTagName(partition))->summary;
  const auto id = summary.find(kStreamIdPrefix + partition.stream);
  if (id != summary.end()) tag.stream_id = id->second;
  return tag;
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
