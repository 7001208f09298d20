#include "io/s3_file_system.h"

#include <arrow/buffer.h>
#include <arrow/filesystem/s3fs.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/io_util.h>
#include <arrow/util/key_value_metadata.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace octolake::io {
namespace {

namespace fs = arrow::fs;

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kSparkScheme = "s3a://";
constexpr const char* kDefaultRegion = "us-east-1";
constexpr double kConnectTimeoutSeconds = 5;
// A server that sends and takes nothing is given up after twice that, by the way the SDK sets curl.
constexpr double kSilenceTimeoutSeconds = 10;
constexpr int64_t kFirstWaitMillis = 100;
constexpr int64_t kLongestWaitMillis = 5'000;
// How Arrow begins the name of an error of the SDK in its messages; it gives no other code.
constexpr std::string_view kAwsError = "AWS Error ";

int64_t WaitBeforeRetry(int64_t attempted) {
  return std::min(kLongestWaitMillis, kFirstWaitMillis << std::min<int64_t>(attempted, 10));
}

class PatientRetry final : public fs::S3RetryStrategy {
 public:
  explicit PatientRetry(int64_t retry_for_ms) : retry_for_ms_(retry_for_ms) {}
  bool ShouldRetry(const AWSErrorDetail& error, int64_t attempted) override {
    if (!error.should_retry) return false;
    int64_t waited = 0;
    for (int64_t i = 0; i <= attempted && waited <= retry_for_ms_; ++i) {
      waited += WaitBeforeRetry(i);
    }
    return waited <= retry_for_ms_;
  }
  int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail&, int64_t attempted) override {
    return WaitBeforeRetry(attempted);
  }

 private:
  const int64_t retry_for_ms_;
};

// The library must be told before the program ends that it does; after that it is of no more use.
class S3Library {
 public:
  static arrow::Status Begin() {
    static S3Library library;
    return library.status_;
  }
  ~S3Library() {
    if (status_.ok()) (void)fs::FinalizeS3();
  }
  S3Library(const S3Library&) = delete;
  S3Library& operator=(const S3Library&) = delete;

 private:
  S3Library() {
    fs::S3GlobalOptions options = fs::S3GlobalOptions::Defaults();
    options.log_level = fs::S3LogLevel::Off;
    status_ = fs::InitializeS3(options);
    if (!status_.ok()) return;
    // Makes Arrow's own static objects, which Finalize needs: what is made earlier goes later.
    fs::S3Options nobody = fs::S3Options::Anonymous();
    nobody.region = kDefaultRegion;
    status_ = fs::S3FileSystem::Make(nobody).status();
  }
  arrow::Status status_;
};

// "AWS Error ACCESS_DENIED during …" -> "ACCESS_DENIED".
std::string_view AwsErrorName(std::string_view message) {
  const size_t at = message.find(kAwsError);
  if (at == std::string_view::npos) return {};
  message.remove_prefix(at + kAwsError.size());
  return message.substr(0, message.find(' '));
}

// "AWS Error UNKNOWN (HTTP status 400) during …" -> 400; 0 where there was no answer, or it is of
// another error. The answer to HEAD has no body, so that it has no name of an error either.
int StatusOfUnnamed(std::string_view message) {
  constexpr std::string_view kStatus = "UNKNOWN (HTTP status ";
  const size_t at = message.find(kStatus);
  if (at == std::string_view::npos) return 0;
  message.remove_prefix(at + kStatus.size());
  int status = 0;
  std::from_chars(message.data(), message.data() + message.size(), status);
  return std::max(status, 0);
}

// What the same request would be answered at any other time.
bool IsPermanent(int http_status) {
  return http_status >= 300 && http_status < 500 && http_status != 408 && http_status != 429;
}

bool IsAnyOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

