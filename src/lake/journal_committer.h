// From the journal to Bronze, each record exactly once: Bronze's rows, the rejected ones and the
// position in the journal are one catalog transaction, which asserts that the position still is
// where the commit began.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "datafile/table_writer.h"
#include "journal/journal.h"
#include "lake/retention.h"
#include "lake/warehouse.h"

namespace octolake::lake {

struct JournalCommitOptions {
  // Records of one commit, of which each counts as its body and a little more; the last one may go
  // beyond it.
  int64_t max_bytes = 20'000'000;
  iceberg::RetentionPolicy retention = DefaultRetention();
  datafile::WriterOptions writer;
};

// What one commit took from the journal. Nothing, if its sequences are 0.
struct JournalCommitReport {
  int64_t events = 0;    // rows of Bronze
  int64_t rejected = 0;  // rows of rejected_events
  int64_t bytes = 0;     // of the bodies of both
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  std::optional<int64_t> snapshot_id;  // of Bronze, that the commit made
  // Of the first record that was committed, and of the first that is durable but not committed yet
  // (nullopt: there was none when the commit began).
  std::optional<TimestampMicros> oldest_received_at;
  std::optional<TimestampMicros> next_received_at;
  std::vector<std::string> warnings;  // of what did not stop the commit
};

// Used by one thread. Other committers and writers may be at work in the same warehouse.
class JournalCommitter {
 public:
  // The tables must be there (CreateTables). Reads how far Bronze has come in this journal (a
  // journal it knows nothing of begins at its first record). kCorruption, saying what to do and
  // which records are missing, when reading cannot go on there (Journal::CheckPosition). Both must
  // outlive the committer.
  static Result<std::unique_ptr<JournalCommitter>> Open(Warehouse& warehouse,
                                                        journal::Journal& journal,
                                                        JournalCommitOptions options);
  virtual ~JournalCommitter() = default;

  // Commits what is durable and not in Bronze yet, up to max_bytes, and releases it in the journal
  // (as consumer "bronze"). After an error the next call begins at the position that Bronze has by
  // then, so that calling again is always right: what was committed, known or not, is not
  // committed again. kCorruption: the journal is damaged, or has not what comes next; nothing but
  // mending it helps. The files of a failed commit are removed, but for those of one whose outcome
  // is unknown (kCommitStateUnknown).
  virtual Result<JournalCommitReport> CommitNext() = 0;

  // The last record that is in Bronze, as far as this committer knows; 0: none.
  virtual uint64_t position() const = 0;
  // The same, or more where an earlier run has noted it and this one has not asked yet: to say how
  // much waits, not to let go of anything.
  virtual uint64_t position_at_least() const { return position(); }
};

}  // namespace octolake::lake
