#include "source/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "io/descriptor.h"
#include "io/errno_error.h"
#include "source/http_text.h"

namespace octolake::source {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
// However much each brings.
constexpr int kMaxTriesInAll = 200;
constexpr size_t kMaxValidatorBytes = 1024;

// Content-Range: "bytes 100-199/200", or "bytes */200" (RFC 9110, section 14.4).
struct ContentRange {
  std::optional<int64_t> first;
  std::optional<int64_t> total;
};
ContentRange ParseContentRange(std::string_view text) {
  ContentRange range;
  static constexpr std::string_view kUnit = "bytes ";
  const size_t slash = text.find('/');
  if (!text.starts_with(kUnit) || slash == std::string_view::npos) return range;
  range.total = NumberIn(text.substr(slash + 1));
  const std::string_view span = text.substr(kUnit.size(), slash - kUnit.size());
  range.first = NumberIn(span.substr(0, span.find('-')));
  return range;
}

// What If-Range can name (RFC 9110, section 13.1.5): a strong ETag; without any ETag a date, unless
// the file may have changed again within the same second.
std::string ValidatorOf(const HttpResponse& response) {
  const std::string_view etag = response.Header("ETag");
  const std::string_view modified = response.Header("Last-Modified");
  std::string_view validator = etag;
  if (etag.empty() && modified != response.Header("Date")) validator = modified;
  const bool weak = etag.starts_with("W/");
  return weak || validator.size() > kMaxValidatorBytes ? "" : std::string(validator);
}

// Retry-After: seconds, or a date (RFC 9110, section 10.2.3), which is told by the server's clock.
std::optional<int64_t> RetryAfterSeconds(const HttpResponse& response) {
  const std::string_view text = response.Header("Retry-After");
  if (const auto seconds = NumberIn(text)) return seconds;
  const auto then = ParseHttpDate(text);
  const auto now = ParseHttpDate(response.Header("Date"));
  return then && now ? std::optional(std::max<int64_t>(*then - *now, 0)) : std::nullopt;
}

std::string ValidatorPath(const std::string& path) { return path + kValidatorSuffix; }

// Of this start of the machine: what was not synced before the power went may be missing.
std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string ReadValidator(const std::string& path) {
  std::ifstream file(ValidatorPath(path), std::ios::binary);
  std::string validator;
  std::string boot_id;
  std::getline(file, validator);
  std::getline(file, boot_id);
  return boot_id == BootId() && validator.size() <= kMaxValidatorBytes ? validator : "";
}

Status WriteValidator(const std::string& path, const std::string& validator) {
  std::ofstream file(ValidatorPath(path), std::ios::binary | std::ios::trunc);
  file << validator << '\n' << BootId() << '\n';
  file.close();
  if (file) return {};
  return io::ErrnoError(errno, "write", ValidatorPath(path));
}

// One download to one file.
class Transfer {
 public:
  Transfer(std::string url, std::string path, const DownloadOptions& options,
           const OnBytes& on_bytes)
      : url_(std::move(url)), path_(std::move(path)), options_(options), on_bytes_(on_bytes) {}

  Status Open();
  int64_t have() const { return have_; }

  // What one request came to.
  struct Outcome {
    bool whole = false;
    std::optional<int64_t> retry_after_micros;
    Error error{ErrorKind::kTransient, ""};  // unless whole
  };
  Outcome Try(HttpClient& http);

 private:
  HttpRequest MakeRequest() const;
  Status Take(const HttpResponse& head, std::string_view piece);
  Status BeginBody(const HttpResponse& head);
  Status BeginRange(const HttpResponse& head);
  Status CheckTotal() const;
  Outcome Judge(const HttpResponse& response);
  Status StartOver();

  const std::string url_;
  const std::string path_;
  const DownloadOptions& options_;
  const OnBytes& on_bytes_;
  io::Descriptor file_;
  std::string validator_;  // of what is in the file; empty: it cannot be gone on with
  int64_t have_ = 0;
  std::optional<int64_t> total_;
  bool began_ = false;  // the body of the request under way
};

Status Transfer::Open() {
  file_ = io::Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (file_.get() < 0) return io::ErrnoError(errno, "create", path_);
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) return io::ErrnoError(errno, "look at", path_);
  have_ = status.st_size;
  validator_ = ReadValidator(path_);
  return validator_.empty() && have_ > 0 ? StartOver() : Status();
}

Status Transfer::StartOver() {
  if (::ftruncate(file_.get(), 0) != 0) return io::ErrnoError(errno, "cut", path_);
  have_ = 0;
  total_.reset();
  validator_.clear();
  return {};
}

HttpRequest Transfer::MakeRequest() const {
  HttpRequest request;
  request.url = url_;
  request.max_body_bytes = options_.max_bytes - have_;
  if (have_ > 0 && !validator_.empty()) {
    request.headers.push_back("Range: bytes=" + std::to_string(have_) + "-");
    request.headers.push_back("If-Range: " + validator_);
  }
  return request;
}

