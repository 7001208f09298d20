// Documents that were received, as one commit to Bronze and rejected_events that moves a position.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread.h"
#include "datafile/table_writer.h"
#include "event/received_rows.h"
#include "iceberg/catalog.h"
#include "iceberg/retention_policy.h"
#include "iceberg/update.h"
#include "lake/background_writer.h"
#include "lake/warehouse.h"

namespace octolake::lake {

// A tag on Bronze, and where it has to be for a commit to hold.
struct TagMove {
  std::string tag;
  std::optional<int64_t> expected_snapshot;
};

// Tags (one at least), and what the commit's snapshot, at which they are afterwards, and the table
// say of the position.
struct ReceivedPosition {
  std::vector<TagMove> tags;
  iceberg::Properties summary;
  iceberg::Properties table_properties;
  // Of the table as well, and what they have to be for the commit to hold (nullopt: not there).
  std::map<std::string, std::optional<std::string>> expected_properties{};
};

struct ReceivedReport {
  // Of Bronze, that the commit made. nullopt: somebody else has moved the position since, which is
  // to be read again.
  std::optional<int64_t> snapshot_id;
  std::vector<std::string> warnings;  // of what did not stop the commit
};

// Used by one thread, for one commit.
class ReceivedCommit {
 public:
  // Bronze must be there, and rejected_events where there is something for it. `origin` says in
  // rejected rows what they were read from. The warehouse must outlive the commit.
  static Result<std::unique_ptr<ReceivedCommit>> Begin(Warehouse& warehouse,
                                                       const datafile::WriterOptions& options,
                                                       const std::string& origin,
                                                       WorkIn work = WorkIn::kOwnThread);

  Status Add(const event::ReceivedDocument& document);
  // Rows that were made elsewhere, behind those of the documents added before.
  Status AddRows(event::EventBatch batch);
  // kCommitConflict if a tag or a property is not what it is expected to be: nothing was committed.
  // The files
  // of a failed commit are removed, but for those of one whose outcome is unknown
  // (kCommitStateUnknown).
  Result<ReceivedReport> Commit(const ReceivedPosition& position,
                                const iceberg::RetentionPolicy& retention);

  // Rows; of documents (Add) all of them only after Commit.
  int64_t events() const { return events_; }
  int64_t rejected() const { return rejected_; }

 private:
  using DataFiles = std::vector<iceberg::DataFile>;

  ReceivedCommit(Warehouse& warehouse, const std::string& origin);
  Status OpenWriters(const datafile::WriterOptions& options, WorkIn work);
  Status WriteDocuments();
  Status Write(event::EventBatch batch);
  Result<ReceivedReport> CommitFiles(const DataFiles& events, const DataFiles& rejected,
                                     const ReceivedPosition& position,
                                     const iceberg::RetentionPolicy& retention);

  Warehouse& warehouse_;
  const iceberg::TableIdentifier bronze_name_;
  const iceberg::TableIdentifier rejected_name_;
  std::string bronze_uuid_;    // of the tables that files are being written for
  std::string rejected_uuid_;  // set by the writer's thread
  std::unique_ptr<BackgroundWriter> writer_;
  event::ReceivedRows rows_;
  int64_t events_ = 0;
  int64_t rejected_ = 0;
};

}  // namespace octolake::lake
