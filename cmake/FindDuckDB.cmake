# DuckDB::duckdb: the C interface (duckdb.h) and libduckdb.so of one version, from deps/bootstrap.sh; with
# the extension httpfs, which the program loads from the library's directory when it reads from S3.
find_path(DuckDB_INCLUDE_DIR duckdb.h PATHS "${OCTOLAKE_DEPS}/include" NO_DEFAULT_PATH)
find_file(DuckDB_LIBRARY libduckdb.so PATHS "${OCTOLAKE_DEPS}/lib" NO_DEFAULT_PATH)
find_file(DuckDB_HTTPFS httpfs.duckdb_extension PATHS "${OCTOLAKE_DEPS}/lib" NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB
  REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR DuckDB_HTTPFS
  REASON_FAILURE_MESSAGE "run deps/bootstrap.sh first")

add_library(DuckDB::duckdb SHARED IMPORTED)
set_target_properties(DuckDB::duckdb PROPERTIES
  IMPORTED_LOCATION "${DuckDB_LIBRARY}"
  IMPORTED_SONAME libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES "${DuckDB_INCLUDE_DIR}")
list(APPEND OCTOLAKE_RUNTIME_LIBRARIES "${DuckDB_LIBRARY}" "${DuckDB_HTTPFS}")
