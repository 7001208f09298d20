// GitHub's REST API: authorization, rate limits, retries and pages.
// docs.github.com/rest/using-the-rest-api
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/pause.h"
#include "base/result.h"
#include "source/http_client.h"

namespace octolake::source {

struct GitHubOptions {
  std::string api_url = "https://api.github.com";  // of GitHub Enterprise: https://HOST/api/v3
  // Gives the value of the Authorization header; empty: none is sent.
  std::function<Result<std::string>()> authorization;
  int max_tries = 5;  // of a request that meets a failing server
  int64_t first_retry_micros = 1'000'000;
  // Of rate limits, one request waits for this many, none of them longer than this.
  int max_waits = 4;
  int64_t longest_wait_micros = int64_t{65} * 60 * 1'000'000;
};

// kInvalidArgument unless `api_url` is https, or http to this machine: tokens are sent there.
Status CheckApiUrl(const std::string& api_url);

// Used by one thread. All that is given must outlive it.
class GitHubClient {
 public:
  GitHubClient(HttpClient& http, Pause& pause, const Clock& clock, GitHubOptions options,
               Logger logger);

  // `path` begins with '/' or is a page's URL (NextPage). A response has a status of 2xx, or 304.
  // What GitHub says of a rate limit is waited for. kNotFound (also for what the token may not
  // see), kInvalidArgument when the token is refused or the request is, kTransient when the server
  // does not answer, a rate limit lasts too long, or waiting was ended; kResourceExhausted for an
  // answer that is too long.
  Result<HttpResponse> Get(const std::string& path, const std::vector<std::string>& headers = {});

  // The URL of the page behind this one; nullopt for the last. kCorruption if it leads elsewhere.
  Result<std::optional<std::string>> NextPage(const HttpResponse& response) const;

 private:
  std::optional<int64_t> RateLimitWait(const HttpResponse& response, int waits) const;
  Status WaitForRateLimit(const std::string& url, int64_t micros, int waits);
  Result<HttpRequest> MakeRequest(const std::string& url, const std::vector<std::string>& headers);

  HttpClient& http_;
  Pause& pause_;
  const Clock& clock_;
  const GitHubOptions options_;
  Logger logger_;
};

}  // namespace octolake::source
