// Applies updates to one or several tables and commits them in one catalog transaction.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/backoff.h"
#include "iceberg/catalog.h"
#include "iceberg/update.h"

namespace octolake::iceberg {

struct TransactionOptions {
  BackoffLimits backoff;  // loads and applications after lost races
  // Attempts in a row that the catalog could not serve (kTransient), each after its own waiting: a
  // database that stays locked is not worth more.
  int max_transient_attempts = 3;
};

// Lost races and transient errors of the catalog are tried again from newly loaded tables. Used
// once, by one thread. On success every update has taken effect in all tables; on kCommitConflict
// (an assertion failed, or too many lost races) and kTransient (the catalog stays locked) in none,
// and what it wrote is removed. On a lost reply the outcome is looked up by the new snapshots' ids;
// only when that fails too is it kCommitStateUnknown, and then nothing is removed. Data files are
// the caller's to remove, on every error but kCommitStateUnknown.
// After success the files of snapshots that an update took out are removed, if no remaining one
// reaches them; left_behind() says what went wrong with that.
// Old metadata files beyond write.metadata.previous-versions-max are removed where
// write.metadata.delete-after-commit.enabled is true.
class Transaction {
 public:
  Transaction(Catalog& catalog, const UpdateContext& context, TransactionOptions options = {});

  // Updates of one table are applied in the order they were added.
  void Add(const TableIdentifier& table, std::unique_ptr<TableUpdate> update);

  // The tables with the commit in them, in the order of their first Add: as committed, or, where
  // the reply was lost, with what others have committed since.
  Result<std::vector<Table>> Commit();

  // After a commit: the snapshot that it made of a table (the last one), which need not be current
  // any more; nullopt if it made none.
  std::optional<int64_t> NewSnapshotId(const TableIdentifier& table) const;

  // After a commit: why files of expired snapshots are still there, if they are. Nothing names
  // them; the commit stands.
  const std::vector<Error>& left_behind() const { return left_behind_; }

 private:
  struct Part {
    TableIdentifier identifier;
    std::vector<std::unique_ptr<TableUpdate>> updates;
  };
  // An attempt of which it is not known whether it took effect.
  struct Doubt {
    std::vector<Table> base;
    std::vector<TableMetadata> applied;  // what it makes of the tables
  };
  // kUntold: others have committed since and expired what would tell.
  enum class Outcome { kCommitted, kLost, kOpen, kUntold };

  Result<std::vector<Table>> Load();
  Result<std::vector<TableChange>> Apply(const std::vector<Table>& tables);
  // One attempt; no value after a lost race.
  Result<std::optional<std::vector<Table>>> Attempt();
  Result<std::optional<std::vector<Table>>> LookUp(const Error& unknown);
  // Whether somebody has committed since the tables were loaded.
  bool HaveMoved(const std::vector<Table>& tables);
  // What freshly loaded tables say of the attempt in doubt.
  Outcome Resolve(const std::vector<Table>& tables) const;
  tl::unexpected<Error> Untold() const;
  // But for their snapshots.
  static bool SameState(const TableMetadata& a, const TableMetadata& b);
  // No value, to be tried again, unless that has been tried often enough.
  Result<std::optional<std::vector<Table>>> AfterTransient(Error error);
  Error Fail(Error error);
  // Removes what is of no more use once the outcome is known.
  std::vector<Table> Finish(std::vector<Table> committed);
  void RemoveUnused(const std::vector<Table>* committed);
  void RemoveExpired(const std::vector<Table>& committed);
  // The attempt made `made` of `base`, the table is `committed` by now. Looks again where others
  // expired snapshots of that meanwhile.
  Status RemoveExpired(const TableMetadata& base, const TableMetadata& made,
                       const Table& committed);

  Catalog& catalog_;
  UpdateContext context_;
  TransactionOptions options_;
  std::vector<Part> parts_;
  std::optional<Doubt> doubt_;
  std::vector<Table> base_;  // what the attempt that was committed was applied to
  std::vector<Error> left_behind_;
  Backoff backoff_;
  int transient_attempts_ = 0;  // the last ones
};

// Loads a table that has been there: kNotFound says that it was dropped in the meantime.
Result<Table> LoadTableAgain(Catalog& catalog, const TableIdentifier& identifier);

// Creates the table unless it exists; its namespace too. Returns it as it is now. The schema of an
// existing table is not changed.
Result<Table> CreateTableIfMissing(Catalog& catalog, const UpdateContext& context,
                                   const TableIdentifier& identifier, NewTable table);

}  // namespace octolake::iceberg
