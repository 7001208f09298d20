#include "iceberg/transaction.h"

#include <algorithm>
#include <utility>

#include "iceberg/expired_files.h"
#include "iceberg/snapshot_producer.h"

namespace octolake::iceberg {
namespace {

// Looks at what expired snapshots share with remaining ones while others expire those.
constexpr int kMaxLooks = 10;

// Whether a snapshot that is not there was there before: no other has its sequence number, though
// higher ones were given.
bool MayHaveExpired(int64_t sequence_number, const TableMetadata& loaded) {
  return loaded.last_sequence_number >= sequence_number &&
         std::none_of(loaded.snapshots.begin(), loaded.snapshots.end(),
                      [&](const Snapshot& one) { return one.sequence_number == sequence_number; });
}

// Whether `loaded` is no older state of the table, as a cache may give, nor another table of its
// name: neither names the files of newer snapshots. Sequence numbers only grow.
bool IsLater(const TableMetadata& loaded, const TableMetadata& before) {
  return loaded.table_uuid == before.table_uuid &&
         loaded.last_sequence_number >= before.last_sequence_number;
}

}  // namespace

Transaction::Transaction(Catalog& catalog, const UpdateContext& context, TransactionOptions options)
    : catalog_(catalog),
      context_(context),
      options_(options),
      backoff_(context.random, options.backoff) {}

void Transaction::Add(const TableIdentifier& table, std::unique_ptr<TableUpdate> update) {
  auto part = std::find_if(parts_.begin(), parts_.end(),
                           [&](const Part& candidate) { return candidate.identifier == table; });
  if (part == parts_.end())
    part = parts_.insert(parts_.end(), Part{.identifier = table, .updates = {}});
  part->updates.push_back(std::move(update));
}

Result<std::vector<Table>> Transaction::Commit() {
  if (parts_.empty()) return std::vector<Table>();
  while (true) {
    auto committed = Attempt();
    if (!committed) return tl::unexpected<Error>(Fail(std::move(committed).error()));
    if (*committed) return Finish(**std::move(committed));
    if (!backoff_.Wait()) break;
  }
  if (doubt_) {
    // The last race may have been lost to this transaction itself, or it shows who won.
    auto tables = Load();
    const Outcome outcome = tables ? Resolve(*tables) : Outcome::kOpen;
    if (outcome == Outcome::kCommitted) return Finish(*std::move(tables));
    if (outcome == Outcome::kLost) doubt_.reset();
  }
  return tl::unexpected<Error>(Fail(
      {ErrorKind::kCommitConflict, "table " + parts_.front().identifier.ToString() +
                                       ": the commit lost " + std::to_string(backoff_.attempts()) +
                                       " races against other committers; try again later"}));
}

std::optional<int64_t> Transaction::NewSnapshotId(const TableIdentifier& table) const {
  std::optional<int64_t> id;
  for (const Part& part : parts_) {
    if (part.identifier != table) continue;
    for (const auto& update : part.updates) {
      if (const auto made = update->NewSnapshotId()) id = made;
    }
  }
  return id;
}

Result<std::optional<std::vector<Table>>> Transaction::Attempt() {
  auto tables = Load();
  if (!tables) {
    return AfterTransient(std::move(tables).error());
  }
  if (doubt_) {
    const Outcome outcome = Resolve(*tables);
    if (outcome == Outcome::kCommitted) return *std::move(tables);
    if (outcome == Outcome::kUntold) return Untold();
    if (outcome == Outcome::kLost) doubt_.reset();
  }
  auto changes = Apply(*tables);
  if (!changes) {
    // A file that is gone was perhaps expired by who committed in the meantime; a manifest that the
    // table as it was loaded names then looks like damage.
    const ErrorKind kind = changes.error().kind;
    const bool is_missing = kind == ErrorKind::kNotFound || kind == ErrorKind::kCorruption;
    if (is_missing && HaveMoved(*tables)) return std::nullopt;
    return tl::unexpected<Error>(std::move(changes).error());
  }
  Doubt attempt{.base = *tables, .applied = {}};
  for (const TableChange& change : *changes) attempt.applied.push_back(change.metadata);
  auto committed = catalog_.CommitTables(*std::move(changes));
  if (committed) {
    doubt_.reset();
    base_ = *std::move(tables);
    return *std::move(committed);
  }
  switch (committed.error().kind) {
    case ErrorKind::kCommitStateUnknown:
      doubt_ = std::move(attempt);
      return LookUp(committed.error());
    case ErrorKind::kCommitConflict:
      transient_attempts_ = 0;
      return std::nullopt;
    default:
      return AfterTransient(std::move(committed).error());
  }
}

Result<std::optional<std::vector<Table>>> Transaction::AfterTransient(Error error) {
  const bool again = error.kind == ErrorKind::kTransient &&
                     ++transient_attempts_ < options_.max_transient_attempts;
  if (again) return std::nullopt;
  return tl::unexpected<Error>(std::move(error));
}

Result<std::vector<Table>> Transaction::Load() {
  std::vector<Table> tables;
  for (const Part& part : parts_) {
    OCTO_ASSIGN(Table table, LoadTableAgain(catalog_, part.identifier));
    tables.push_back(std::move(table));
  }
  return tables;
}

bool Transaction::HaveMoved(const std::vector<Table>& tables) {
  const auto now = Load();
  return now && !std::equal(tables.begin(), tables.end(), now->begin(),
                            [](const Table& a, const Table& b) {
                              return a.metadata_location == b.metadata_location;
                            });
}

Result<std::vector<TableChange>> Transaction::Apply(const std::vector<Table>& tables) {
  std::vector<TableChange> changes;
  for (size_t i = 0; i < parts_.size(); ++i) {
    TableMetadata metadata = *tables[i].metadata;
    for (const auto& update : parts_[i].updates) {
      auto applied = update->Apply(context_, metadata);
      if (!applied) {
        return WithContext(std::move(applied).error(), parts_[i].identifier.ToString());
      }
    }
    metadata.last_updated_ms = ChangeTimeMs(context_.clock, metadata);
    changes.push_back(
        {.identifier = parts_[i].identifier, .base = tables[i], .metadata = std::move(metadata)});
  }
  return changes;
}

Result<std::optional<std::vector<Table>>> Transaction::LookUp(const Error& unknown) {
  while (true) {
    auto tables = Load();
    if (tables) {
      const Outcome outcome = Resolve(*tables);
      if (outcome == Outcome::kCommitted) return *std::move(tables);
      if (outcome == Outcome::kUntold) return Untold();
      // Still open: the next attempt starts from the same state, and only one of the two can win.
      if (outcome == Outcome::kLost) doubt_.reset();
      return std::nullopt;
    }
    if (!backoff_.Wait()) {
      return MakeError(ErrorKind::kCommitStateUnknown,
                       unknown.message + "; looking it up failed too: " + tables.error().message);
    }
  }
}

Transaction::Outcome Transaction::Resolve(const std::vector<Table>& tables) const {
  bool makes_snapshot = false;
  bool moved = false;
  bool same_state = true;
  bool untold = false;
  for (size_t i = 0; i < tables.size(); ++i) {
    const TableMetadata& loaded = *tables[i].metadata;
    moved = moved || tables[i].metadata_location != doubt_->base[i].metadata_location;
    same_state = same_state && SameState(doubt_->applied[i], loaded);
    // Tables are committed all or none, so that one new snapshot tells of all.
    for (const auto& update : parts_[i].updates) {
      const auto snapshot_id = update->NewSnapshotId();
      if (!snapshot_id) continue;
      makes_snapshot = true;
      if (loaded.FindSnapshot(*snapshot_id) != nullptr) return Outcome::kCommitted;
      untold = untold || MayHaveExpired(doubt_->applied[i].last_sequence_number, loaded);
    }
  }
  if (!moved) return Outcome::kOpen;
  if (untold) return Outcome::kUntold;
  if (makes_snapshot) return Outcome::kLost;
  // Tags and properties leave no trace of who set them: setting them again does no harm, but an
  // assertion that fails now may fail because of this very transaction.
  return same_state ? Outcome::kCommitted : Outcome::kOpen;
}

tl::unexpected<Error> Transaction::Untold() const {
  return MakeError(ErrorKind::kCommitStateUnknown,
                   "table " + parts_.front().identifier.ToString() +
                       ": the reply to the commit was lost, and others have committed since and "
                       "expired the snapshots that would tell whether it took effect");
}

bool Transaction::SameState(const TableMetadata& a, const TableMetadata& b) {
  return a.current_snapshot_id == b.current_snapshot_id && a.CurrentSchema() == b.CurrentSchema() &&
         a.properties == b.properties &&
         std::equal(a.refs.begin(), a.refs.end(), b.refs.begin(), b.refs.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && x.second.snapshot_id == y.second.snapshot_id;
                    });
}

