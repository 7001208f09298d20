// A DuckDB session that sees Iceberg tables at pinned snapshots.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/scan.h"
#include "iceberg/table_metadata.h"
#include "io/s3_file_system.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace octolake::sql {

struct SessionOptions {
  int64_t memory_limit_bytes = int64_t{1} << 30;  // beyond it DuckDB spills
  int threads = 0;                                // 0: as many as cores
  // Joins and sorts spill from the start instead of when memory is short. Slower, but some plans
  // that hold several joins at once run out of memory without it. Not together with Sandbox.
  bool spill_always = false;
  // Local path for spilling; empty: no spilling. Every session makes a directory of its own in it
  // when it needs one, and removes it at its end; what a killed program left behind is removed by
  // the next session.
  std::string temp_directory;
  // Local directories, and prefixes s3://BUCKET/…/, that may be read. Nothing else of the file
  // system or the network can be.
  std::vector<std::string> readable_directories;
  // How the prefixes on S3 are read. What is secret in them is told to no statement.
  std::optional<io::S3Settings> s3;
};

struct RelationName {
  std::string catalog;     // "demo"
  std::string name_space;  // "silver"
  std::string name;        // "github_events_parsed"
};

// A query's result, read once, batch by batch, in bounded memory. Ends its query when destroyed.
class ResultStream {
 public:
  virtual ~ResultStream() = default;
  // Strings (ENUM and JSON, too) are utf8, timestamps with zone are timestamp(us, "UTC"), HUGEINT
  // (what sum() of integers gives) is decimal128(38, 0), UUID is utf8.
  virtual std::shared_ptr<arrow::Schema> schema() const = 0;
  // DuckDB's names of the column types, for example "TIMESTAMP WITH TIME ZONE".
  virtual const std::vector<std::string>& type_names() const = 0;
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;  // null at the end
};

// The session's time zone is UTC. Used by one thread; but several may query unless it is sandboxed,
// and any interrupt. Values never become part of a statement's text; names are quoted. Several
// results may be open at once, each read by a thread of its own; they may outlive the session.
// Files outside the readable directories are closed to every statement, DuckDB's extensions too.
class Session {
 public:
  virtual ~Session() = default;

  // A view over the rows of a plan, deleted ones left out, by field id, with the columns of the
  // metadata's current schema in order (or, for an older snapshot, `schema`). An empty plan gives
  // an empty relation. Replaces a view of the same name.
  virtual Status AddRelation(const RelationName& name, const iceberg::Schema& schema,
                             const std::vector<iceberg::ScanTask>& tasks) = 0;
  // The same for all queries of a sandboxed session: each reads only those of the files that can
  // hold what it asks for, as far as DuckDB's planner finds conditions on the relation's columns
  // and partition values or column bounds answer them. `metadata` is that of the table.
  virtual Status AddPrunedRelation(const RelationName& name, const iceberg::Schema& schema,
                                   std::vector<iceberg::ScanTask> tasks,
                                   std::shared_ptr<const iceberg::TableMetadata> metadata) = 0;
  // A view defined by a query (materialisation "view").
  virtual Status AddView(const RelationName& name, const std::string& query) = 0;
  // Unqualified and namespace.table names are looked up in this catalog.
  virtual Status UseCatalog(const std::string& catalog) = 0;

  // Locks the configuration and allows only statements that read (SELECT, WITH, VALUES, DESCRIBE,
  // SHOW, SUMMARIZE, EXPLAIN of these), and of table functions only those known to read: others
  // can write files. Relations can still be added by the program. For SQL that a user typed. Cannot
  // be undone.
  virtual Status Sandbox() = 0;

  // kInvalidArgument with DuckDB's message for SQL that does not parse or bind;
  // kResourceExhausted out of memory or temporary space; kUnsupported for a statement that the
  // sandbox does not allow.
  virtual Result<std::unique_ptr<ResultStream>> Query(const std::string& sql) = 0;
  // The first column of the first row as an integer; kCorruption if there is none.
  virtual Result<int64_t> QueryInteger(const std::string& sql) = 0;

  // Makes a running query fail with kTransient; any thread may call it.
  virtual void Interrupt() = 0;
};

Result<std::unique_ptr<Session>> OpenSession(const SessionOptions& options);

// "a" -> "\"a\"", quotes doubled.
std::string QuoteIdentifier(std::string_view name);

}  // namespace octolake::sql
