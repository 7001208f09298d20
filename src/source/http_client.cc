#include "source/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>

#include "base/string_util.h"
#include "source/http_text.h"

namespace octolake::source {
namespace {

constexpr long kMaxRedirects = 5;
// Fewer bytes a second count as none.
constexpr long kStallBytesPerSecond = 64;
constexpr int64_t kMaxHeaderBytes = 256 << 10;

// GitHub refuses requests without one.
constexpr const char kUserAgent[] = "octolake/" OCTOLAKE_VERSION;

// Once for the process, before the first request.
CURLcode InitialiseCurl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  return result;
}

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

constexpr std::string_view kWhitespace = " \t\r\n";

ErrorKind KindOf(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_TOO_MANY_REDIRECTS:
      return ErrorKind::kInvalidArgument;
    case CURLE_OUT_OF_MEMORY:
      return ErrorKind::kResourceExhausted;
    default:
      return ErrorKind::kTransient;
  }
}

class CurlClient final : public HttpClient {
 public:
  CurlClient(std::unique_ptr<CURL, FreeHandle> handle, const HttpOptions& options)
      : handle_(std::move(handle)), options_(options) {}

  Result<HttpResponse> Send(const HttpRequest& request, const BodySink& sink) override;
  void Cancel() override { cancelled_ = true; }

 private:
  // What the callbacks of one request share.
  struct Transfer {
    const HttpRequest& request;
    const BodySink& sink;
    HttpResponse response;
    int64_t header_bytes = 0;
    int64_t body_bytes = 0;
    std::optional<Error> error;
  };

  static size_t OnHeader(char* bytes, size_t size, size_t count, void* transfer);
  static size_t OnBody(char* bytes, size_t size, size_t count, void* transfer);
  static int OnProgress(void* client, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<CurlClient*>(client)->cancelled_ ? 1 : 0;
  }
  void Prepare(Transfer& transfer, curl_slist* headers, char* message);

  std::unique_ptr<CURL, FreeHandle> handle_;
  const HttpOptions options_;
  std::atomic<bool> cancelled_ = false;
};

size_t CurlClient::OnHeader(char* bytes, size_t size, size_t count, void* data) {
  auto& transfer = *static_cast<Transfer*>(data);
  const std::string_view line(bytes, size * count);
  transfer.header_bytes += static_cast<int64_t>(line.size());
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.error = Error{ErrorKind::kResourceExhausted, "the answer's header is too long"};
    return 0;
  }
  const size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) {
    // Behind a redirection, or 100: only the last one counts.
    transfer.response.headers.clear();
    const size_t space = line.find(' ');
    transfer.response.status = 0;
    if (space != std::string_view::npos) {
      std::from_chars(line.data() + space + 1, line.data() + line.size(), transfer.response.status);
    }
  } else if (colon != std::string_view::npos) {
    transfer.response.headers.emplace_back(Trim(line.substr(0, colon), kWhitespace),
                                           Trim(line.substr(colon + 1), kWhitespace));
  }
  return line.size();
}

size_t CurlClient::OnBody(char* bytes, size_t size, size_t count, void* data) {
  auto& transfer = *static_cast<Transfer*>(data);
  const std::string_view piece(bytes, size * count);
  transfer.body_bytes += static_cast<int64_t>(piece.size());
  if (transfer.body_bytes > transfer.request.max_body_bytes) {
    transfer.error = Error{
        ErrorKind::kResourceExhausted,
        "the answer is longer than " + std::to_string(transfer.request.max_body_bytes) + " bytes"};
    return 0;
  }
  const int status = transfer.response.status;
  if (transfer.sink && (status == 200 || status == 206)) {
    const Status taken = transfer.sink(transfer.response, piece);
    if (!taken) transfer.error = taken.error();
    return taken ? piece.size() : 0;
  }
  transfer.response.body.append(piece);
  return piece.size();
}

void CurlClient::Prepare(Transfer& transfer, curl_slist* headers, char* message) {
  CURL* curl = handle_.get();
  curl_easy_reset(curl);  // keeps the connection
  curl_easy_setopt(curl, CURLOPT_URL, transfer.request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  if (transfer.request.head_only) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, kUserAgent);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // Given up, it does not wait for a name server that gives no answer.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, transfer.request.post_body ? 0L : 1L);
  if (const auto& body = transfer.request.post_body) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data());
  }
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  const bool https = transfer.request.url.starts_with("https://");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
  // A file is stored as it is sent; other answers come compressed where the server can.
  if (!transfer.sink) {
    if (!transfer.request.head_only) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.answer_timeout_ms));
  }
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(std::max<int64_t>(options_.stall_timeout_ms / 1000, 1)));
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
}

Result<HttpResponse> CurlClient::Send(const HttpRequest& request, const BodySink& sink) {
  std::unique_ptr<curl_slist, FreeList> headers;
  for (const std::string& header : request.headers) {
    curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
    if (longer == nullptr) return MakeError(ErrorKind::kResourceExhausted, "out of memory");
    (void)headers.release();
    headers.reset(longer);
  }
  Transfer transfer{request, sink, {}, 0, 0, std::nullopt};
  char message[CURL_ERROR_SIZE] = "";
  Prepare(transfer, headers.get(), message);
  const CURLcode code = curl_easy_perform(handle_.get());
  const std::string name(request.post_body ? OriginOf(request.url) : request.url);
  if (transfer.error) return WithContext(*std::move(transfer.error), name);
  if (code == CURLE_OK) return std::move(transfer.response);
  if (cancelled_) return MakeError(ErrorKind::kTransient, name + ": given up");
  return MakeError(KindOf(code),
                   name + ": " + (message[0] != '\0' ? message : curl_easy_strerror(code)));
}

}  // namespace

std::string_view HttpResponse::Header(std::string_view name) const {
  const auto found = std::find_if(headers.rbegin(), headers.rend(), [&](const auto& header) {
    return EqualsIgnoringCase(header.first, name);
  });
  return found == headers.rend() ? std::string_view() : std::string_view(found->second);
}

Result<std::unique_ptr<HttpClient>> MakeHttpClient(const HttpOptions& options) {
  if (const CURLcode code = InitialiseCurl(); code != CURLE_OK) {
    return MakeError(ErrorKind::kIo, std::string("libcurl: ") + curl_easy_strerror(code));
  }
  std::unique_ptr<CURL, FreeHandle> handle(curl_easy_init());
  if (handle == nullptr) return MakeError(ErrorKind::kResourceExhausted, "libcurl: out of memory");
  return std::make_unique<CurlClient>(std::move(handle), options);
}

}  // namespace octolake::source