tl::unexpected<Error> Failure(const arrow::Status& status, std::string_view what,
                              const std::string& location) {
  const std::string& said = status.message();
  std::string message = "cannot " + std::string(what) + " " + location + ": ";
  if (arrow::internal::ErrnoFromStatus(status) == ENOENT) {
    return MakeError(ErrorKind::kNotFound, message + "it does not exist");
  }
  const std::string_view name = AwsErrorName(said);
  message += said;
  if (IsAnyOf(name, {"NO_SUCH_KEY", "RESOURCE_NOT_FOUND"})) {
    return MakeError(ErrorKind::kNotFound, std::move(message));
  }
  if (name == "NO_SUCH_BUCKET") return MakeError(ErrorKind::kIo, message + "; create the bucket");
  if (IsAnyOf(name,
              {"ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH",
               "INVALID_CLIENT_TOKEN_ID", "UNRECOGNIZED_CLIENT", "MISSING_AUTHENTICATION_TOKEN"})) {
    return MakeError(
        ErrorKind::kIo,
        message + "; check s3.access_key_id, s3.secret_access_key, and what they may do");
  }
  if (name == "UNKNOWN" && IsPermanent(StatusOfUnnamed(said))) {
    return MakeError(ErrorKind::kIo,
                     message +
                         "; check s3.region and s3.endpoint, whether the credentials' token "
                         "has expired, and this machine's clock");
  }
  // The SDK goes by the server's date after such an answer; this one had none that explains it.
  if (name == "REQUEST_TIME_TOO_SKEWED") {
    return MakeError(ErrorKind::kTransient,
                     message + "; check this machine's clock and the store's");
  }
  if (IsAnyOf(name, {"NETWORK_CONNECTION", "REQUEST_TIMEOUT", "SLOW_DOWN", "SERVICE_UNAVAILABLE",
                     "INTERNAL_FAILURE", "THROTTLING", "UNKNOWN"})) {
    return MakeError(ErrorKind::kTransient,
                     message + "; the store is away or busy: try again later");
  }
  if (status.IsOutOfMemory()) return MakeError(ErrorKind::kResourceExhausted, std::move(message));
  return MakeError(ErrorKind::kIo, std::move(message));
}

tl::unexpected<Error> Taken(const std::string& location) {
  return MakeError(ErrorKind::kAlreadyExists, location + " is there already");
}

// "s3://bucket/a/b" -> "bucket/a/b", as Arrow names it.
Result<std::string> PathOf(const std::string& location) {
  std::string_view rest = location;
  if (rest.starts_with(kScheme)) {
    rest.remove_prefix(kScheme.size());
  } else if (rest.starts_with(kSparkScheme)) {
    rest.remove_prefix(kSparkScheme.size());
  } else {
    return MakeError(ErrorKind::kUnsupported,
                     "cannot use " + location + ": expected a location s3://BUCKET/KEY");
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const std::string_view bucket = rest.substr(0, rest.find('/'));
  if (bucket.empty() || rest.find("//") != std::string_view::npos ||
      rest.find('\0') != std::string_view::npos) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "expected a location s3://BUCKET/KEY, found '" + location + "'");
  }
  return std::string(rest);
}

int64_t ModifiedMicros(const fs::FileInfo& info) {
  return std::chrono::duration_cast<std::chrono::microseconds>(info.mtime().time_since_epoch())
      .count();
}

class S3InputFile final : public InputFile {
 public:
  S3InputFile(std::shared_ptr<arrow::io::RandomAccessFile> file, std::string location, int64_t size)
      : file_(std::move(file)), location_(std::move(location)), size_(size) {}

  const std::string& location() const override { return location_; }
  int64_t size() const override { return size_; }
  Result<int64_t> ReadAt(int64_t offset, int64_t length, void* out) override {
    if (offset < 0 || length < 0) {
      return MakeError(ErrorKind::kInvalidArgument, "negative offset or length for " + location_);
    }
    const int64_t wanted = std::min(length, std::max<int64_t>(0, size_ - offset));
    if (wanted == 0) return 0;
    auto got = file_->ReadAt(offset, wanted, out);
    if (!got.ok()) return Failure(got.status(), "read", location_);
    return *got;
  }

 private:
  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const std::string location_;
  const int64_t size_;
};

// Uploads in parts of ten megabytes, one at a time, so that this is what a file takes of memory.
class S3OutputFile final : public OutputFile {
 public:
  S3OutputFile(std::shared_ptr<fs::S3FileSystem> store,
               std::shared_ptr<arrow::io::OutputStream> stream, std::string location,
               std::string path)
      : store_(std::move(store)),
        stream_(std::move(stream)),
        location_(std::move(location)),
        path_(std::move(path)) {}
  ~S3OutputFile() override {
    if (complete_) return;
    (void)stream_->Abort();
    // An upload whose answer was lost may have come to its end.
    if (was_closed_) (void)store_->DeleteFile(path_);
  }
  S3OutputFile(const S3OutputFile&) = delete;
  S3OutputFile& operator=(const S3OutputFile&) = delete;

  const std::string& location() const override { return location_; }
  int64_t size() const override { return size_; }

  Status Append(std::string_view bytes) override {
    OCTO_TRY(CheckUsable());
    const arrow::Status written = stream_->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
    if (!written.ok()) return Fail(Failure(written, "write", location_).value());
    size_ += std::ssize(bytes);
    return {};
  }

