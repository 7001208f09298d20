#include "sql/session.h"

#include <arrow/record_batch.h>
#include <fcntl.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <set>
#include <utility>

#include "io/descriptor.h"
#include "io/errno_error.h"
#include "io/spill_directory.h"
#include "sql/duckdb_handles.h"
#include "sql/file_pruning.h"
#include "sql/integer_cell.h"
#include "sql/relation_sql.h"
#include "sql/result_stream.h"
#include "sql/s3_access.h"
#include "sql/statement_check.h"

namespace octolake::sql {
namespace {

// It has one open at a time; others in this process open files meanwhile.
constexpr size_t kDescriptorsOfAnOpening = 8;

// The database and its connections. Every query has a connection of its own, so that several
// results can be read side by side (one connection has one open result).
class SharedDatabase {
 public:
  SharedDatabase(io::SpillDirectory spill_directory, Database database, bool spill_always)
      : spill_directory_(std::move(spill_directory)),
        database_(std::move(database)),
        spill_always_(spill_always) {}

  Result<Connection> Connect() {
    Connection connection;
    if (duckdb_connect(database_.get(), connection.out()) != DuckDBSuccess) {
      return MakeError(ErrorKind::kResourceExhausted, "DuckDB gives no further connection");
    }
    const std::lock_guard lock(mutex_);
    if (!use_.empty()) OCTO_TRY(Execute(connection.get(), use_));
    // DuckDB has this setting for each connection only.
    if (spill_always_) OCTO_TRY(Execute(connection.get(), "SET debug_force_external = true"));
    active_.insert(connection.get());
    return connection;
  }
  void Forget(duckdb_connection connection) {
    const std::lock_guard lock(mutex_);
    active_.erase(connection);
  }
  void SetUse(std::string use) {
    const std::lock_guard lock(mutex_);
    use_ = std::move(use);
  }
  void Interrupt() {
    const std::lock_guard lock(mutex_);
    for (duckdb_connection connection : active_) duckdb_interrupt(connection);
  }

 private:
  io::SpillDirectory spill_directory_;  // given up when the database is closed
  Database database_;
  const bool spill_always_;
  std::mutex mutex_;
  std::set<duckdb_connection> active_;
  std::string use_;
};

class Lease final : public ConnectionLease {
 public:
  Lease(std::shared_ptr<SharedDatabase> database, Connection connection)
      : database_(std::move(database)), connection_(std::move(connection)) {}
  ~Lease() override { database_->Forget(connection_.get()); }
  duckdb_connection connection() const override { return connection_.get(); }

 private:
  std::shared_ptr<SharedDatabase> database_;
  Connection connection_;
};

class DuckSession final : public Session {
 public:
  explicit DuckSession(std::shared_ptr<SharedDatabase> database) : database_(std::move(database)) {}

  Status AddRelation(const RelationName& name, const iceberg::Schema& schema,
                     const std::vector<iceberg::ScanTask>& tasks) override {
    OCTO_ASSIGN(std::string query, RelationQuery(schema, tasks));
    OCTO_TRY(MakeView(name, query));
    pruning_.Forget(name);
    return {};
  }

  Status AddPrunedRelation(const RelationName& name, const iceberg::Schema& schema,
                           std::vector<iceberg::ScanTask> tasks,
                           std::shared_ptr<const iceberg::TableMetadata> metadata) override {
    OCTO_TRY(AddRelation(name, schema, tasks));
    pruning_.AddRelation({name, schema, std::move(tasks), std::move(metadata)});
    return {};
  }

  Status AddView(const RelationName& name, const std::string& query) override;
  Status UseCatalog(const std::string& catalog) override;
  Status Sandbox() override;
  Result<std::unique_ptr<ResultStream>> Query(const std::string& sql) override;
  Result<int64_t> QueryInteger(const std::string& sql) override;
  void Interrupt() override { database_->Interrupt(); }

 private:
  Result<std::unique_ptr<Lease>> Connect() {
    OCTO_ASSIGN(auto connection, database_->Connect());
    return std::make_unique<Lease>(database_, std::move(connection));
  }
  // Runs a statement of ours to its end.
  Status Run(const std::string& sql) {
    OCTO_ASSIGN(auto lease, Connect());
    OCTO_ASSIGN(auto stream, BeginQuery(std::move(lease), sql));
    while (true) {
      OCTO_ASSIGN(auto batch, stream->Next());
      if (batch == nullptr) return {};
    }
  }
  Status MakeView(const RelationName& name, const std::string& query);
  Status MakeRelation(const PrunedRelation& relation) {
    OCTO_ASSIGN(const std::string query, RelationQuery(relation.schema, relation.tasks));
    return MakeView(relation.name, query);
  }
  Result<std::unique_ptr<ResultStream>> QueryNarrowed(std::unique_ptr<Lease> lease,
                                                      const ReadOnlyStatement& statement);
  Status AttachCatalog(const std::string& catalog) {
    return Run("ATTACH IF NOT EXISTS ':memory:' AS " + QuoteIdentifier(catalog));
  }

