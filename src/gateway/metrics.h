// What the gateway counts, and its figures as text for Prometheus (exposition format 0.0.4).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace octolake::gateway {

enum class Endpoint {
  kCollect,
  kBatch,
  kWebhook,
  kHealth,
  kLive,
  kReady,
  kMetrics,
  kStatusPage,
  kStatus,
  kJobs,
  kRecover,
  kOpenApi,
  kDocs,
  kOther,  // no such path, or not a request
};
inline constexpr size_t kEndpointCount = static_cast<size_t>(Endpoint::kOther) + 1;
// The path, or "other".
std::string_view EndpointName(Endpoint endpoint);

// Why an event was not taken.
enum class Rejection {
  kInvalidJson,
  kTooLarge,
  kQueueFull,
  kNotDurable,
  kBadSignature,
  kUnauthorized,
  kMalformed,
};
inline constexpr size_t kRejectionCount = static_cast<size_t>(Rejection::kMalformed) + 1;

// Thread-safe; counting does not lock.
class Metrics {
 public:
  void CountRequest(Endpoint endpoint, int status, double seconds);
  void CountReceived(int64_t events) { received_.fetch_add(events, std::memory_order_relaxed); }
  void CountBytes(int64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void CountRejected(Rejection reason, int64_t events = 1) {
    rejected_[static_cast<size_t>(reason)].fetch_add(events, std::memory_order_relaxed);
  }
  void CountDuplicateDelivery() { duplicates_.fetch_add(1, std::memory_order_relaxed); }
  void CountConnection(int64_t change) {
    connections_.fetch_add(change, std::memory_order_relaxed);
  }
  void CountRefusedConnection() { refused_.fetch_add(1, std::memory_order_relaxed); }

  int64_t received() const { return received_.load(std::memory_order_relaxed); }
  int64_t rejected() const;
  int64_t connections() const { return connections_.load(std::memory_order_relaxed); }

  std::string Text() const;

 private:
  using Counter = std::atomic<int64_t>;
  static constexpr std::array<int, 17> kStatuses = {200, 202, 400, 401, 403, 404, 405, 408, 411,
                                                    413, 414, 415, 417, 429, 431, 503, 0};
  static constexpr std::array<double, 11> kBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                     0.05,   0.1,   0.25,   1,     5};
  struct PerEndpoint {
    std::array<Counter, kStatuses.size()> statuses{};
    std::array<Counter, kBounds.size() + 1> buckets{};
    Counter nanoseconds{0};
  };
  void AppendRequests(std::string& out) const;
  void AppendDurations(std::string& out) const;

  std::array<PerEndpoint, kEndpointCount> endpoints_{};
  std::array<Counter, kRejectionCount> rejected_{};
  Counter received_{0};
  Counter bytes_{0};
  Counter duplicates_{0};
  Counter connections_{0};
  Counter refused_{0};
};

// "# HELP", "# TYPE" and one sample without labels.
void AppendMetric(std::string& out, std::string_view name, std::string_view type,
                  std::string_view help, double value);
void AppendMetricHead(std::string& out, std::string_view name, std::string_view type,
                      std::string_view help);

}  // namespace octolake::gateway
