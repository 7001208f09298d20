// What tests of sessions share: a session that must open, relations that must be added, rows.
#pragma once

#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "iceberg/scan.h"
#include "sql/session.h"

namespace octolake::sql {

inline const RelationName kEvents{"demo", "silver", "events"};

inline SessionOptions OptionsFor(const std::string& directory) {
  SessionOptions options;
  options.threads = 2;
  options.temp_directory = directory + "/spill/here";
  options.readable_directories = {directory};
  return options;
}

inline std::unique_ptr<Session> Open(const SessionOptions& options = {}) {
  auto session = OpenSession(options);
  EXPECT_TRUE(session) << session.error().message;
  return session ? std::move(*session) : nullptr;
}

inline std::vector<iceberg::ScanTask> Tasks(const std::vector<iceberg::DataFile>& files) {
  std::vector<iceberg::ScanTask> tasks;
  for (const auto& file : files) tasks.push_back({file, 1, 1});
  return tasks;
}

inline std::shared_ptr<arrow::Table> Rows(Session& session, const std::string& sql) {
  auto stream = session.Query(sql);
  EXPECT_TRUE(stream) << sql << ": " << stream.error().message;
  if (!stream) return arrow::Table::MakeEmpty(arrow::schema({})).ValueOrDie();
  arrow::RecordBatchVector batches;
  while (true) {
    auto batch = (*stream)->Next();
    EXPECT_TRUE(batch) << sql << ": " << batch.error().message;
    if (!batch || *batch == nullptr) break;
    EXPECT_TRUE((*batch)->ValidateFull().ok());
    batches.push_back(*batch);
  }
  return arrow::Table::FromRecordBatches((*stream)->schema(), batches).ValueOrDie();
}

// The error of a query, also of one that fails while its rows are read.
inline Error Failure(Session& session, const std::string& sql) {
  auto stream = session.Query(sql);
  if (!stream) return stream.error();
  while (true) {
    auto batch = (*stream)->Next();
    if (!batch) return batch.error();
    if (*batch == nullptr) return {ErrorKind::kNotFound, "no error"};
  }
}

inline void Add(Session& session, const RelationName& name, const iceberg::Schema& schema,
                const std::vector<iceberg::DataFile>& files) {
  auto status = session.AddRelation(name, schema, Tasks(files));
  ASSERT_TRUE(status) << status.error().message;
}

}  // namespace octolake::sql
