// Statements with streamed results. Internal to sql/.
#pragma once

#include <duckdb.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "sql/duckdb_handles.h"
#include "sql/session.h"

namespace octolake::sql {

// What a result needs to stay alive, and to be forgotten when it ends.
class ConnectionLease {
 public:
  virtual ~ConnectionLease() = default;
  virtual duckdb_connection connection() const = 0;
};

// Begins a statement, which must be exactly one.
Result<std::unique_ptr<ResultStream>> BeginQuery(std::unique_ptr<ConnectionLease> lease,
                                                 const std::string& sql);

}  // namespace octolake::sql
