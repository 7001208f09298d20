// The catalog in a SQLite file.
#include <utility>

#include "iceberg/catalog_connection.h"
#include "io/sqlite.h"

namespace octolake::iceberg {
namespace {

class SqliteCatalog final : public CatalogConnection {
 public:
  explicit SqliteCatalog(std::unique_ptr<io::SqliteDatabase> database)
      : database_(std::move(database)) {}

  const std::string& name() const override { return database_->path(); }

  Result<SqlResult> Run(const std::string& sql,
                        const std::vector<std::string>& parameters) override {
    OCTO_ASSIGN(auto statement, database_->Prepare(sql));
    for (size_t i = 0; i < parameters.size(); ++i) {
      statement.Bind(static_cast<int>(i) + 1, std::string_view(parameters[i]));
    }
    SqlResult result;
    while (true) {
      OCTO_ASSIGN(const bool row, statement.Step());
      if (!row) break;
      auto& cells = result.rows.emplace_back();
      for (int column = 0; column < statement.columns(); ++column) {
        cells.push_back(statement.Text(column));
      }
    }
    result.changed = database_->changed_rows();
    return result;
  }

  Result<bool> HasTable(const std::string& table) override {
    OCTO_ASSIGN(const SqlResult found,
                Run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1", {table}));
    return !found.rows.empty();
  }
  Result<bool> HasColumn(const std::string& table, const std::string& column) override {
    OCTO_ASSIGN(const SqlResult found,
                Run("SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", {table, column}));
    return !found.rows.empty();
  }

  Status InTransaction(const std::function<Status()>& body) override {
    OCTO_ASSIGN(io::SqliteTransaction transaction, io::SqliteTransaction::Begin(*database_));
    OCTO_TRY(body());
    return transaction.Commit();
  }

  // A process takes its transaction with it.
  Status AwaitTransactions() override { return {}; }

 private:
  std::unique_ptr<io::SqliteDatabase> database_;
};

}  // namespace

Result<std::unique_ptr<CatalogConnection>> OpenSqliteCatalog(const std::string& path, bool create,
                                                             int64_t busy_timeout_ms) {
  // The journal mode stays what it is in the file: a rollback journal in those we create. WAL would
  // let readers go on during a commit, but our transactions last milliseconds, and a rollback
  // journal keeps the catalog one file: a copy made while stopped is whole, it opens from read-only
  // media and on file systems without shared memory, and so it does for Java and PyIceberg, which
  // change no modes themselves.
  OCTO_ASSIGN(auto database,
              io::SqliteDatabase::Open({path, "catalog database", create, busy_timeout_ms}));
  return std::make_unique<SqliteCatalog>(std::move(database));
}

}  // namespace octolake::iceberg
