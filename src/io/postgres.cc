#include "io/postgres.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <map>

#include "io/errno_error.h"

namespace octolake::io {
namespace {

// What a statement may take beyond the wait for locks: ours touch a few rows.
constexpr int64_t kStatementMillis = 10'000;
// How much later than the server's own limit a server is given up that says nothing.
constexpr int64_t kSilenceMillis = 5'000;
// libpq counts whole seconds for each host, and takes less than two for two.
constexpr int64_t kLeastReachMillis = 2'000;
// PostgreSQL's limits are of type int.
constexpr int64_t kMostMillis = std::numeric_limits<int>::max() / 4;

// SQLSTATEs (PostgreSQL's documentation, appendix A).
constexpr std::string_view kSerializationFailure = "40001";
constexpr std::string_view kDeadlockDetected = "40P01";
constexpr std::string_view kUniqueViolation = "23505";
constexpr std::string_view kDuplicateTable = "42P07";
constexpr std::string_view kDuplicateObject = "42710";
constexpr std::string_view kLockNotAvailable = "55P03";
constexpr std::string_view kQueryCanceled = "57014";
constexpr std::string_view kReadOnlyTransaction = "25006";
constexpr std::string_view kInsufficientPrivilege = "42501";
constexpr std::string_view kStringTooLong = "22001";
constexpr std::string_view kDataCorrupted = "XX001";
constexpr std::string_view kIndexCorrupted = "XX002";
constexpr std::string_view kCompletionUnknown = "40003";

constexpr std::string_view kExpectedUri =
    "expected postgresql://USER@HOST:PORT/DATABASE, where what is missing is as libpq has it";

int64_t NowMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct ConninfoFree {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

using UriParts = std::map<std::string, std::string, std::less<>>;

// By libpq's keywords. Messages repeat nothing of the URI.
Result<UriParts> ParseUri(const std::string& uri) {
  if (!uri.starts_with("postgresql://") && !uri.starts_with("postgres://")) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "this is no URI of a PostgreSQL database; " + std::string(kExpectedUri));
  }
  char* detail = nullptr;  // repeats parts of the URI
  const std::unique_ptr<PQconninfoOption, ConninfoFree> options(
      PQconninfoParse(uri.c_str(), &detail));
  PQfreemem(detail);
  if (!options) {
    return MakeError(
        ErrorKind::kInvalidArgument,
        "the URI of the PostgreSQL database cannot be read; " + std::string(kExpectedUri));
  }
  UriParts given;
  for (const PQconninfoOption* one = options.get(); one->keyword != nullptr; ++one) {
    if (one->val != nullptr) given[one->keyword] = one->val;
  }
  return given;
}

// A URI can name several hosts, which libpq tries in turn.
int64_t CountHosts(const std::string& uri) {
  auto given = ParseUri(uri);
  if (!given) return 1;
  const std::string& hosts = given->contains("hostaddr") ? (*given)["hostaddr"] : (*given)["host"];
  return 1 + std::count(hosts.begin(), hosts.end(), ',');
}

// Calls a function of libpq that connects, with `millis` for all hosts together. What is given
// beside the URI overrides what is in it. Of several hosts only the primary will do: a standby is
// behind, and knows nothing of the locks that are held on the primary.
template <typename Function>
auto WithParameters(const PostgresOptions& options, int64_t millis, Function function) {
  const std::string seconds =
      std::to_string(std::max(kLeastReachMillis, millis / CountHosts(options.uri)) / 1'000);
  std::vector<const char*> keywords = {"dbname", "connect_timeout", "target_session_attrs",
                                       "client_encoding", "fallback_application_name"};
  std::vector<const char*> values = {options.uri.c_str(), seconds.c_str(), "read-write", "UTF8",
                                     "octolake"};
  if (!options.password.empty()) {
    keywords.push_back("password");
    values.push_back(options.password.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return function(keywords.data(), values.data(), /*expand_dbname=*/1);
}

// libpq ends its messages with a line feed, and may have several lines.
std::string OneLine(std::string_view message) {
  std::string line(message.substr(0, message.find_last_not_of(" \n") + 1));
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::string_view Field(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? std::string_view() : text;
}

bool IsOf(std::string_view state, std::string_view state_class) {
  return state.starts_with(state_class);
}

ErrorKind KindOf(std::string_view state) {
  if (state == kUniqueViolation || state == kDuplicateTable || state == kDuplicateObject) {
    return ErrorKind::kAlreadyExists;
  }
  if (state == kStringTooLong) return ErrorKind::kInvalidArgument;
  if (state == kLockNotAvailable || state == kQueryCanceled) return ErrorKind::kTransient;
  if (state == kSerializationFailure || state == kDeadlockDetected) return ErrorKind::kTransient;
  if (IsOf(state, "53")) return ErrorKind::kResourceExhausted;
  // Connections that ended, servers that stop or start.
  if (IsOf(state, "08") || IsOf(state, "57P")) return ErrorKind::kTransient;
  if (state == kDataCorrupted || state == kIndexCorrupted) return ErrorKind::kCorruption;
  return ErrorKind::kIo;
}

// Whether a COMMIT that failed in this way may have taken effect all the same: it was not the
// transaction that failed, but the connection, the server, its storage or its configuration.
bool LeavesCommitOpen(std::string_view state) {
  if (state.empty() || state == kCompletionUnknown) return true;
  return IsOf(state, "08") || IsOf(state, "57P") || IsOf(state, "58") || IsOf(state, "F0") ||
         IsOf(state, "XX");
}

std::string Advice(std::string_view state) {
  if (state == kLockNotAvailable || state == kQueryCanceled) {
    return "; another program holds its locks, or the server is slow; try again later";
  }
  if (state == kReadOnlyTransaction) return "; it is read-only: name the primary server";
  if (state == kInsufficientPrivilege) return "; grant the role what it needs";
  if (state == kStringTooLong) return "; a name or location is too long for the catalog's columns";
  return "";
}

}  // namespace

void PostgresConnection::Closer::operator()(pg_conn* connection) const { PQfinish(connection); }
void PostgresConnection::Clearer::operator()(pg_result* result) const { PQclear(result); }

Result<std::string> PostgresDisplayName(const std::string& uri) {
  OCTO_ASSIGN(auto given, ParseUri(uri));
  if (given.contains("password") || given.contains("sslpassword")) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "there is a password in the URI of the PostgreSQL database, which is shown; "
                     "give it as catalog.password, PGPASSWORD or in ~/.pgpass");
  }
  std::string name = "postgresql://";
  if (given.contains("user")) name += given["user"] + "@";
  name += given["host"];
  if (given.contains("port")) name += ":" + given["port"];
  return name + "/" + given["dbname"];
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::Connect(PostgresOptions options) {
  OCTO_ASSIGN(const std::string display, PostgresDisplayName(options.uri));
  std::string name = options.what + " " + display;
  std::unique_ptr<PostgresConnection> made(
      new PostgresConnection(std::move(options), std::move(name)));
  OCTO_TRY(made->Reach());
  // "Relation exists already, skipping" is nothing to tell.
  PQsetNoticeReceiver(
      made->connection_.get(), [](void*, const PGresult*) {}, nullptr);
  OCTO_TRY(made->Configure());
  return made;
}

Status PostgresConnection::Reach() {
  const int64_t deadline = NowMillis() + std::max(options_.connect_timeout_ms, kLeastReachMillis);
  for (bool answers = false;; answers = true) {
    const int64_t left = deadline - NowMillis();
    connection_.reset(WithParameters(options_, left, PQconnectdbParams));
    if (!connection_) {
      return MakeError(ErrorKind::kResourceExhausted, name_ + ": no memory for a connection");
    }
    if (PQstatus(connection_.get()) == CONNECTION_OK) return {};
    std::string message = name_ + ": cannot connect: " + OneLine(PQerrorMessage(connection_.get()));
    if (answers) {
      return MakeError(ErrorKind::kIo, message +
                                           "; a server answers, but one is needed that lets this "
                                           "role in and can be written to, not a standby");
    }
    OCTO_TRY(CheckAnswers(std::move(message), deadline));
  }
}

// libpq has no codes for why it could not connect; whether a server answers at all can be asked.
// One that does may have started in between: only the next attempt shows whether it refuses.
Status PostgresConnection::CheckAnswers(std::string failure, int64_t deadline_ms) const {
  const int64_t left = deadline_ms - NowMillis();
  PGPing answer = PQPING_NO_RESPONSE;
  if (left >= kLeastReachMillis) answer = WithParameters(options_, left, PQpingParams);
  if (answer == PQPING_NO_ATTEMPT) {
    return MakeError(ErrorKind::kInvalidArgument, std::move(failure));
  }
  if (answer == PQPING_OK && deadline_ms - NowMillis() >= kLeastReachMillis) return {};
  return MakeError(ErrorKind::kTransient, std::move(failure));
}

int64_t PostgresConnection::StatementTimeoutMillis() const {
  return std::clamp<int64_t>(options_.lock_timeout_ms, 1, kMostMillis) + kStatementMillis;
}

// idle_in_transaction_session_timeout lets go of the locks of a program that was cut off in a
// transaction. A commit that was confirmed has to outlive a crash of the server, whatever the
// role's settings are; where standbys are to have it as well, they say so.
Status PostgresConnection::Configure() {
  if (PQsetnonblocking(connection_.get(), 1) != 0) return Lose("cannot be used without blocking");
  const int64_t statement = StatementTimeoutMillis();
  OCTO_TRY(Run(
      "SELECT set_config('lock_timeout', $1, false), set_config('statement_timeout', $2, false), "
      "set_config('idle_in_transaction_session_timeout', $3, false), "
      "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
      "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)",
      {std::to_string(std::clamp<int64_t>(options_.lock_timeout_ms, 1, kMostMillis)),
       std::to_string(statement), std::to_string(statement * 2)}));
  return {};
}

tl::unexpected<Error> PostgresConnection::Lose(const std::string& why) {
  lost_ = true;
  std::string message = name_ + ": " + why;
  if (connection_) {
    const std::string said = OneLine(PQerrorMessage(connection_.get()));
    if (!said.empty()) message += ": " + said;
  }
  connection_.reset();
  return MakeError(ErrorKind::kTransient, std::move(message));
}

tl::unexpected<Error> PostgresConnection::Failure(const pg_result* result) {
  const std::string_view state = Field(result, PG_DIAG_SQLSTATE);
  met_others_ = state == kSerializationFailure || state == kDeadlockDetected;
  std::string message = name_ + ": " + OneLine(Field(result, PG_DIAG_MESSAGE_PRIMARY));
  if (const auto detail = Field(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    message += " (" + OneLine(detail) + ")";
  }
  return MakeError(KindOf(state), message + Advice(state));
}

Status PostgresConnection::WaitForSocket(int64_t deadline_ms, bool also_write) {
  pollfd waiting{.fd = PQsocket(connection_.get()),
                 .events = static_cast<short>(also_write ? POLLIN | POLLOUT : POLLIN),
                 .revents = 0};
  while (true) {
    const int64_t left = deadline_ms - NowMillis();
    if (left <= 0) return Lose("the server does not answer");
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min(left, kMostMillis)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return Lose("cannot wait for the server");
  }
}

Result<PostgresConnection::ResultHandle> PostgresConnection::Await() {
  const int64_t deadline = NowMillis() + StatementTimeoutMillis() + kSilenceMillis;
  while (true) {
    const int unsent = PQflush(connection_.get());
    if (unsent < 0) return Lose("the connection was lost");
    if (unsent == 0) break;
    OCTO_TRY(WaitForSocket(deadline, /*also_write=*/true));
    if (PQconsumeInput(connection_.get()) == 0) return Lose("the connection was lost");
  }
  ResultHandle last;
  while (true) {
    while (PQisBusy(connection_.get()) != 0) {
      OCTO_TRY(WaitForSocket(deadline, /*also_write=*/false));
      if (PQconsumeInput(connection_.get()) == 0) return Lose("the connection was lost");
    }
    ResultHandle next(PQgetResult(connection_.get()));
    if (!next) break;
    // The first error says what was wrong; a lost connection adds another.
    if (!last || PQresultStatus(last.get()) != PGRES_FATAL_ERROR) last = std::move(next);
  }
  if (PQstatus(connection_.get()) != CONNECTION_OK) return Lose("the connection was lost");
  if (!last) return Lose("the server gave no result");
  return last;
}

Result<PostgresRows> PostgresConnection::Run(const std::string& sql,
                                             const std::vector<std::string>& parameters) {
  met_others_ = false;
  commit_is_open_ = false;
  if (lost_) return MakeError(ErrorKind::kTransient, name_ + ": the connection was lost");
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) {
    if (parameter.find('\0') != std::string::npos) {
      return MakeError(ErrorKind::kInvalidArgument,
                       name_ + ": PostgreSQL's texts hold no zero bytes");
    }
    values.push_back(parameter.c_str());
  }
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                        values.data(), nullptr, nullptr, /*resultFormat=*/0) == 0) {
    return Lose("cannot send a statement");
  }
  OCTO_ASSIGN(const ResultHandle result, Await());
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    commit_is_open_ = LeavesCommitOpen(Field(result.get(), PG_DIAG_SQLSTATE));
    return Failure(result.get());
  }
  PostgresRows got;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    auto& cells = got.rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (PQgetisnull(result.get(), row, column) != 0) {
        cells.emplace_back();
      } else {
        cells.emplace_back(
            std::string(PQgetvalue(result.get(), row, column),
                        static_cast<size_t>(PQgetlength(result.get(), row, column))));
      }
    }
  }
  const std::string changed = PQcmdTuples(result.get());
  if (!changed.empty()) got.changed = std::stoll(changed);
  // A transaction in which a statement failed is rolled back by COMMIT, which does not fail.
  if (std::string_view(PQcmdStatus(result.get())) == "ROLLBACK" && sql == "COMMIT") {
    return MakeError(ErrorKind::kIo, name_ + ": the transaction was rolled back");
  }
  return got;
}

Result<PostgresTransaction> PostgresTransaction::Begin(PostgresConnection& connection) {
  OCTO_TRY(connection.Run("BEGIN ISOLATION LEVEL READ COMMITTED"));
  return PostgresTransaction(connection);
}

PostgresTransaction::~PostgresTransaction() {
  if (connection_ == nullptr || connection_->lost()) return;
  const bool met_others = connection_->met_others();
  // Were it to fail, the connection would be lost, and the server rolls back by itself.
  if (!connection_->Run("ROLLBACK") && !connection_->lost()) {
    (void)connection_->Lose("cannot roll back");
  }
  connection_->met_others_ = met_others;
}

Status PostgresTransaction::Commit() {
  PostgresConnection& connection = *std::exchange(connection_, nullptr);
  auto committed = connection.Run("COMMIT");
  if (committed) return {};
  Error error = std::move(committed).error();
  if (!connection.lost() && !connection.commit_is_open()) {
    return tl::unexpected<Error>(std::move(error));
  }
  error.kind = ErrorKind::kCommitStateUnknown;
  error.message += "; the commit may or may not have taken effect";
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace octolake::io