Error Transaction::Fail(Error error) {
  if (doubt_ && error.kind != ErrorKind::kCommitStateUnknown) {
    error = {ErrorKind::kCommitStateUnknown,
             "the reply to an earlier attempt was lost and it may still take effect; the attempt "
             "after it failed: " +
                 error.message};
  }
  if (error.kind != ErrorKind::kCommitStateUnknown) RemoveUnused(nullptr);
  return error;
}

std::vector<Table> Transaction::Finish(std::vector<Table> committed) {
  RemoveUnused(&committed);
  RemoveExpired(committed);
  return committed;
}

void Transaction::RemoveExpired(const std::vector<Table>& committed) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    const TableMetadata& base = *(doubt_ ? doubt_->base : base_)[i].metadata;
    // A table that was loaded to resolve a doubt may lack what others have expired since.
    const TableMetadata& made = doubt_ ? doubt_->applied[i] : *committed[i].metadata;
    if (!LosesSnapshots(base, made)) continue;
    auto removed = RemoveExpired(base, made, committed[i]);
    if (removed) continue;
    Error error = std::move(removed).error();
    error.message = "table " + parts_[i].identifier.ToString() +
                    ": files of expired snapshots were left behind: " + error.message;
    left_behind_.push_back(std::move(error));
  }
}

