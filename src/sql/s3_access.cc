#include "sql/s3_access.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "sql/duckdb_handles.h"

namespace octolake::sql {
namespace {

constexpr const char* kExtension = "httpfs.duckdb_extension";
// DuckDB waits this long before its second try of a request, and twice as long before each further.
constexpr int64_t kFirstWaitMillis = 100;
constexpr int64_t kTimeoutSeconds = 30;

// In the directory of libduckdb.so, wherever the program was installed.
Result<std::string> ExtensionPath() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&duckdb_library_version), &info) == 0 ||
      info.dli_fname == nullptr) {
    return MakeError(ErrorKind::kNotFound, "it cannot be found out where DuckDB's library is");
  }
  std::error_code error;
  const auto library = std::filesystem::canonical(info.dli_fname, error);
  std::string path = (library.parent_path() / kExtension).string();
  if (error || !std::filesystem::exists(path, error)) {
    return MakeError(ErrorKind::kNotFound,
                     "DuckDB's extension httpfs, which reads from S3, is not at " + path +
                         "; install octolake again");
  }
  return path;
}

int64_t RetriesWithin(int64_t millis) {
  int64_t retries = 1;
  for (int64_t waited = kFirstWaitMillis; waited < millis; waited = waited * 2 + kFirstWaitMillis) {
    ++retries;
  }
  return retries;
}

// What a secret's text must not be part of.
Status Hidden(Status status, const io::S3Settings& settings) {
  if (status) return status;
  Error error = std::move(status).error();
  for (const std::string& secret : {settings.secret_access_key, settings.session_token}) {
    if (secret.empty() || error.message.find(secret) == std::string::npos) continue;
    error.message = "DuckDB does not take the credentials for S3";
  }
  return tl::unexpected<Error>(std::move(error));
}

std::string SecretSql(const io::S3Settings& settings, const std::vector<std::string>& prefixes) {
  std::string scope;
  for (const std::string& prefix : prefixes) {
    if (!io::IsS3Location(prefix)) continue;
    scope += (scope.empty() ? "" : ", ") + QuoteLiteral(prefix);
  }
  std::string sql = "CREATE SECRET octolake_s3 (TYPE s3, SCOPE [" + scope + "], KEY_ID " +
                    QuoteLiteral(settings.access_key_id) + ", SECRET " +
                    QuoteLiteral(settings.secret_access_key) + ", REGION " +
                    QuoteLiteral(settings.region);
  if (!settings.session_token.empty()) {
    sql += ", SESSION_TOKEN " + QuoteLiteral(settings.session_token);
  }
  if (!settings.endpoint.empty()) {
    const size_t host = settings.endpoint.find("://") + 3;
    std::string_view address = std::string_view(settings.endpoint).substr(host);
    while (address.ends_with('/')) address.remove_suffix(1);
    sql += ", URL_STYLE 'path', USE_SSL " +
           std::string(settings.endpoint.starts_with("https") ? "true" : "false") + ", ENDPOINT " +
           QuoteLiteral(std::string(address));
  }
  return sql + ")";
}

}  // namespace

Status AllowS3(duckdb_connection connection, const io::S3Settings& settings,
               const std::vector<std::string>& prefixes) {
  OCTO_ASSIGN(const std::string extension, ExtensionPath());
  std::vector<std::string> statements = {
      "LOAD " + QuoteLiteral(extension),
      "SET GLOBAL http_timeout = " + std::to_string(kTimeoutSeconds),
      "SET GLOBAL http_retries = " + std::to_string(RetriesWithin(settings.retry_for_ms)),
      "SET GLOBAL http_retry_wait_ms = " + std::to_string(kFirstWaitMillis),
      "SET GLOBAL http_retry_backoff = 2",
  };
  // The extension takes credentials from the environment into settings, which users may look at.
  for (const char* setting : {"s3_access_key_id", "s3_secret_access_key", "s3_session_token",
                              "s3_endpoint", "s3_kms_key_id"}) {
    statements.push_back(std::string("SET GLOBAL ") + setting + " = ''");
  }
  // Or what stands behind a '?' in a location would name another server, which would be sent the
  // session token.
  statements.emplace_back("SET GLOBAL s3_url_compatibility_mode = true");
  if (const std::string certificates = io::CertificatesFile(); !certificates.empty()) {
    statements.push_back("SET GLOBAL ca_cert_file = " + QuoteLiteral(certificates));
  }
  for (const std::string& sql : statements) OCTO_TRY(Execute(connection, sql));
  return Hidden(Execute(connection, SecretSql(settings, prefixes)), settings);
}

}  // namespace octolake::sql
