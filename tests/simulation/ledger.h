// What must be in the tables, told from what the processes set out to do, and whether it is: looked
// at whenever a commit takes effect and whenever a file goes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "contents.h"
#include "iceberg/catalog.h"
#include "io/descriptor.h"
#include "process.h"
#include "world.h"

namespace octolake::simulation {

using Rows = std::map<int64_t, int32_t>;  // ids, and the days that they are of

// What one commit is to do to the rows of a table.
struct Intent {
  std::string what;
  iceberg::TableIdentifier table;
  Rows added;
  std::set<int32_t> replaced_days;
  std::set<int64_t> deleted;
  // Records of a journal: they must come one after the other, each once.
  std::optional<int> journal;
  int64_t first_record = 0;
  int64_t last_record = 0;
  // A snapshot of Bronze, all rows of which the table has afterwards.
  std::optional<int64_t> consumed;
};

inline constexpr char kIntentProperty[] = "simulation.intent";

class Ledger final : public Witness {
 public:
  // `tables` are all there can be.
  Ledger(World& world, std::vector<iceberg::TableIdentifier> tables);
  ~Ledger() override;

  // What stands in the summary of the snapshot that does it.
  iceberg::Properties Begin(Intent intent);
  // What the process was told of it.
  void End(const iceberg::Properties& intent, const Status& outcome, bool died);
  bool TookEffect(const iceberg::Properties& intent) const;
  // Somebody is about to make an older snapshot current again.
  void AllowRollback(const iceberg::TableIdentifier& table, int64_t snapshot_id);

  // Null if the table has no such snapshot, or has it no more.
  std::shared_ptr<const Rows> RowsOf(const iceberg::TableIdentifier& table,
                                     int64_t snapshot_id) const;
  // Whether a file that some table names has been moved to quarantine and is not back.
  bool AnyAway() const;
  int64_t commits() const { return commits_; }
  // Snapshots that expired.
  int64_t expired() const { return expired_; }

  // What orphan removal says is done.
  void CheckBroughtBack(Process& process);
  // That every snapshot can be read as it must be, and that no file is there without a reason,
  // when everybody is gone and has been tidied up after.
  void CheckQuiet();

  void OnRemove(const std::string& path) override;
  void OnMove(Process& process, const std::string& from, const std::string& to) override;
  void OnCatalogChange(const std::vector<iceberg::TableIdentifier>& tables) override;

 private:
  struct SnapshotFacts {
    std::shared_ptr<const Rows> rows;
    std::vector<std::string> files;
  };
  struct TableFacts {
    std::string uuid;
    std::string metadata_location;
    std::shared_ptr<const iceberg::TableMetadata> metadata;
    std::map<int64_t, SnapshotFacts> snapshots;
  };

  bool HasChanged();
  void Look(const iceberg::TableIdentifier& name);
  void TakeOver(const iceberg::Table& table, TableFacts& facts);
  void CheckChange(const iceberg::Table& table, const TableFacts& facts);
  void AddSnapshot(const iceberg::Table& table, const iceberg::Snapshot& snapshot,
                   TableFacts& facts);
  std::shared_ptr<const Rows> Expect(const iceberg::Table& table, const iceberg::Snapshot& snapshot,
                                     const TableFacts& facts);
  void CheckIntent(const Intent& intent, const Rows& rows);
  void CheckContents(const std::string& what, const Contents& contents, const Rows& rows,
                     const iceberg::Snapshot& snapshot);
  void Forget(SnapshotFacts& facts);
  std::string WhoNames(const std::string& path) const;
  bool IsNamed(const std::string& path) const;
  bool IsInQuarantine(const std::string& path) const;
  void AddFiles(const std::string& what, const iceberg::TableMetadata& metadata,
                const iceberg::Snapshot& snapshot, SnapshotFacts& facts);
  void CheckReadable(const iceberg::TableIdentifier& name, const TableFacts& facts);

  World& world_;
  const std::vector<iceberg::TableIdentifier> names_;
  std::unique_ptr<ProcessClock> clock_;
  std::unique_ptr<SeededRandom> random_;
  std::unique_ptr<iceberg::Catalog> catalog_;
  io::Descriptor database_;
  std::array<char, 4> change_counter_{};
  ContentsReader contents_;
  std::vector<Intent> intents_;
  std::map<int64_t, int> commits_of_;  // by intent
  std::map<int, int64_t> records_;     // committed of each journal
  std::map<iceberg::TableIdentifier, TableFacts> tables_;
  std::map<std::string, int> live_;                 // by path, how many snapshots name it
  std::map<std::string, std::string> quarantined_;  // where files are, and where they were
  std::set<std::pair<iceberg::TableIdentifier, int64_t>> rollbacks_;
  int64_t commits_ = 0;
  int64_t expired_ = 0;
};

}  // namespace octolake::simulation