Status Transaction::RemoveExpired(const TableMetadata& base, const TableMetadata& made,
                                  const Table& committed) {
  std::shared_ptr<const TableMetadata> current = committed.metadata;
  for (int looks = 1;; ++looks) {
    const auto removed = RemoveExpiredFiles(context_.file_system, base, made, *current);
    if (removed) return {};
    const auto table = catalog_.LoadTable(committed.identifier);
    const bool others_expired =
        table && IsLater(*table->metadata, *current) && LosesSnapshots(*current, *table->metadata);
    if (!others_expired || looks == kMaxLooks) return tl::unexpected(removed.error());
    current = table->metadata;
  }
}

void Transaction::RemoveUnused(const std::vector<Table>* committed) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    const TableMetadata* metadata = committed == nullptr ? nullptr : (*committed)[i].metadata.get();
    for (const auto& update : parts_[i].updates) {
      for (const std::string& location : update->Unused(metadata)) {
        // What cannot be removed is an orphan that no snapshot names; the commit stands as it is.
        static_cast<void>(context_.file_system.Remove(location));
      }
    }
  }
}

Result<Table> LoadTableAgain(Catalog& catalog, const TableIdentifier& identifier) {
  auto table = catalog.LoadTable(identifier);
  if (table || table.error().kind != ErrorKind::kNotFound) return table;
  return MakeError(ErrorKind::kNotFound,
                   "table " + identifier.ToString() +
                       " is gone: another process dropped it while this one was at work; run the "
                       "command again");
}

}  // namespace octolake::iceberg
