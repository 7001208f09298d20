// Lets a DuckDB database read from S3. Internal to sql/.
#pragma once

#include <duckdb.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "io/s3_file_system.h"

namespace octolake::sql {

// Loads DuckDB's extension httpfs, which lies beside its library, and gives it the credentials for
// those of the prefixes that are on S3, as a secret of DuckDB's: no setting and no table function
// that a sandboxed session allows shows it, nor does an error from here. Requests that fail are
// tried again for about as long as the settings say. kNotFound if the extension is not there.
Status AllowS3(duckdb_connection connection, const io::S3Settings& settings,
               const std::vector<std::string>& prefixes);

}  // namespace octolake::sql
