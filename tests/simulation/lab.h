// The tables of a simulation, and what its processes know of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "iceberg/catalog.h"
#include "iceberg/retention_policy.h"
#include "ledger.h"
#include "process.h"
#include "world.h"

namespace octolake::simulation {

// What can be planted, one at a time (planted_bugs.h).
enum class Bug {
  kNone,
  kRemovesFilesInDoubt,
  kValidatesAtCommitTime,
  kDoesNotLookAgain,
  kExpiresByMainOnly,
  kTakesLostReplyForFailure,
};

struct Lab {
  World& world;
  Ledger& ledger;
  Bug bug = Bug::kNone;
  // Of the commits of writers and compaction.
  iceberg::RetentionPolicy retention = {};
  std::vector<Uuid> journals = {};
  int64_t next_row = 1;
};

iceberg::TableIdentifier Facts();    // rows that anybody adds, replaces, deletes, rolls back
iceberg::TableIdentifier Copy();     // what a step has read of Bronze
iceberg::TableIdentifier Scratch();  // dropped and made anew
inline constexpr int32_t kDays = 3;  // partitions of Facts

// All tables there can be.
std::vector<iceberg::TableIdentifier> AllTables();

// Ids of rows, by the journal and the record that they come from.
inline int64_t RowOf(int journal, int64_t record) {
  return (int64_t{journal} + 1) * 1'000'000 + record;
}

Status CreateTables(Lab& lab, Process& process);
Status CreateScratch(Lab& lab, Process& process);

// Writes rows to new files of a table.
Result<std::vector<iceberg::DataFile>> WriteRows(Process& process, const iceberg::Table& table,
                                                 const Rows& rows);
// Rows that no table has yet.
Rows NewRows(Lab& lab, int64_t most);

}  // namespace octolake::simulation
