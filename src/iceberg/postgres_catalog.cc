// The catalog in a PostgreSQL database.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "iceberg/catalog_connection.h"
#include "io/postgres.h"

namespace octolake::iceberg {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// How often a transaction is run that the database gave up.
constexpr int kTransactionAttempts = 5;
// Between looks for a server that went away; the wait doubles.
constexpr std::chrono::milliseconds kFirstWait(50);
constexpr std::chrono::milliseconds kLongestWait(2'000);

// Between looks for an end of the transactions of others.
constexpr std::chrono::milliseconds kBetweenLooks(50);

// Held, shared, by every transaction of InTransaction from its beginning to its end. Who can have
// it alone knows that all of them have ended; this is tried, since those that come later would have
// to wait behind one that waits. Of advisory locks other programs have none of this number:
// "octolake" in ASCII.
constexpr const char* kShareLock =
    "SELECT pg_catalog.pg_advisory_xact_lock_shared(8026386982812871525)";
constexpr const char* kTryOwnLock =
    "SELECT 1 WHERE pg_catalog.pg_try_advisory_xact_lock(8026386982812871525)";

// Statements have parameters ?1 and no other question marks.
std::string WithDollars(std::string sql) {
  std::replace(sql.begin(), sql.end(), '?', '$');
  return sql;
}

class PostgresCatalog final : public CatalogConnection {
 public:
  PostgresCatalog(io::PostgresOptions options, std::string name,
                  std::unique_ptr<io::PostgresConnection> connection)
      : options_(std::move(options)), name_(std::move(name)), connection_(std::move(connection)) {}

  const std::string& name() const override { return name_; }

  Result<SqlResult> Run(const std::string& sql,
                        const std::vector<std::string>& parameters) override {
    const std::string statement = WithDollars(sql);
    const SteadyTime deadline = Deadline();
    while (true) {
      if (!in_transaction_) OCTO_TRY(Reconnect(deadline));
      auto ran = connection_->Run(statement, parameters);
      if (ran) return SqlResult{std::move(ran->rows), ran->changed};
      // Reading once more does no harm.
      const bool again =
          !in_transaction_ && connection_->lost() && std::chrono::steady_clock::now() < deadline;
      if (!again) return tl::unexpected<Error>(std::move(ran).error());
    }
  }

  // By the search path, as the statements find it.
  Result<bool> HasTable(const std::string& table) override {
    OCTO_ASSIGN(const SqlResult found,
                Run("SELECT 1 WHERE pg_catalog.to_regclass(?1) IS NOT NULL", {table}));
    return !found.rows.empty();
  }
  Result<bool> HasColumn(const std::string& table, const std::string& column) override {
    OCTO_ASSIGN(const SqlResult found,
                Run("SELECT 1 FROM pg_catalog.pg_attribute WHERE attrelid = "
                    "pg_catalog.to_regclass(?1) AND attname = ?2 AND NOT attisdropped",
                    {table, column}));
    return !found.rows.empty();
  }

  Status InTransaction(const std::function<Status()>& body) override {
    return Repeat([&] { return TryTransaction(body); });
  }
  Status AwaitTransactions() override;

 private:
  SteadyTime Deadline() const {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.lock_timeout_ms);
  }
  Status Reconnect(SteadyTime deadline);
  Status TryTransaction(const std::function<Status()>& body);
  Status Repeat(const std::function<Status()>& attempt);

  const io::PostgresOptions options_;
  const std::string name_;
  std::unique_ptr<io::PostgresConnection> connection_;  // never null; may be lost
  bool in_transaction_ = false;
};

// A server that went away is waited for, whatever it says: it took us before, and may be starting
// anew, be about to take over from another, or have no connection left for the moment.
Status PostgresCatalog::Reconnect(SteadyTime deadline) {
  if (!connection_->lost()) return {};
  for (auto wait = kFirstWait;; wait = std::min(wait * 2, kLongestWait)) {
    auto connected = io::PostgresConnection::Connect(options_);
    if (connected) {
      connection_ = *std::move(connected);
      return {};
    }
    if (std::chrono::steady_clock::now() + wait >= deadline) {
      return tl::unexpected<Error>(std::move(connected).error());
    }
    std::this_thread::sleep_for(wait);
  }
}

Status PostgresCatalog::TryTransaction(const std::function<Status()>& body) {
  OCTO_ASSIGN(io::PostgresTransaction transaction, io::PostgresTransaction::Begin(*connection_));
  in_transaction_ = true;
  auto locked = connection_->Run(kShareLock);
  Status done = locked ? body() : tl::unexpected<Error>(std::move(locked).error());
  in_transaction_ = false;
  if (!done) return done;
  return transaction.Commit();
}

Status PostgresCatalog::AwaitTransactions() {
  const SteadyTime deadline = Deadline();
  while (true) {
    OCTO_ASSIGN(const SqlResult alone, Run(kTryOwnLock, {}));
    if (!alone.rows.empty()) return {};
    if (std::chrono::steady_clock::now() + kBetweenLooks >= deadline) {
      return MakeError(ErrorKind::kTransient,
                       "catalog database " + name_ +
                           ": others have been committing all the time, or a transaction of one "
                           "that died has not ended; try again later");
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

Status PostgresCatalog::Repeat(const std::function<Status()>& attempt) {
  const SteadyTime deadline = Deadline();
  for (int attempts = 1;; ++attempts) {
    OCTO_TRY(Reconnect(deadline));
    Status done = attempt();
    if (done || done.error().kind == ErrorKind::kCommitStateUnknown) return done;
    const bool met_others = connection_->met_others();
    if (!met_others && !connection_->lost()) return done;
    const bool over =
        attempts == kTransactionAttempts || std::chrono::steady_clock::now() > deadline;
    if (!over) continue;
    if (!met_others) return done;
    return MakeError(ErrorKind::kCommitConflict, std::move(done).error().message);
  }
}

}  // namespace

Result<std::unique_ptr<CatalogConnection>> OpenPostgresCatalog(const std::string& uri,
                                                               const std::string& password,
                                                               int64_t busy_timeout_ms) {
  io::PostgresOptions options;
  options.uri = uri;
  options.password = password;
  options.what = "catalog database";
  options.lock_timeout_ms = busy_timeout_ms;
  OCTO_ASSIGN(std::string name, io::PostgresDisplayName(uri));
  OCTO_ASSIGN(auto connection, io::PostgresConnection::Connect(options));
  return std::make_unique<PostgresCatalog>(std::move(options), std::move(name),
                                           std::move(connection));
}

}  // namespace octolake::iceberg
