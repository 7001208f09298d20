#include "lake/feed_committer.h"

#include <utility>

#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "lake/received_commit.h"

namespace octolake::lake {
namespace {

constexpr const char kSource[] = "events_api";

std::string NameOf(const std::string& feed) { return "octolake.feed." + feed; }

}  // namespace

Result<FeedPosition> ReadFeedPosition(Warehouse& warehouse, const std::string& feed) {
  const iceberg::TableIdentifier name = BronzeEvents(warehouse.namespaces());
  auto bronze = warehouse.catalog().LoadTable(name);
  if (!bronze && bronze.error().kind == ErrorKind::kNotFound) {
    OCTO_TRY(CreateTables(warehouse));  // its warnings were given at the start
    bronze = iceberg::LoadTableAgain(warehouse.catalog(), name);
  }
  if (!bronze) return tl::unexpected(std::move(bronze).error());
  FeedPosition position;
  const iceberg::Snapshot* tagged = bronze->metadata->FindRef(NameOf(feed));
  if (tagged != nullptr) position.tagged_snapshot = tagged->snapshot_id;
  const auto state = bronze->metadata->properties.find(NameOf(feed));
  if (state != bronze->metadata->properties.end()) position.state = state->second;
  return position;
}

Result<FeedCommitReport> CommitFeed(Warehouse& warehouse, const std::string& feed,
                                    const std::vector<std::string>& events,
                                    const std::string& state, const FeedCommitOptions& options,
                                    FeedPosition* position) {
  OCTO_ASSIGN(const auto commit, ReceivedCommit::Begin(warehouse, options.writer, "feed " + feed));
  UuidV7Generator trace_ids(warehouse.clock(), warehouse.random());
  const event::Headers no_headers;
  const TimestampMicros now = warehouse.clock().Now();
  int64_t ordinal = 0;
  for (const std::string& text : events) {
    OCTO_TRY(commit->Add({kSource, trace_ids.Next(), now, "", no_headers, text, ordinal++}));
  }
  const ReceivedPosition moved{
      {{NameOf(feed), position->tagged_snapshot}}, {}, {{NameOf(feed), state}}};
  OCTO_ASSIGN(ReceivedReport committed, commit->Commit(moved, options.retention));
  *position = {committed.snapshot_id, state};
  return FeedCommitReport{commit->events(), commit->rejected(), std::move(committed.warnings)};
}

}  // namespace octolake::lake
