#include "gateway/metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace octolake::gateway {
namespace {

std::string_view RejectionName(size_t reason) {
  static constexpr std::array<std::string_view, kRejectionCount> kNames = {
      "invalid_json",  "too_large",    "queue_full",       "not_durable",
      "bad_signature", "unauthorized", "malformed_request"};
  return kNames[reason];
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text),
                std::floor(value) == value && std::fabs(value) < 1e15 ? "%.0f" : "%.9g", value);
  return text;
}

void AppendSample(std::string& out, std::string_view name, std::string_view labels, double value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(Number(value)).append("\n");
}

std::string Label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

}  // namespace

std::string_view EndpointName(Endpoint endpoint) {
  static constexpr std::array<std::string_view, kEndpointCount> kNames = {
      "/collect",       "/collect/batch", "/webhooks/github", "/health",
      "/livez",         "/readyz",        "/metrics",         "/",
      "/api/v1/status", "/api/v1/jobs",   "/api/v1/recover",  "/openapi.json",
      "/docs",          "other"};
  return kNames[static_cast<size_t>(endpoint)];
}

void AppendMetricHead(std::string& out, std::string_view name, std::string_view type,
                      std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out.append(name).append(" ").append(type).append("\n");
}

void AppendMetric(std::string& out, std::string_view name, std::string_view type,
                  std::string_view help, double value) {
  AppendMetricHead(out, name, type, help);
  AppendSample(out, name, "", value);
}

void Metrics::CountRequest(Endpoint endpoint, int status, double seconds) {
  PerEndpoint& counts = endpoints_[static_cast<size_t>(endpoint)];
  const auto* at = std::find(kStatuses.begin(), kStatuses.end() - 1, status);
  counts.statuses[static_cast<size_t>(at - kStatuses.begin())].fetch_add(1,
                                                                         std::memory_order_relaxed);
  const auto* bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  counts.buckets[static_cast<size_t>(bound - kBounds.begin())].fetch_add(1,
                                                                         std::memory_order_relaxed);
  counts.nanoseconds.fetch_add(static_cast<int64_t>(seconds * 1e9), std::memory_order_relaxed);
}

int64_t Metrics::rejected() const {
  int64_t sum = 0;
  for (const Counter& counter : rejected_) sum += counter.load(std::memory_order_relaxed);
  return sum;
}

void Metrics::AppendRequests(std::string& out) const {
  AppendMetricHead(out, "api_requests_total", "counter", "Requests answered.");
  for (size_t i = 0; i < kEndpointCount; ++i) {
    const std::string endpoint = Label("endpoint", EndpointName(static_cast<Endpoint>(i)));
    for (size_t j = 0; j < kStatuses.size(); ++j) {
      const int64_t count = endpoints_[i].statuses[j].load(std::memory_order_relaxed);
      if (count == 0) continue;
      const std::string status = kStatuses[j] == 0 ? "other" : std::to_string(kStatuses[j]);
      AppendSample(out, "api_requests_total", endpoint + "," + Label("status", status),
                   static_cast<double>(count));
    }
  }
}

void Metrics::AppendDurations(std::string& out) const {
  constexpr std::string_view kName = "api_request_duration_seconds";
  AppendMetricHead(out, kName, "histogram",
                   "From a request's head to the moment its answer is handed to the system.");
  for (size_t i = 0; i < kEndpointCount; ++i) {
    const PerEndpoint& counts = endpoints_[i];
    const std::string endpoint = Label("endpoint", EndpointName(static_cast<Endpoint>(i)));
    int64_t sum = 0;
    std::string samples;
    for (size_t j = 0; j <= kBounds.size(); ++j) {
      sum += counts.buckets[j].load(std::memory_order_relaxed);
      const std::string bound = j < kBounds.size() ? Number(kBounds[j]) : "+Inf";
      AppendSample(samples, std::string(kName) + "_bucket", endpoint + "," + Label("le", bound),
                   static_cast<double>(sum));
    }
    if (sum == 0) continue;
    out += samples;
    const auto nanoseconds = counts.nanoseconds.load(std::memory_order_relaxed);
    AppendSample(out, std::string(kName) + "_sum", endpoint,
                 static_cast<double>(nanoseconds) / 1e9);
    AppendSample(out, std::string(kName) + "_count", endpoint, static_cast<double>(sum));
  }
}

std::string Metrics::Text() const {
  std::string out;
  AppendRequests(out);
  AppendDurations(out);
  const auto value = [](const Counter& counter) {
    return static_cast<double>(counter.load(std::memory_order_relaxed));
  };
  AppendMetric(out, "metrics_received_total", "counter", "Events accepted and durable.",
               value(received_));
  AppendMetric(out, "octolake_received_bytes_total", "counter", "Bytes of accepted events.",
               value(bytes_));
  AppendMetricHead(out, "metrics_rejected_total", "counter", "Events not accepted, by reason.");
  for (size_t i = 0; i < kRejectionCount; ++i) {
    AppendSample(out, "metrics_rejected_total", Label("reason", RejectionName(i)),
                 value(rejected_[i]));
  }
  AppendMetric(out, "octolake_webhook_duplicates_total", "counter",
               "Webhook deliveries that had come before.", value(duplicates_));
  AppendMetric(out, "octolake_connections", "gauge", "Open connections.", value(connections_));
  AppendMetric(out, "octolake_connections_refused_total", "counter", "Connections over the limit.",
               value(refused_));
  return out;
}

}  // namespace octolake::gateway
