#include "gateway/webhook.h"

#include "base/string_util.h"
#include "event/json_writer.h"
#include "event/received_rows.h"
#include "gateway/check_event.h"
#include "gateway/signature.h"

namespace octolake::gateway {
namespace {

// Those that say what was delivered, kept with the record.
constexpr Field kKeptFields[] = {Field::kGitHubEvent, Field::kGitHubHookId,
                                 Field::kGitHubHookInstallationTargetId,
                                 Field::kGitHubHookInstallationTargetType};
// GitHub's are UUIDs; this is what memory is meant for.
constexpr size_t kMaxDeliveryBytes = 128;
constexpr size_t kMaxEventNameBytes = 128;
constexpr int kRetrySeconds = 1;

bool IsJson(std::string_view content_type) {
  static constexpr std::string_view kJson = "application/json";
  return EqualsIgnoringCase(content_type.substr(0, kJson.size()), kJson) &&
         (content_type.size() == kJson.size() || content_type[kJson.size()] == ';' ||
          content_type[kJson.size()] == ' ');
}

std::string Answer(const char* result, const std::string& delivery) {
  event::JsonWriter json;
  json.Open('{').Member("status", "success").Member("result", result);
  return json.Member("delivery", delivery).Close('}').text();
}

}  // namespace

std::optional<Response> WebhookEndpoint::CheckHead(const Request& request) const {
  if (secrets_.empty()) {
    return ErrorResponse(401,
                         "no webhook secret is configured (gateway.webhook_secrets), so no "
                         "delivery can be told from a forged one");
  }
  if (!request.Has(Field::kHubSignature256)) {
    return ErrorResponse(401,
                         "the header X-Hub-Signature-256 is missing: set a secret in the "
                         "webhook's settings");
  }
  if (!IsJson(request.Get(Field::kContentType))) {
    return ErrorResponse(415,
                         "expected Content-Type: application/json; choose it in the webhook's "
                         "settings");
  }
  if (request.Has(Field::kContentEncoding)) {
    return ErrorResponse(415, "a webhook delivery has no Content-Encoding");
  }
  for (const Field field : {Field::kGitHubEvent, Field::kGitHubDelivery}) {
    const std::string& value = request.Get(field);
    const size_t most = field == Field::kGitHubEvent ? kMaxEventNameBytes : kMaxDeliveryBytes;
    if (value.empty() || value.size() > most) {
      return ErrorResponse(400, "the header " + std::string(FieldName(field)) +
                                    " is missing or longer than " + std::to_string(most) +
                                    " bytes");
    }
  }
  return std::nullopt;
}

std::optional<Response> WebhookEndpoint::Check(const Request& request, WorkerTools& tools) {
  // Before anything of the body is looked at.
  if (!IsSignedWith(secrets_, request.body, request.Get(Field::kHubSignature256))) {
    door_.metrics().CountRejected(Rejection::kBadSignature);
    return ErrorResponse(401,
                         "X-Hub-Signature-256 is not the body's signature under any "
                         "configured secret");
  }
  const std::string problem = CheckEvent(tools.json, request.body);
  if (problem.empty()) return std::nullopt;
  door_.metrics().CountRejected(Rejection::kInvalidJson);
  return ErrorResponse(400, problem);
}

void WebhookEndpoint::Take(Exchange& exchange, WorkerTools& tools) {
  const Request& request = exchange.request();
  if (auto refusal = Check(request, tools)) return exchange.Finish(std::move(*refusal));
  const std::string& delivery = request.Get(Field::kGitHubDelivery);
  if (request.Get(Field::kGitHubEvent) == "ping") {
    exchange.response().body = Answer("pong", delivery);
    return exchange.Finish();
  }
  // The answer to a copy that comes while the first is being stored is that of the first.
  const auto start = deliveries_.Begin(delivery, [this, &exchange](bool durable) {
    if (durable) return AnswerSeen(exchange);
    Response response = ErrorResponse(503, "the same delivery could not be stored; send it again");
    response.retry_after_seconds = kRetrySeconds;
    exchange.Finish(std::move(response));
  });
  switch (start) {
    case journal::DeliveryMemory::Start::kNew:
      return Store(exchange);
    case journal::DeliveryMemory::Start::kSeen:
      return AnswerSeen(exchange);
    case journal::DeliveryMemory::Start::kUnderWay:
      return;
  }
}

void WebhookEndpoint::AnswerSeen(Exchange& exchange) {
  door_.metrics().CountDuplicateDelivery();
  exchange.response().body = Answer("duplicate", exchange.request().Get(Field::kGitHubDelivery));
  exchange.Finish();
}

void WebhookEndpoint::Store(Exchange& exchange) {
  Request& request = exchange.request();
  const std::string& delivery = request.Get(Field::kGitHubDelivery);
  journal::Record record = door_.MakeRecord(std::string(event::kWebhookSource));
  record.delivery_id = delivery;
  for (const Field field : kKeptFields) {
    if (request.Has(field)) record.headers.emplace_back(FieldName(field), request.Get(field));
  }
  record.body = std::move(request.body);
  exchange.response().body = Answer("accepted", delivery);
  const TimestampMicros received_at = record.received_at;
  door_.TakeAndTell(std::move(record), exchange, [this, delivery, received_at](bool durable) {
    deliveries_.End(delivery, received_at, durable);
  });
}

}  // namespace octolake::gateway