  Status Close() override {
    OCTO_TRY(CheckUsable());
    was_closed_ = true;
    const arrow::Status closed = stream_->Close();
    if (!closed.ok()) return Fail(Failure(closed, "complete the upload of", location_).value());
    complete_ = true;
    return {};
  }

 private:
  Status CheckUsable() const {
    if (failed_) return tl::unexpected<Error>(*failed_);
    if (!was_closed_) return {};
    return MakeError(ErrorKind::kInvalidArgument, location_ + " is closed already");
  }
  Status Fail(Error error) {
    failed_ = error;
    return tl::unexpected<Error>(std::move(error));
  }

  std::shared_ptr<fs::S3FileSystem> store_;
  std::shared_ptr<arrow::io::OutputStream> stream_;
  const std::string location_;
  const std::string path_;
  int64_t size_ = 0;
  bool was_closed_ = false;
  bool complete_ = false;
  std::optional<Error> failed_;
};

class S3Store final : public FileSystem {
 public:
  explicit S3Store(std::shared_ptr<fs::S3FileSystem> store) : store_(std::move(store)) {}

  Result<std::unique_ptr<InputFile>> Open(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, PathOf(location));
    auto file = store_->OpenInputFile(path);
    if (!file.ok()) return Failure(file.status(), "open", location);
    const auto size = (*file)->GetSize();
    if (!size.ok()) return Failure(size.status(), "open", location);
    return std::make_unique<S3InputFile>(*std::move(file), location, *size);
  }

  Result<std::unique_ptr<OutputFile>> CreateNew(const std::string& location) override {
    OCTO_ASSIGN(std::string path, PathOf(location));
    OCTO_TRY(CheckFree(location, path));
    static const auto metadata =
        arrow::key_value_metadata({{"Content-Type", "application/octet-stream"}});
    auto stream = store_->OpenOutputStream(path, metadata);
    if (!stream.ok()) return Failure(stream.status(), "create", location);
    return std::make_unique<S3OutputFile>(store_, *std::move(stream), location, std::move(path));
  }

  Result<FileInfo> Stat(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, PathOf(location));
    const auto info = store_->GetFileInfo(path);
    if (!info.ok()) return Failure(info.status(), "look at", location);
    if (info->type() == fs::FileType::NotFound) {
      return MakeError(ErrorKind::kNotFound, "cannot look at " + location + ": it does not exist");
    }
    if (!info->IsFile()) {
      return MakeError(ErrorKind::kIo, "cannot look at " + location + ": it is no file");
    }
    return FileInfo{location, info->size(), ModifiedMicros(*info)};
  }

  Status Remove(const std::string& location) override {
    OCTO_ASSIGN(const std::string path, PathOf(location));
    const arrow::Status removed = store_->DeleteFile(path);
    if (!removed.ok()) return Failure(removed, "remove", location);
    return {};
  }

  Status Move(const std::string& from, const std::string& to) override {
    OCTO_ASSIGN(const std::string old_path, PathOf(from));
    OCTO_ASSIGN(const std::string new_path, PathOf(to));
    OCTO_TRY(Stat(from));
    OCTO_TRY(CheckFree(to, new_path));
    const arrow::Status copied = store_->CopyFile(old_path, new_path);
    if (!copied.ok()) return Failure(copied, "copy to " + to, from);
    return Remove(from);
  }

  Result<std::vector<FileInfo>> List(const std::string& directory) override {
    OCTO_ASSIGN(const std::string path, PathOf(directory));
    fs::FileSelector selector;
    selector.base_dir = path;
    selector.allow_not_found = true;
    selector.recursive = true;
    const auto found = store_->GetFileInfo(selector);
    if (!found.ok()) return Failure(found.status(), "list", directory);
    const std::string_view scheme = directory.starts_with(kSparkScheme) ? kSparkScheme : kScheme;
    std::vector<FileInfo> files;
    for (const fs::FileInfo& info : *found) {
      if (!info.IsFile()) continue;
      files.push_back({std::string(scheme) + info.path(), info.size(), ModifiedMicros(info)});
    }
    std::sort(files.begin(), files.end(),
              [](const FileInfo& a, const FileInfo& b) { return a.location < b.location; });
    return files;
  }

 private:
  Status CheckFree(const std::string& location, const std::string& path) {
    const auto info = store_->GetFileInfo(path);
    if (!info.ok()) return Failure(info.status(), "look at", location);
    return info->type() == fs::FileType::NotFound ? Status() : Taken(location);
  }

  std::shared_ptr<fs::S3FileSystem> store_;
};

