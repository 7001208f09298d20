#include "source/github_client.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/civil_time.h"
#include "source/http_text.h"

namespace octolake::source {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
// GitHub asks for at least a minute where it does not say how long, and for longer each time.
constexpr int64_t kUntoldWaitMicros = 60 * kMicrosPerSecond;
// Its clock and ours may differ a little.
constexpr int64_t kResetMarginMicros = 2 * kMicrosPerSecond;
constexpr size_t kShownMessageBytes = 200;

// What GitHub says went wrong, as one line.
std::string MessageOf(const HttpResponse& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  std::string message;
  if (body.is_object() && body.contains("message") && body["message"].is_string()) {
    message = body["message"].get<std::string>().substr(0, kShownMessageBytes);
  }
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return std::to_string(response.status) + (message.empty() ? "" : " " + message);
}

bool IsFailureOfServer(int status) { return status >= 500 || status == 408; }

Error ErrorOf(const std::string& url, const HttpResponse& response) {
  const std::string answer = url + ": GitHub answers " + MessageOf(response);
  switch (response.status) {
    case 401:
      return {ErrorKind::kInvalidArgument, answer + "; check github.token"};
    case 403:
      return {ErrorKind::kInvalidArgument, answer + "; check what github.token may do"};
    case 404:
      return {ErrorKind::kNotFound, answer + "; it is gone, or github.token may not see it"};
    default:
      return {
          IsFailureOfServer(response.status) ? ErrorKind::kTransient : ErrorKind::kInvalidArgument,
          answer};
  }
}

}  // namespace

Status CheckApiUrl(const std::string& api_url) {
  const std::string_view origin = OriginOf(api_url);
  std::string_view host =
      origin.substr(std::min(origin.size(), std::string_view("http://").size()));
  const bool v6 = host.starts_with('[');
  host = host.substr(0, v6 ? host.find(']') + 1 : host.find(':'));
  const bool here = host == "127.0.0.1" || host == "localhost" || host == "[::1]";
  if (origin.size() > std::string_view("https://").size() && origin.find('@') == origin.npos &&
      (origin.starts_with("https://") || (origin.starts_with("http://") && here))) {
    return {};
  }
  return MakeError(ErrorKind::kInvalidArgument,
                   "github.api_url " + api_url +
                       ": expected an https URL such as https://api.github.com (tokens are sent "
                       "there; http only to this machine)");
}

GitHubClient::GitHubClient(HttpClient& http, Pause& pause, const Clock& clock,
                           GitHubOptions options, Logger logger)
    : http_(http),
      pause_(pause),
      clock_(clock),
      options_(std::move(options)),
      logger_(std::move(logger)) {}

Result<HttpRequest> GitHubClient::MakeRequest(const std::string& url,
                                              const std::vector<std::string>& headers) {
  HttpRequest request;
  request.url = url;
  request.headers = headers;
  request.headers.emplace_back("Accept: application/vnd.github+json");
  request.headers.emplace_back("X-GitHub-Api-Version: 2022-11-28");
  if (options_.authorization) {
    OCTO_ASSIGN(const std::string authorization, options_.authorization());
    if (!authorization.empty()) request.headers.push_back("Authorization: " + authorization);
  }
  return request;
}

// How long to wait, if the answer is a rate limit's.
std::optional<int64_t> GitHubClient::RateLimitWait(const HttpResponse& response, int waits) const {
  if (response.status != 403 && response.status != 429) return std::nullopt;
  if (const auto seconds = NumberIn(response.Header("Retry-After"))) {
    return std::min(*seconds, int64_t{1} << 32) * kMicrosPerSecond;
  }
  if (response.Header("X-RateLimit-Remaining") == "0") {
    const auto reset = NumberIn(response.Header("X-RateLimit-Reset"));
    if (reset && *reset < int64_t{1} << 40) {
      return std::max<int64_t>(*reset * kMicrosPerSecond - clock_.Now(), 0) + kResetMarginMicros;
    }
  }
  const bool limited =
      response.status == 429 || MessageOf(response).find("rate limit") != std::string::npos;
  return limited ? std::optional(kUntoldWaitMicros << std::min(waits, 6)) : std::nullopt;
}

Status GitHubClient::WaitForRateLimit(const std::string& url, int64_t micros, int waits) {
  const std::string until = FormatTimestamp(clock_.Now() + micros);
  if (waits > options_.max_waits || micros > options_.longest_wait_micros) {
    return MakeError(ErrorKind::kTransient, url + ": GitHub's rate limit is met, until " + until);
  }
  logger_->warn("GitHub's rate limit is met; going on at {}", until);
  if (pause_.For(micros)) return {};
  return MakeError(ErrorKind::kTransient, url + ": given up while waiting for a rate limit");
}

Result<HttpResponse> GitHubClient::Get(const std::string& path,
                                       const std::vector<std::string>& headers) {
  const std::string url = path.starts_with('/') ? options_.api_url + path : path;
  int waits = 0;
  for (int tries = 1;;) {
    OCTO_ASSIGN(const HttpRequest request, MakeRequest(url, headers));
    Result<HttpResponse> response = http_.Send(request);
    if (response) {
      const int status = response->status;
      if ((status >= 200 && status < 300) || status == 304) return response;
      if (const auto wait = RateLimitWait(*response, waits)) {
        OCTO_TRY(WaitForRateLimit(url, *wait, ++waits));
        continue;
      }
    }
    Error error = response ? ErrorOf(url, *response) : std::move(response).error();
    if (error.kind != ErrorKind::kTransient || tries == options_.max_tries) {
      return tl::unexpected<Error>(std::move(error));
    }
    logger_->warn("{}; trying again", error.message);
    if (!pause_.For(options_.first_retry_micros << std::min(tries - 1, 16))) {
      return tl::unexpected<Error>(std::move(error));
    }
    ++tries;
  }
}

// Link: <URL>; rel="next", <URL>; rel="last" (RFC 8288).
Result<std::optional<std::string>> GitHubClient::NextPage(const HttpResponse& response) const {
  std::string_view links = response.Header("Link");
  while (true) {
    const size_t begin = links.find('<');
    const size_t end = links.find('>', begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) return std::nullopt;
    const std::string_view url = links.substr(begin + 1, end - begin - 1);
    const size_t next = links.find('<', end);
    const std::string_view parameters = links.substr(end, next - end);
    if (parameters.find("rel=\"next\"") != std::string_view::npos ||
        parameters.find("rel=next") != std::string_view::npos) {
      if (OriginOf(url) != OriginOf(options_.api_url)) {
        return MakeError(ErrorKind::kCorruption, "GitHub's next page " + std::string(url) +
                                                     " is not at " + options_.api_url);
      }
      return std::string(url);
    }
    if (next == std::string_view::npos) return std::nullopt;
    links.remove_prefix(next);
  }
}

}  // namespace octolake::source
