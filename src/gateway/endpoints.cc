#include "gateway/endpoints.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/string_util.h"
#include "event/json_writer.h"
#include "gateway/check_event.h"
#include "gateway/pages.h"
#include "gateway/process_figures.h"
#include "gateway/signature.h"

namespace octolake::gateway {
namespace {

enum class Access { kAnyone, kToken, kSignature };

enum class Method {
  kGet,
  kPost,
  kPostEvents
};  // GET also: HEAD; of events the length is asked for

struct Route {
  std::string_view path;
  Endpoint endpoint;
  Method method;
  Access access;
};

constexpr std::array<Route, 13> kRoutes = {{
    {"/collect", Endpoint::kCollect, Method::kPostEvents, Access::kToken},
    {"/collect/batch", Endpoint::kBatch, Method::kPostEvents, Access::kToken},
    {"/webhooks/github", Endpoint::kWebhook, Method::kPostEvents, Access::kSignature},
    {"/health", Endpoint::kHealth, Method::kGet, Access::kAnyone},
    {"/livez", Endpoint::kLive, Method::kGet, Access::kAnyone},
    {"/readyz", Endpoint::kReady, Method::kGet, Access::kAnyone},
    {"/metrics", Endpoint::kMetrics, Method::kGet, Access::kToken},
    {"/", Endpoint::kStatusPage, Method::kGet, Access::kAnyone},  // its figures come from the next
    {"/api/v1/status", Endpoint::kStatus, Method::kGet, Access::kToken},
    {"/api/v1/jobs", Endpoint::kJobs, Method::kGet, Access::kToken},
    {"/api/v1/recover", Endpoint::kRecover, Method::kPost, Access::kToken},
    {"/openapi.json", Endpoint::kOpenApi, Method::kGet, Access::kAnyone},
    {"/docs", Endpoint::kDocs, Method::kGet, Access::kAnyone},
}};

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kPrometheus = "text/plain; version=0.0.4; charset=utf-8";
constexpr int kStoppingRetrySeconds = 5;

Response Page(std::string_view content_type, std::string body) {
  Response response;
  response.content_type = content_type;
  response.body = std::move(body);
  return response;
}

// Whether a request's Host is an address or "localhost", which nobody else can have a name point
// to.
bool IsHostOfOurs(std::string_view host) {
  if (host.starts_with('[')) return true;  // IPv6
  host = host.substr(0, host.find(':'));
  return EqualsIgnoringCase(host, "localhost") ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

// Browsers say of which site the page is that sends something. Without this, any page that somebody
// opens on this machine could send events to the loopback address. A page whose name was made to
// point here (DNS rebinding) names itself as Host too; only a token tells it from a proxy's name.
bool IsFromAnotherSite(const Request& request, bool has_token) {
  if (!request.Has(Field::kOrigin)) return false;
  std::string_view site = request.Get(Field::kOrigin);
  const size_t scheme = site.find("://");
  if (scheme == std::string_view::npos) return true;  // "null": a page without a site
  site.remove_prefix(scheme + 3);
  const std::string& host = request.Get(Field::kHost);
  return !EqualsIgnoringCase(site, host) || !(has_token || IsHostOfOurs(host));
}

Response NotAllowed(const Route& route, const Request& request) {
  Response response =
      ErrorResponse(405, request.method + " " + std::string(route.path) + ": expected " +
                             (route.method == Method::kGet ? "GET or HEAD" : "POST"));
  response.allow = route.method == Method::kGet ? "GET, HEAD" : "POST";
  return response;
}

}  // namespace

Endpoints::Endpoints(const GatewayOptions& options, EventDoor& door,
                     journal::DeliveryMemory& deliveries, ByteBudget& bodies, StatusSource& status,
                     const Clock& clock, Logger logger)
    : options_(options),
      door_(door),
      bodies_(bodies),
      status_(status),
      clock_(clock),
      logger_(std::move(logger)),
      started_at_(clock.Now()),
      webhook_(options.webhook_secrets, door, deliveries),
      batches_({options.batch_threads, options.max_batch_bytes, options.max_event_bytes}, door) {}

// A page whose name was made to point to this machine reads as its own what it finds there. Where
// anybody is meant to read it that is no matter; with a token it cannot.
bool Endpoints::IsByAForeignName(const Request& request) const {
  return !options_.allow_anonymous && options_.tokens.empty() && request.method != "POST" &&
         request.Has(Field::kHost) && !IsHostOfOurs(request.Get(Field::kHost));
}

RequestHandler::HeadDecision Endpoints::OnHead(const Request& request) {
  HeadDecision decision = Decide(request);
  if (decision.refusal) CountRefusal(static_cast<Endpoint>(decision.endpoint), *decision.refusal);
  return decision;
}

// Where events go in, an event was refused.
void Endpoints::CountRefusal(Endpoint endpoint, const Response& refusal) {
  const bool takes_events = endpoint == Endpoint::kCollect || endpoint == Endpoint::kBatch ||
                            endpoint == Endpoint::kWebhook;
  if (!takes_events || refusal.status == 405) return;
  switch (refusal.status) {
    case 401:
      return door_.metrics().CountRejected(
          endpoint == Endpoint::kWebhook ? Rejection::kBadSignature : Rejection::kUnauthorized);
    case 403:
      return door_.metrics().CountRejected(Rejection::kUnauthorized);
    default:
      return door_.metrics().CountRejected(Rejection::kMalformed);
  }
}

RequestHandler::HeadDecision Endpoints::Decide(const Request& request) const {
  HeadDecision decision;
  decision.endpoint = static_cast<int>(Endpoint::kOther);
  const auto refuse = [&](Response response) {
    decision.refusal = std::move(response);
    return decision;
  };
  const auto* route = std::find_if(kRoutes.begin(), kRoutes.end(),
                                   [&](const Route& one) { return one.path == request.path; });
  if (route == kRoutes.end()) {
    return refuse(ErrorResponse(404, "there is no " + request.path + "; see /docs"));
  }
  decision.endpoint = static_cast<int>(route->endpoint);
  if (route->access == Access::kSignature) decision.sender = Sender::kUnknown;
  const bool allowed = route->method == Method::kGet
                           ? request.method == "GET" || request.method == "HEAD"
                           : request.method == "POST";
  if (!allowed) return refuse(NotAllowed(*route, request));
  if (route->access == Access::kToken && !options_.tokens.empty() &&
      !HasToken(options_.tokens, request.Get(Field::kAuthorization))) {
    return refuse(ErrorResponse(401, "expected the header Authorization: Bearer TOKEN"));
  }
  if (route->access == Access::kToken && IsByAForeignName(request)) {
    return refuse(ErrorResponse(403, "sent to " + request.Get(Field::kHost) +
                                         ", which is no name of this machine; without "
                                         "gateway.tokens it is asked by address or as localhost"));
  }
  if (route->method == Method::kGet) return decision;
  if (route->access == Access::kToken && IsFromAnotherSite(request, !options_.tokens.empty())) {
    return refuse(ErrorResponse(403, "sent by a web page of " + request.Get(Field::kOrigin) +
                                         ", which is not this server"));
  }
  if (route->method == Method::kPost) return decision;
  if (!request.content_length && !request.chunked) {
    Response response = ErrorResponse(411, "expected Content-Length or Transfer-Encoding: chunked");
    response.close = true;  // a body may follow all the same, which is no request
    return refuse(std::move(response));
  }
  switch (route->endpoint) {
    case Endpoint::kBatch:
      decision.body_limit = static_cast<uint64_t>(options_.max_batch_bytes);
      decision.refusal = CheckContentEncoding(request);
      break;
    case Endpoint::kWebhook:
      decision.body_limit = static_cast<uint64_t>(options_.max_webhook_bytes);
      decision.refusal = webhook_.CheckHead(request);
      break;
    default:
      decision.body_limit = static_cast<uint64_t>(options_.max_event_bytes);
      if (request.Has(Field::kContentEncoding)) {
        decision.refusal =
            ErrorResponse(415, "/collect takes no Content-Encoding; /collect/batch does");
      }
  }
  return decision;
}

void Endpoints::Handle(int endpoint, Exchange& exchange, WorkerTools& tools) {
  switch (static_cast<Endpoint>(endpoint)) {
    case Endpoint::kCollect:
      return Collect(exchange, tools);
    case Endpoint::kBatch:
      return batches_.Take(exchange);
    case Endpoint::kWebhook:
      return webhook_.Take(exchange, tools);
    case Endpoint::kHealth:
      return exchange.Finish(Health());
    case Endpoint::kLive:
      return exchange.Finish(Page(kJson, R"({"status":"alive"})"));
    case Endpoint::kReady:
      return exchange.Finish(Ready());
    case Endpoint::kMetrics:
      return exchange.Finish(MetricsPage());
    case Endpoint::kStatusPage:
      return exchange.Finish(Page(kHtml, std::string(StatusPageHtml())));
    case Endpoint::kStatus:
      return exchange.Finish(StatusReport());
    case Endpoint::kJobs:
      return exchange.Finish(Jobs());
    case Endpoint::kRecover:
      return exchange.Finish(Recover());
    case Endpoint::kOpenApi:
      return exchange.Finish(Page(kJson, std::string(OpenApiJson())));
    case Endpoint::kDocs:
      return exchange.Finish(Page(kHtml, std::string(DocsPageHtml())));
    case Endpoint::kOther:
      return exchange.Finish(ErrorResponse(404, "there is nothing here; see /docs"));
  }
}

void Endpoints::Collect(Exchange& exchange, WorkerTools& tools) {
  std::string& body = exchange.request().body;
  const std::string problem = CheckEvent(tools.json, body);
  if (!problem.empty()) {
    door_.metrics().CountRejected(Rejection::kInvalidJson);
    return exchange.Finish(ErrorResponse(400, problem));
  }
  journal::Record record = door_.MakeRecord("collect");
  exchange.response()
      .body.append(R"({"status":"success","event_id":")")
      .append(record.trace_id.ToString())
      .append("\"}");
  record.body = std::move(body);
  door_.Take(std::move(record), exchange);
}

double Endpoints::QueuePercent(const journal::JournalStats& stats) const {
  const double records = static_cast<double>(stats.waiting_records) /
                         static_cast<double>(std::max<int64_t>(options_.max_queue_records, 1));
  const double bytes = static_cast<double>(stats.waiting_bytes) /
                       static_cast<double>(std::max<int64_t>(options_.max_queue_bytes, 1));
  return std::max(records, bytes) * 100;
}

// Once when it begins, and once when it is over.
void Endpoints::OnTick() {
  const journal::JournalStats stats = door_.journal().Stats();
  const double journal = 100.0 * static_cast<double>(stats.bytes) /
                         static_cast<double>(std::max<int64_t>(options_.max_journal_bytes, 1));
  Warn("queue", QueuePercent(stats), queue_is_high_);
  Warn("journal", journal, journal_is_high_);
}

void Endpoints::Warn(const char* what, double percent, bool& is_high) {
  // Not at each change around the mark.
  const double mark = options_.warning_percent * (is_high ? 0.9 : 1.0);
  if ((percent >= mark) == is_high) return;
  is_high = !is_high;
  if (is_high) {
    logger_->warn("the {} is {:.0f} % full; events are refused when it is full", what, percent);
  } else {
    logger_->info("the {} is {:.0f} % full again", what, percent);
  }
}

Response Endpoints::Health() {
  const journal::JournalStats stats = door_.journal().Stats();
  const double percent = QueuePercent(stats);
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", percent);
  event::JsonWriter json;
  json.Open('{')
      .Member("status", percent >= options_.warning_percent ? "degraded" : "healthy")
      .Member("queue_size", stats.waiting_records)
      .Member("max_queue_size", options_.max_queue_records)
      .Key("queue_pressure_percent")
      .AddRaw(text)
      .Member("queue_bytes", stats.waiting_bytes)
      .Member("max_queue_bytes", options_.max_queue_bytes)
      .Member("journal_bytes", stats.bytes)
      .Member("uptime_seconds", UptimeSeconds())
      .Key("sink")
      .AddRaw(status_.SinkJson())
      .Close('}');
  return Page(kJson, json.text());
}

Response Endpoints::Ready() {
  Status ready = status_.Ready();
  if (ready && door_.journal().Stats().full) {
    ready = MakeError(ErrorKind::kResourceExhausted, "the journal is full");
  }
  if (ready && stopping_) ready = MakeError(ErrorKind::kTransient, "octolake is stopping");
  if (ready) return Page(kJson, R"({"status":"ready"})");
  Response response = ErrorResponse(503, ready.error().message);
  response.retry_after_seconds = kStoppingRetrySeconds;
  return response;
}

Response Endpoints::Recover() {
  const Result<int64_t> run = status_.StartRecovery();
  if (!run) return ErrorResponse(404, run.error().message);
  Response response = Page(kJson, R"({"status":"started","run":)" + std::to_string(*run) + "}");
  response.status = 202;
  return response;
}

Response Endpoints::Jobs() {
  const Result<std::string> jobs = status_.JobsJson();
  if (!jobs) return ErrorResponse(503, "the history of runs cannot be read now; try again later");
  return Page(kJson, *jobs);
}

Response Endpoints::MetricsPage() {
  const journal::JournalStats stats = door_.journal().Stats();
  std::string text = door_.metrics().Text();
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    AppendMetric(text, name, "gauge", help, static_cast<double>(value));
  };
  gauge("metric_queue_size", "Events that wait for the disk.", stats.waiting_records);
  gauge("metric_queue_capacity", "Events that may wait.", options_.max_queue_records);
  gauge("metric_queue_utilization_percent", "Events that wait, of those that may.",
        100.0 * static_cast<double>(stats.waiting_records) /
            static_cast<double>(std::max<int64_t>(options_.max_queue_records, 1)));
  gauge("octolake_queue_bytes", "Bytes that wait for the disk.", stats.waiting_bytes);
  gauge("octolake_queue_capacity_bytes", "Bytes that may wait.", options_.max_queue_bytes);
  gauge("octolake_bodies_bytes", "Bytes of requests being handled.", bodies_.used());
  gauge("octolake_journal_bytes", "Size of the journal's segments.", stats.bytes);
  gauge("octolake_journal_capacity_bytes", "Size that it may have.", options_.max_journal_bytes);
  gauge("octolake_journal_segments", "Files of the journal.", stats.segments);
  gauge("octolake_journal_durable_sequence", "The last durable record.",
        door_.journal().durable_sequence());
  AppendMetric(text, "octolake_journal_groups_total", "counter", "Groups of records synced.",
               static_cast<double>(stats.groups));
  AppendMetric(text, "octolake_journal_failed_groups_total", "counter",
               "Groups that could not be synced; nothing of them was acknowledged.",
               static_cast<double>(stats.failed_groups));
  AppendProcessFigures(text);
  text += status_.MetricsText();
  return Page(kPrometheus, std::move(text));
}

Response Endpoints::StatusReport() {
  const journal::JournalStats stats = door_.journal().Stats();
  event::JsonWriter json;
  json.Open('{')
      .Member("now_ms", clock_.Now() / 1000)
      .Member("uptime_seconds", UptimeSeconds())
      .Member("received", door_.metrics().received())
      .Member("rejected", door_.metrics().rejected())
      .Member("connections", door_.metrics().connections())
      .Key("journal")
      .Open('{')
      .Member("waiting_records", stats.waiting_records)
      .Member("waiting_bytes", stats.waiting_bytes)
      .Member("segments", stats.segments)
      .Member("bytes", stats.bytes)
      .Member("groups", stats.groups)
      .Member("failed_groups", stats.failed_groups)
      .Member("durable_sequence", static_cast<int64_t>(door_.journal().durable_sequence()))
      .Close('}')
      .Key("lake")
      .AddRaw(status_.StatusJson())
      .Close('}');
  return Page(kJson, json.text());
}

}  // namespace octolake::gateway
