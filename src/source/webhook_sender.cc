#include "source/webhook_sender.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/civil_time.h"
#include "base/hex.h"
#include "base/hmac.h"
#include "source/http_text.h"

namespace octolake::source {
namespace {

constexpr int64_t kMaxAnswerBytes = 1 << 20;  // of which nothing is used

bool IsSuccess(int status) { return status >= 200 && status < 300; }

bool MayWorkLater(int status) { return status == 408 || status == 429 || status >= 500; }

std::string SignatureOf(std::string_view secret, std::string_view body) {
  const Sha256Digest digest = HmacSha256(secret, body);
  return "sha256=" + HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

Status CheckWebhookUrl(std::string_view url) {
  const bool clean =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (clean && CheckUrl(url)) return {};
  return MakeError(ErrorKind::kInvalidArgument,
                   "expected a URL (not shown here) that begins with http:// or https:// and a "
                   "host, without user and password");
}

HttpRequest WebhookSender::RequestFor(const WebhookMessage& message) const {
  HttpRequest request;
  request.url = options_.url;
  request.headers = {"Content-Type: application/json", "X-Octolake-Event: " + message.event,
                     "X-Octolake-Delivery: " + message.id};
  if (!options_.secret.empty()) {
    request.headers.push_back("X-Hub-Signature-256: " + SignatureOf(options_.secret, message.body));
  }
  request.max_body_bytes = kMaxAnswerBytes;
  request.post_body = message.body;
  return request;
}

Status WebhookSender::Send(const WebhookMessage& message) {
  const HttpRequest request = RequestFor(message);
  int64_t wait = options_.first_wait_micros;
  for (int attempt = 0;; ++attempt) {
    const Result<HttpResponse> response = http_.Send(request);
    if (response && IsSuccess(response->status)) return {};
    Error error = response ? Error{MayWorkLater(response->status) ? ErrorKind::kTransient
                                                                  : ErrorKind::kInvalidArgument,
                                   std::string(OriginOf(options_.url)) + " answered with status " +
                                       std::to_string(response->status)}
                           : response.error();
    if (error.kind != ErrorKind::kTransient || attempt >= options_.retries) {
      error.message += "; sent " + std::to_string(attempt + 1) + " times";
      return tl::unexpected<Error>(std::move(error));
    }
    int64_t asked = 0;
    if (response) asked = NumberIn(response->Header("Retry-After")).value_or(0);
    asked = std::min(asked, kLongestWebhookWaitMicros / kMicrosPerSecond) * kMicrosPerSecond;
    if (!pause_.For(std::min(std::max(wait, asked), kLongestWebhookWaitMicros))) {
      return MakeError(ErrorKind::kTransient, error.message + "; given up");
    }
    wait = std::min(wait * 2, kLongestWebhookWaitMicros);
  }
}

}  // namespace octolake::source