Status SetEndpoint(const std::string& endpoint, fs::S3Options& options) {
  if (endpoint.empty()) return {};
  std::string_view rest = endpoint;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t colon = rest.find("://");
  const std::string_view scheme = rest.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (scheme == "http" || scheme == "https") rest.remove_prefix(colon + 3);
  if (scheme.empty() || rest.empty() || rest.find_first_of("/@ ") != std::string_view::npos) {
    return MakeError(
        ErrorKind::kInvalidArgument,
        "s3.endpoint must be http://HOST:PORT or https://HOST:PORT, found '" + endpoint + "'");
  }
  options.scheme = scheme;
  options.endpoint_override = rest;
  return {};
}

Result<fs::S3Options> OptionsOf(const S3Settings& settings) {
  if (settings.access_key_id.empty() != settings.secret_access_key.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "s3.access_key_id and s3.secret_access_key belong together: give both, or "
                     "neither for what the AWS SDK finds");
  }
  if (const arrow::Status begun = S3Library::Begin(); !begun.ok()) {
    return MakeError(ErrorKind::kIo, "the S3 library cannot be used: " + begun.message());
  }
  fs::S3Options options;
  OCTO_TRY(SetEndpoint(settings.endpoint, options));
  options.region = settings.region;
  if (options.region.empty() && !settings.endpoint.empty()) options.region = kDefaultRegion;
  if (settings.access_key_id.empty()) {
    options.ConfigureDefaultCredentials();
  } else {
    options.ConfigureAccessKey(settings.access_key_id, settings.secret_access_key,
                               settings.session_token);
  }
  options.connect_timeout = kConnectTimeoutSeconds;
  options.request_timeout = kSilenceTimeoutSeconds;
  options.retry_strategy = std::make_shared<PatientRetry>(settings.retry_for_ms);
  options.background_writes = false;
  // A file of less than a part is one request.
  options.allow_delayed_open = true;
  options.tls_ca_file_path = CertificatesFile();
  return options;
}

Result<std::shared_ptr<fs::S3FileSystem>> MakeStore(const S3Settings& settings) {
  OCTO_ASSIGN(const fs::S3Options options, OptionsOf(settings));
  auto store = fs::S3FileSystem::Make(options);
  if (!store.ok()) return Failure(store.status(), "use", settings.endpoint);
  return *std::move(store);
}

}  // namespace

Result<std::unique_ptr<FileSystem>> MakeS3FileSystem(const S3Settings& settings) {
  OCTO_ASSIGN(auto store, MakeStore(settings));
  return std::make_unique<S3Store>(std::move(store));
}

Status CheckS3Bucket(const S3Settings& settings, const std::string& location) {
  OCTO_ASSIGN(const std::string path, PathOf(location));
  OCTO_ASSIGN(const auto store, MakeStore(settings));
  const std::string bucket = path.substr(0, path.find('/'));
  const auto info = store->GetFileInfo(bucket);
  if (!info.ok()) return Failure(info.status(), "use bucket", bucket);
  if (info->type() != fs::FileType::NotFound) return {};
  return MakeError(
      ErrorKind::kNotFound,
      "there is no bucket " + bucket +
          (settings.endpoint.empty() ? std::string(" at AWS") : " at " + settings.endpoint) +
          "; create it");
}

Result<S3Settings> ResolveS3Settings(const S3Settings& settings) {
  OCTO_ASSIGN(const fs::S3Options options, OptionsOf(settings));
  S3Settings resolved = settings;
  resolved.access_key_id = options.GetAccessKey();
  resolved.secret_access_key = options.GetSecretKey();
  resolved.session_token = options.GetSessionToken();
  if (resolved.region.empty()) {
    OCTO_ASSIGN(const auto store, MakeStore(settings));
    resolved.region = store->region();
  }
  return resolved;
}

bool IsS3Location(std::string_view location) {
  return location.starts_with(kScheme) || location.starts_with(kSparkScheme);
}

std::string CanonicalS3Location(std::string_view location) {
  if (!location.starts_with(kSparkScheme)) return std::string(location);
  return std::string(kScheme) + std::string(location.substr(kSparkScheme.size()));
}

std::string CertificatesFile() {
  const char* given = std::getenv("SSL_CERT_FILE");
  if (given != nullptr && *given != '\0') return given;
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/cert.pem"}) {
    if (::access(path, R_OK) == 0) return path;
  }
  return "";
}

}  // namespace octolake::io
