// Asks DuckDB's planner which conditions of a statement hold for the rows of each relation that it
// reads. Internal to sql/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/scan.h"
#include "iceberg/type.h"
#include "sql/session.h"

namespace octolake::sql {

// One filter for each time the relation is read; a row that passes none of them is of no use to the
// statement.
using FiltersOfScans = std::vector<iceberg::Filter>;

// A session with an empty table in place of every relation, in which statements are planned and
// never run. Used by one thread.
class FilterProbe {
 public:
  static Result<std::unique_ptr<FilterProbe>> Open();

  Status AddTable(const RelationName& name, const iceberg::Schema& schema);
  Status AddView(const RelationName& name, const std::string& query);
  Status UseCatalog(const std::string& catalog) { return session_->UseCatalog(catalog); }

  // By PlanName of the tables added. Tables that the plan does not name are not in the map, which
  // says nothing about them. `statement` is one SELECT.
  Result<std::map<std::string, FiltersOfScans>> FiltersOf(const std::string& statement);

  // How a plan spells a table; empty if the name, or one of the columns, could be misread.
  static std::string PlanName(const RelationName& name, const iceberg::Schema& schema);

 private:
  explicit FilterProbe(std::unique_ptr<Session> session) : session_(std::move(session)) {}

  std::unique_ptr<Session> session_;
  std::map<std::string, iceberg::Schema> tables_;  // by PlanName
};

}  // namespace octolake::sql
