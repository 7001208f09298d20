// Sends messages to a server that somebody runs to be told, as webhooks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/pause.h"
#include "base/result.h"
#include "source/http_client.h"

namespace octolake::source {

struct WebhookOptions {
  std::string url;     // secret: no error shows more of it than the server
  std::string secret;  // "": messages are not signed
  int retries = 4;
  int64_t first_wait_micros = 1'000'000;  // before a retry; doubles each time
};

// What the server asks for by Retry-After is waited, but no longer than this.
inline constexpr int64_t kLongestWebhookWaitMicros = 60'000'000;

// kInvalidArgument, without showing it, unless the URL is http or https, has a host, and neither
// user nor password, nor characters that no URL has.
Status CheckWebhookUrl(std::string_view url);

struct WebhookMessage {
  std::string event;  // X-Octolake-Event
  std::string id;     // X-Octolake-Delivery; the same in every attempt
  std::string body;   // JSON
};

// Used by one thread; client and pause, which can be ended by others, must outlive it.
class WebhookSender {
 public:
  WebhookSender(WebhookOptions options, HttpClient& http, Pause& pause)
      : options_(std::move(options)), http_(http), pause_(pause) {}

  // A POST, with X-Hub-Signature-256 as GitHub signs its own ("sha256=" and the HMAC of the body)
  // if there is a secret. Any answer of 2xx will do. Without an answer, and after 408, 429 and 5xx,
  // it is tried again; kTransient if that did not help, kInvalidArgument for other answers.
  Status Send(const WebhookMessage& message);

 private:
  HttpRequest RequestFor(const WebhookMessage& message) const;

  const WebhookOptions options_;
  HttpClient& http_;
  Pause& pause_;
};

}  // namespace octolake::source
