// A database that can hold the tables of a SQL catalog. For the .cc files of this room only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace octolake::iceberg {

struct SqlResult {
  std::vector<std::vector<std::optional<std::string>>> rows;  // nullopt for NULL
  int64_t changed = 0;  // rows, by an INSERT, UPDATE or DELETE
};

// Used by one thread at a time. Statements are in the SQL that all databases here share, with
// parameters ?1, ?2, …, which are bound as texts and never become part of a statement.
class CatalogConnection {
 public:
  virtual ~CatalogConnection() = default;

  // For messages.
  virtual const std::string& name() const = 0;
  // Outside InTransaction for statements that only read; a connection that was lost since the last
  // statement is made anew. kTransient: locked or away for longer than the database's patience;
  // kAlreadyExists: a key is taken.
  virtual Result<SqlResult> Run(const std::string& sql,
                                const std::vector<std::string>& parameters) = 0;
  virtual Result<bool> HasTable(const std::string& table) = 0;
  virtual Result<bool> HasColumn(const std::string& table, const std::string& column) = 0;

  // Runs a body in one transaction that writes, and commits it unless the body fails. Where the
  // database gave the transaction up before it was committed (the connection was lost, others were
  // met) the body is run again, some times; then it is kTransient or kCommitConflict. Nothing has
  // taken effect after an error but kCommitStateUnknown, which says that COMMIT had no answer.
  virtual Status InTransaction(const std::function<Status()>& body) = 0;

  // Returns when each transaction that was begun by InTransaction, by whatever process, has ended:
  // also one whose process is dead.
  virtual Status AwaitTransactions() = 0;
};

Result<std::unique_ptr<CatalogConnection>> OpenSqliteCatalog(const std::string& path, bool create,
                                                             int64_t busy_timeout_ms);

// `busy_timeout_ms` is how long to wait for locks, and for a server that went away.
Result<std::unique_ptr<CatalogConnection>> OpenPostgresCatalog(const std::string& uri,
                                                               const std::string& password,
                                                               int64_t busy_timeout_ms);

}  // namespace octolake::iceberg
