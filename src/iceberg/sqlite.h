// SQLite as values and results: a connection, its statements and transactions. For the .cc files of
// this room only. Nothing here is thread-safe; a connection has one user at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace octolake::iceberg {

class SqliteDatabase;

// A prepared statement; must not outlive its database.
class SqliteStatement {
 public:
  SqliteStatement& Bind(int index, std::string_view text);  // from 1; an error shows at Step
  Result<bool> Step();                                      // whether there is a row
  Status Finish();                                          // steps to the end
  std::optional<std::string> Text(int column) const;        // from 0; nullopt for NULL

 private:
  friend class SqliteDatabase;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  SqliteStatement(SqliteDatabase& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}

  SqliteDatabase* database_;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int bind_result_ = 0;
};

class SqliteDatabase {
 public:
  // Opens for writing where the file allows it, else for reading. kNotFound if there is no file and
  // `create` is false. The settings for durability are made here.
  static Result<std::unique_ptr<SqliteDatabase>> Open(const std::string& path, bool create,
                                                      int64_t busy_timeout_ms);

  const std::string& path() const { return path_; }
  bool read_only() const;
  Result<SqliteStatement> Prepare(std::string_view sql);
  Status Execute(std::string_view sql);
  int64_t changed_rows() const;  // by the last INSERT, UPDATE or DELETE
  bool in_transaction() const;
  // Of a COMMIT that has just failed: whether it is sure that nothing can have taken effect.
  bool FailedBeforeCommitPoint() const;

  // An error for a result code of SQLite's, after `waited_ms` in the call. kTransient: locked by
  // others; kAlreadyExists: a constraint; kCorruption: no or a damaged database.
  tl::unexpected<Error> Failure(int code, int64_t waited_ms) const;

 private:
  struct Closer {
    void operator()(sqlite3* connection) const;
  };
  explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}
  Status Configure(int64_t busy_timeout_ms);

  std::string path_;
  std::unique_ptr<sqlite3, Closer> connection_;
};

// An IMMEDIATE transaction: it has the write lock from the start, so that it never has to give up
// half way. Rolled back when destroyed before Commit.
class SqliteTransaction {
 public:
  static Result<SqliteTransaction> Begin(SqliteDatabase& database);
  SqliteTransaction(SqliteTransaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();

  // kCommitStateUnknown unless it is sure that nothing has taken effect.
  Status Commit();

 private:
  explicit SqliteTransaction(SqliteDatabase& database) : database_(&database) {}
  SqliteDatabase* database_;
};

}  // namespace octolake::iceberg