  std::shared_ptr<SharedDatabase> database_;
  FilePruning pruning_;
  bool sandboxed_ = false;
};

Status DuckSession::AddView(const RelationName& name, const std::string& query) {
  OCTO_TRY(MakeView(name, query));
  pruning_.AddView(name, query);
  return {};
}

Status DuckSession::MakeView(const RelationName& name, const std::string& query) {
  const std::string schema = QuoteIdentifier(name.catalog) + "." + QuoteIdentifier(name.name_space);
  const std::string relation = schema + "." + QuoteIdentifier(name.name);
  const auto add = [&]() -> Status {
    OCTO_TRY(AttachCatalog(name.catalog));
    OCTO_TRY(Run("CREATE SCHEMA IF NOT EXISTS " + schema));
    return Run("CREATE OR REPLACE VIEW " + relation + " AS " + query);
  };
  auto status = add();
  if (!status) return WithContext(std::move(status).error(), "cannot make relation " + relation);
  return {};
}

Status DuckSession::UseCatalog(const std::string& catalog) {
  OCTO_TRY(AttachCatalog(catalog));
  const std::string use = "USE " + QuoteIdentifier(catalog);
  OCTO_TRY(Run(use));
  database_->SetUse(use);
  pruning_.UseCatalog(catalog);
  return {};
}

Status DuckSession::Sandbox() {
  OCTO_TRY(Run("SET lock_configuration = true"));
  sandboxed_ = true;
  return {};
}

Result<std::unique_ptr<ResultStream>> DuckSession::Query(const std::string& sql) {
  OCTO_ASSIGN(auto lease, Connect());
  if (!sandboxed_) return BeginQuery(std::move(lease), sql);
  OCTO_ASSIGN(const ReadOnlyStatement allowed, CheckReadOnly(lease->connection(), sql));
  return QueryNarrowed(std::move(lease), allowed);
}

// A statement that has begun keeps the files it was bound to, whatever becomes of the views.
Result<std::unique_ptr<ResultStream>> DuckSession::QueryNarrowed(
    std::unique_ptr<Lease> lease, const ReadOnlyStatement& statement) {
  for (const PrunedRelation& relation : pruning_.Narrow(statement.select)) {
    OCTO_TRY(MakeRelation(relation));
    pruning_.ViewMade(relation);
  }
  return BeginQuery(std::move(lease), statement.explain + statement.select);
}

Result<int64_t> DuckSession::QueryInteger(const std::string& sql) {
  OCTO_ASSIGN(auto stream, Query(sql));
  OCTO_ASSIGN(auto batch, stream->Next());
  return IntegerOf(batch.get(), 0, sql);
}

// DuckDB asks the system for its limits when it opens. Without a descriptor for that it throws
// while it cleans up, which nobody can catch, and the process ends.
Status CheckDescriptors() {
  std::array<io::Descriptor, kDescriptorsOfAnOpening> there;
  for (io::Descriptor& descriptor : there) {
    descriptor = io::Descriptor(::open("/", O_PATH | O_CLOEXEC));
    if (descriptor.get() < 0) return io::ErrnoError(errno, "open", "/");
  }
  return {};
}

Result<Database> OpenDatabase(const SessionOptions& options, const std::string& spill_directory) {
  if (Status there = CheckDescriptors(); !there) {
    return WithContext(std::move(there).error(), "cannot open a DuckDB session");
  }
  Config config;
  if (duckdb_create_config(config.out()) != DuckDBSuccess) {
    return MakeError(ErrorKind::kResourceExhausted, "DuckDB gives no configuration");
  }
  std::vector<std::pair<std::string, std::string>> settings{
      {"memory_limit", std::to_string(options.memory_limit_bytes) + "B"},
      {"temp_directory", spill_directory},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_persistent_secrets", "false"},
  };
  if (options.threads > 0) settings.emplace_back("threads", std::to_string(options.threads));
  for (const auto& [name, value] : settings) {
    if (duckdb_set_config(config.get(), name.c_str(), value.c_str()) != DuckDBSuccess) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "DuckDB refuses '" + value + "' for its setting " + name);
    }
  }
  Database database;
  char* message = nullptr;
  if (duckdb_open_ext(nullptr, database.out(), config.get(), &message) != DuckDBSuccess) {
    Error error = ErrorFromMessage(message);
    duckdb_free(message);
    return WithContext(std::move(error), "cannot open a DuckDB session");
  }
  return database;
}

}  // namespace

Result<std::unique_ptr<Session>> OpenSession(const SessionOptions& options) {
  io::SpillDirectory spill_directory(options.temp_directory);
  OCTO_ASSIGN(auto opened, OpenDatabase(options, spill_directory.path()));
  auto database = std::make_shared<SharedDatabase>(std::move(spill_directory), std::move(opened),
                                                   options.spill_always);
  OCTO_ASSIGN(auto connection, database->Connect());
  const Lease lease(database, std::move(connection));
  std::string directories;
  for (const auto& directory : options.readable_directories) {
    directories += (directories.empty() ? "" : ", ") + QuoteLiteral(directory);
  }
  if (options.s3) OCTO_TRY(AllowS3(lease.connection(), *options.s3, options.readable_directories));
  // From here on even our own statements read nothing else: models come from outside, too.
  for (const std::string& sql : {std::string("SET GLOBAL TimeZone = 'UTC'"),
                                 "SET allowed_directories = [" + directories + "]",
                                 std::string("SET enable_external_access = false")}) {
    OCTO_TRY(Execute(lease.connection(), sql));
  }
  return std::make_unique<DuckSession>(std::move(database));
}

std::string QuoteIdentifier(std::string_view name) {
  std::string quoted = "\"";
  for (char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

}  // namespace octolake::sql
