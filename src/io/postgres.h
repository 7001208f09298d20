// PostgreSQL as values and results: a connection, its statements and transactions. Nothing here is
// thread-safe; a connection has one user at a time.
//
// Every call ends: connecting after connect_timeout_ms (or 2 s for each host of the URI, if that is
// more), waiting for locks after lock_timeout_ms, a statement a while after that, whether the
// server answers (statement_timeout) or not at all. A server that did not answer in time, or went
// away, leaves the connection lost: whoever goes on makes another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

struct pg_conn;
struct pg_result;

namespace octolake::io {

struct PostgresOptions {
  // postgresql://USER@HOST:PORT/DATABASE?sslmode=…, as libpq reads it, without a password.
  std::string uri;
  std::string password;  // empty: what libpq finds itself (PGPASSWORD, ~/.pgpass)
  std::string what;      // what messages call it, for example "catalog database"
  int64_t connect_timeout_ms = 10'000;
  int64_t lock_timeout_ms = 30'000;  // how long to wait for others' locks
};

// postgresql://user@host:port/database, for messages. kInvalidArgument if it is no such URI, or has
// a password in it, which would be shown with it; the message repeats neither.
Result<std::string> PostgresDisplayName(const std::string& uri);

// The rows of a statement, as texts; nullopt for NULL.
struct PostgresRows {
  std::vector<std::vector<std::optional<std::string>>> rows;
  int64_t changed = 0;  // rows, by an INSERT, UPDATE or DELETE
};

class PostgresConnection {
 public:
  // kTransient if the server cannot be reached now, or is starting or stopping; kIo if it answers
  // and refuses (password, database, role, no connection left, a standby); kInvalidArgument for an
  // URI that cannot be used. Of several hosts the primary is taken, wherever it is in the list.
  static Result<std::unique_ptr<PostgresConnection>> Connect(PostgresOptions options);

  const std::string& name() const { return name_; }
  // Runs one statement; parameters $1, $2, … are sent beside it, never in it. kTransient: locked by
  // others for too long, or the connection was lost; kAlreadyExists: a key or name is taken;
  // kResourceExhausted: out of disk, memory or connections; kCorruption: damaged; kIo: the rest.
  // Within a transaction an error means that only a rollback can follow.
  Result<PostgresRows> Run(const std::string& sql, const std::vector<std::string>& parameters = {});
  // The connection is of no more use.
  bool lost() const { return lost_; }
  // The last statement failed because it met others' (a serialization failure or a deadlock): the
  // same transaction, run once more, may succeed.
  bool met_others() const { return met_others_; }
  // The last COMMIT failed in a way that leaves open whether it took effect.
  bool commit_is_open() const { return commit_is_open_; }

 private:
  struct Closer {
    void operator()(pg_conn* connection) const;
  };
  struct Clearer {
    void operator()(pg_result* result) const;
  };
  using ResultHandle = std::unique_ptr<pg_result, Clearer>;

  PostgresConnection(PostgresOptions options, std::string name)
      : options_(std::move(options)), name_(std::move(name)) {}
  Status Reach();
  // OK if the server answers, with time left for another attempt; else how `failure` is to be told.
  Status CheckAnswers(std::string failure, int64_t deadline_ms) const;
  Status Configure();
  int64_t StatementTimeoutMillis() const;
  tl::unexpected<Error> Lose(const std::string& why);
  tl::unexpected<Error> Failure(const pg_result* result);
  // The result of what was sent; an error if the connection is lost.
  Result<ResultHandle> Await();
  Status WaitForSocket(int64_t deadline_ms, bool also_write);

  const PostgresOptions options_;
  const std::string name_;
  std::unique_ptr<pg_conn, Closer> connection_;
  bool lost_ = false;
  bool met_others_ = false;
  bool commit_is_open_ = false;

  friend class PostgresTransaction;
};

// READ COMMITTED; what it relies on it has to state in its statements' conditions. Rolled back when
// destroyed before Commit.
class PostgresTransaction {
 public:
  static Result<PostgresTransaction> Begin(PostgresConnection& connection);
  PostgresTransaction(PostgresTransaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  PostgresTransaction& operator=(PostgresTransaction&&) = delete;
  ~PostgresTransaction();

  // kCommitStateUnknown unless the server has said that nothing took effect.
  Status Commit();

 private:
  explicit PostgresTransaction(PostgresConnection& connection) : connection_(&connection) {}
  PostgresConnection* connection_;
};

}  // namespace octolake::io