// Before gigabytes come that will not fit.
Status Transfer::CheckTotal() const {
  if (!total_ || *total_ <= options_.max_bytes) return {};
  return MakeError(ErrorKind::kResourceExhausted,
                   "the file has " + std::to_string(*total_) + " bytes, more than the limit of " +
                       std::to_string(options_.max_bytes) + "; download it and load that");
}

Status Transfer::BeginRange(const HttpResponse& head) {
  const ContentRange range = ParseContentRange(head.Header("Content-Range"));
  if (range.first != have_) {
    return MakeError(ErrorKind::kTransient, "another range came than was asked for");
  }
  // Of a server that does not know If-Range.
  const std::string validator = ValidatorOf(head);
  if (!validator.empty() && validator != validator_) {
    OCTO_TRY(StartOver());
    return MakeError(ErrorKind::kTransient, "the file changed while it came");
  }
  total_ = range.total;
  return CheckTotal();
}

Status Transfer::BeginBody(const HttpResponse& head) {
  began_ = true;
  if (head.status == 206) return BeginRange(head);
  OCTO_TRY(StartOver());
  total_ = NumberIn(head.Header("Content-Length"));
  OCTO_TRY(CheckTotal());
  validator_ = ValidatorOf(head);
  return WriteValidator(path_, validator_);
}

Status Transfer::Take(const HttpResponse& head, std::string_view piece) {
  if (!began_) OCTO_TRY(BeginBody(head));
  while (!piece.empty()) {
    const ssize_t count = ::pwrite(file_.get(), piece.data(), piece.size(), have_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io::ErrnoError(errno, "write", path_);
    piece.remove_prefix(static_cast<size_t>(count));
    have_ += count;
  }
  on_bytes_(have_, total_.value_or(-1));
  return {};
}

Transfer::Outcome Transfer::Judge(const HttpResponse& response) {
  Outcome outcome;
  const int status = response.status;
  const std::string answer = url_ + ": the server answers " + std::to_string(status);
  if (status == 200 || status == 206) {
    // An empty file has no piece.
    if (!began_) {
      const Status began = BeginBody(response);
      if (!began) outcome.error = {began.error().kind, url_ + ": " + began.error().message};
      if (!began) return outcome;
    }
    outcome.whole = !total_ || have_ == *total_;
    outcome.error.message = url_ + ": " + std::to_string(have_) + " bytes came, expected " +
                            std::to_string(total_.value_or(0));
  } else if (status == 416 && have_ > 0 &&
             ParseContentRange(response.Header("Content-Range")).total == have_) {
    outcome.whole = true;  // it was whole already
  } else if (status == 416) {
    const Status over = StartOver();
    outcome.error = over ? Error{ErrorKind::kTransient, answer} : over.error();
  } else if (status == 404 || status == 410) {
    outcome.error = {ErrorKind::kNotFound, answer + ": there is no such file"};
  } else if (status == 429 || status == 408 || status >= 500) {
    outcome.error.message = answer;
    if (const auto seconds = RetryAfterSeconds(response)) {
      outcome.retry_after_micros = std::min(*seconds, int64_t{86'400}) * kMicrosPerSecond;
    }
  } else {
    outcome.error = {ErrorKind::kInvalidArgument, answer};
  }
  return outcome;
}

Transfer::Outcome Transfer::Try(HttpClient& http) {
  began_ = false;
  const auto response = http.Send(
      MakeRequest(),
      [this](const HttpResponse& head, std::string_view piece) { return Take(head, piece); });
  if (response) return Judge(*response);
  Outcome outcome;
  outcome.error = response.error();
  // Without a validator what came is of no use.
  if (outcome.error.kind == ErrorKind::kTransient && have_ > 0 && validator_.empty()) {
    if (const Status over = StartOver(); !over) outcome.error = over.error();
  }
  return outcome;
}

}  // namespace

Result<int64_t> Download(HttpClient& http, Pause& pause, const std::string& url,
                         const std::string& path, const DownloadOptions& options,
                         const OnBytes& on_bytes) {
  Transfer transfer(url, path, options, on_bytes);
  OCTO_TRY(transfer.Open());
  on_bytes(transfer.have(), -1);
  int in_vain = 0;
  for (int tries = 1;; ++tries) {
    const int64_t before = transfer.have();
    Transfer::Outcome outcome = transfer.Try(http);
    if (outcome.whole) return transfer.have();
    in_vain = transfer.have() > before ? 0 : in_vain + 1;
    const bool again = outcome.error.kind == ErrorKind::kTransient && in_vain < options.max_tries &&
                       tries < kMaxTriesInAll;
    if (!again) return tl::unexpected<Error>(std::move(outcome.error));
    const int64_t wait = options.first_retry_micros << std::min(in_vain, 16);
    if (!pause.For(
            std::min(outcome.retry_after_micros.value_or(wait), options.longest_retry_micros))) {
      return tl::unexpected<Error>(std::move(outcome.error));
    }
  }
}

void RemoveValidator(const std::string& path) { ::unlink(ValidatorPath(path).c_str()); }

}  // namespace octolake::source
