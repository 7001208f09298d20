// SQLite as values and results: a connection, its statements and transactions. Nothing here is
// thread-safe; a connection has one user at a time, and must not be carried over a fork.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace octolake::io {

class SqliteDatabase;

enum class SqliteJournal {
  kAsItIs,  // the mode is in the file; SQLite's rollback journal in those that are made here
  kWal,     // changed to, where it is another
};

struct SqliteOptions {
  std::string path;
  std::string what;  // what messages call it, for example "catalog database"
  bool create = true;
  int64_t busy_timeout_ms = 0;  // how long to wait for others' locks
  SqliteJournal journal = SqliteJournal::kAsItIs;
};

// A prepared statement; must not outlive its database.
class SqliteStatement {
 public:
  // From 1. What is not bound is NULL; an error shows at Step.
  SqliteStatement& Bind(int index, std::string_view text);
  SqliteStatement& Bind(int index, int64_t number);
  template <typename T>
  SqliteStatement& Bind(int index, const std::optional<T>& value) {
    return value ? Bind(index, *value) : *this;
  }
  Result<bool> Step();  // whether there is a row
  Status Finish();      // steps to the end
  int columns() const;  // of a row
  // From 0; nullopt for NULL.
  std::optional<std::string> Text(int column) const;
  std::optional<int64_t> Integer(int column) const;

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
  // `create` is false. Whatever the journal, a commit that was reported is on the disk.
  static Result<std::unique_ptr<SqliteDatabase>> Open(SqliteOptions options);

  const std::string& path() const { return options_.path; }
  bool read_only() const;
  Result<SqliteStatement> Prepare(std::string_view sql);
  Status Execute(std::string_view sql);
  int64_t changed_rows() const;      // by the last INSERT, UPDATE or DELETE
  int64_t last_inserted_id() const;  // of the last INSERT into a table with an integer key
  bool in_transaction() const;
  // Of a COMMIT that has just failed: whether it is sure that nothing can have taken effect. Known
  // of a rollback journal only.
  bool FailedBeforeCommitPoint() const;

  // An error for a result code of SQLite's, after `waited_ms` in the call. kTransient: locked by
  // others; kAlreadyExists: a constraint; kCorruption: no or a damaged database.
  tl::unexpected<Error> Failure(int code, int64_t waited_ms) const;

 private:
  struct Closer {
    void operator()(sqlite3* connection) const;
  };
  explicit SqliteDatabase(SqliteOptions options) : options_(std::move(options)) {}
  Status Configure();
  Status UseWal();
  std::string Name() const { return options_.what + " " + options_.path; }

  SqliteOptions options_;
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

}  // namespace octolake::io
