#include "io/sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "io/errno_error.h"
#include "io/local_file_system.h"

namespace octolake::io {
namespace {

constexpr int kPrimaryCodeMask = 0xFF;  // extended result codes keep the primary one in their byte

int64_t MillisSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               start)
      .count();
}

ErrorKind KindOf(int code) {
  switch (code & kPrimaryCodeMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::kTransient;
    case SQLITE_CONSTRAINT:
      return ErrorKind::kAlreadyExists;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return ErrorKind::kCorruption;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorKind::kResourceExhausted;
    default:
      return ErrorKind::kIo;
  }
}

std::string Advice(int code, int64_t waited_ms) {
  switch (code & kPrimaryCodeMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another process holds its lock, waited " + std::to_string(waited_ms) +
             " ms; try again later";
    case SQLITE_READONLY:
      return "; it is read-only here: make the file and its directory writable";
    case SQLITE_NOTADB:
      return "; the file is no SQLite database: name another, or move it away";
    case SQLITE_FULL:
      return "; the disk is full: make room on it";
    case SQLITE_CANTOPEN:
      return "; check that the file and its directory can be read and written";
    default:
      return "";
  }
}

}  // namespace

void SqliteStatement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);  // repeats an error that Step has reported
}

SqliteStatement& SqliteStatement::Bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_result_ == SQLITE_OK) bind_result_ = code;
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int index, int64_t number) {
  const int code = sqlite3_bind_int64(statement_.get(), index, number);
  if (bind_result_ == SQLITE_OK) bind_result_ = code;
  return *this;
}

Result<bool> SqliteStatement::Step() {
  if (bind_result_ != SQLITE_OK) return database_->Failure(bind_result_, 0);
  const auto start = std::chrono::steady_clock::now();
  errno = 0;  // so that Failure finds there what went wrong in this step
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->Failure(code, MillisSince(start));
}

Status SqliteStatement::Finish() {
  while (true) {
    OCTO_ASSIGN(const bool row, Step());
    if (!row) return {};
  }
}

int SqliteStatement::columns() const { return sqlite3_column_count(statement_.get()); }

std::optional<std::string> SqliteStatement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return std::nullopt;
  const auto length = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return std::string(reinterpret_cast<const char*>(text), length);
}

std::optional<int64_t> SqliteStatement::Integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return sqlite3_column_int64(statement_.get(), column);
}

void SqliteDatabase::Closer::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(SqliteOptions options) {
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(std::move(options)));
  const std::string& path = database->options_.path;
  const bool create = database->options_.create;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     database->Name() + " is a directory; name a file");
  }
  if (!create && !std::filesystem::exists(path, error)) {
    return MakeError(ErrorKind::kNotFound, database->Name() + " does not exist");
  }
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (create && !parent.empty()) {
    // SQLite syncs the names in this directory, not its own name.
    const std::string absolute = std::filesystem::absolute(parent, error).lexically_normal();
    Status created = CreateLocalDirectory(absolute);
    if (!created) return WithContext(std::move(created).error(), database->Name());
  }
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  database->connection_.reset(connection);  // to be closed after a failure, too
  if (code != SQLITE_OK) return database->Failure(code, 0);
  OCTO_TRY(database->Configure());
  return database;
}

// EXTRA is FULL, plus, with a rollback journal, a sync of the directory once the journal is gone;
// without it a power cut could take back a commit that was reported.
Status SqliteDatabase::Configure() {
  sqlite3_extended_result_codes(connection_.get(), 1);
  const int64_t limit = std::numeric_limits<int>::max();
  sqlite3_busy_timeout(connection_.get(),
                       static_cast<int>(std::clamp<int64_t>(options_.busy_timeout_ms, 0, limit)));
  if (options_.journal == SqliteJournal::kWal) OCTO_TRY(UseWal());
  OCTO_TRY(Execute("PRAGMA synchronous=EXTRA"));
  return Execute("PRAGMA trusted_schema=OFF");
}

