// HTTP(S) requests to servers elsewhere, one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace octolake::source {

struct HttpRequest {
  std::string url;                   // http or https
  std::vector<std::string> headers;  // "Name: value"; those that carry a secret stay with the host
  int64_t max_body_bytes = int64_t{64} << 20;
  bool head_only = false;  // HEAD: what the header of a file as it is stored would say
  // POST of this. A redirection is then a response, and is not followed; errors name the server
  // only, for the rest of the URL may be a secret.
  std::optional<std::string> post_body = {};
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // decompressed; empty if it was handed to a BodySink

  // The last header of that name, whatever its case; "" if there is none.
  std::string_view Header(std::string_view name) const;
};

// Takes the pieces of a body, in order. An error ends the request.
using BodySink = std::function<Status(const HttpResponse& head, std::string_view piece)>;

// Used by one thread, but for Cancel.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Follows redirections. Any status is a response; kTransient when there is none (no connection,
  // cut off, too slow), kInvalidArgument for what is no URL or a server whose certificate is not
  // right, kResourceExhausted for a longer body. With a sink, the bodies of 200 and 206 go to it as
  // they come.
  virtual Result<HttpResponse> Send(const HttpRequest& request, const BodySink& sink = {}) = 0;

  // From any thread: the request under way and all later ones end with kTransient.
  virtual void Cancel() = 0;
};

struct HttpOptions {
  int64_t connect_timeout_ms = 15'000;
  // A request ends when nothing to speak of comes for so long,
  int64_t stall_timeout_ms = 30'000;
  // or, without a sink, when it is not over after so long.
  int64_t answer_timeout_ms = 300'000;
};

// Proxies are taken from the environment (https_proxy, no_proxy), as curl does.
Result<std::unique_ptr<HttpClient>> MakeHttpClient(const HttpOptions& options = {});

}  // namespace octolake::source