// Changing the mode needs the file for itself, and does not wait for it as other statements do: an
// exclusive transaction does that, after which somebody else may have come first again.
Status SqliteDatabase::UseWal() {
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    Status used = Execute("PRAGMA journal_mode=WAL");
    if (used || used.error().kind != ErrorKind::kTransient) return used;
    if (MillisSince(start) > options_.busy_timeout_ms) return used;
    OCTO_TRY(Execute("BEGIN EXCLUSIVE"));
    OCTO_TRY(Execute("ROLLBACK"));
  }
}

bool SqliteDatabase::read_only() const {
  return sqlite3_db_readonly(connection_.get(), "main") == 1;
}

Result<SqliteStatement> SqliteDatabase::Prepare(std::string_view sql) {
  const auto start = std::chrono::steady_clock::now();
  sqlite3_stmt* statement = nullptr;
  errno = 0;
  const int code = sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return Failure(code, MillisSince(start));
  return SqliteStatement(*this, statement);
}

Status SqliteDatabase::Execute(std::string_view sql) {
  OCTO_ASSIGN(SqliteStatement statement, Prepare(sql));
  return statement.Finish();
}

int64_t SqliteDatabase::changed_rows() const { return sqlite3_changes64(connection_.get()); }

int64_t SqliteDatabase::last_inserted_id() const {
  return sqlite3_last_insert_rowid(connection_.get());
}

// Without the lock, or without room for the journal, COMMIT has not begun; when a page cannot be
// written the journal is still there, and with it the state before. Any other failure may have come
// after the moment at which the journal was gone.
bool SqliteDatabase::FailedBeforeCommitPoint() const {
  const int code = sqlite3_extended_errcode(connection_.get());
  switch (code & kPrimaryCodeMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return true;
    default:
      return code == SQLITE_IOERR_WRITE;
  }
}

bool SqliteDatabase::in_transaction() const {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

tl::unexpected<Error> SqliteDatabase::Failure(int code, int64_t waited_ms) const {
  const char* detail = connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code);
  int reason = connection_ ? sqlite3_system_errno(connection_.get()) : 0;
  // SQLite notes it for some statements only. It looks for files that need not be there.
  if (reason == 0 && errno != ENOENT) reason = errno;
  if ((code & kPrimaryCodeMask) == SQLITE_IOERR && reason != 0) {
    // SQLite says only that there was an error; the operating system knows which.
    Error error = ErrnoError(reason, "use " + options_.what, path()).value();
    error.message += std::string("; SQLite: ") + detail;
    // Of the other kinds callers would think that a table is meant.
    if (error.kind != ErrorKind::kResourceExhausted) error.kind = ErrorKind::kIo;
    return tl::unexpected<Error>(std::move(error));
  }
  return MakeError(KindOf(code), Name() + ": " + detail + Advice(code, waited_ms));
}

Result<SqliteTransaction> SqliteTransaction::Begin(SqliteDatabase& database) {
  OCTO_TRY(database.Execute("BEGIN IMMEDIATE"));
  return SqliteTransaction(database);
}

SqliteTransaction::~SqliteTransaction() {
  if (database_ == nullptr || !database_->in_transaction()) return;
  // Were it to fail, closing the connection or the next one's recovery rolls back.
  (void)database_->Execute("ROLLBACK");
}

Status SqliteTransaction::Commit() {
  SqliteDatabase& database = *std::exchange(database_, nullptr);
  Status committed = database.Execute("COMMIT");
  if (committed) return {};
  const bool sure_if_rolled_back = database.FailedBeforeCommitPoint();
  Status rolled_back;
  if (database.in_transaction()) rolled_back = database.Execute("ROLLBACK");
  if (sure_if_rolled_back && rolled_back) return committed;
  return MakeError(ErrorKind::kCommitStateUnknown,
                   committed.error().message + "; the commit may or may not have taken effect");
}

}  // namespace octolake::io
