#include "cli/up_options.h"

#include <cmath>
#include <string_view>

#include "base/string_util.h"
#include "cli/config_keys.h"

namespace octolake::cli {
namespace {

constexpr std::string_view kLoopback = "127.0.0.1";
constexpr int kMaxPort = 65535;

Status ParseListen(std::string_view listen, gateway::ServerOptions& server) {
  const auto invalid = [&] {
    return MakeError(ErrorKind::kInvalidArgument, "gateway.listen " + std::string(listen) +
                                                      ": expected HOST:PORT such as "
                                                      "127.0.0.1:8080");
  };
  const size_t colon = listen.rfind(':');
  if (colon == std::string_view::npos) return invalid();
  server.port = ParseNumber<int>(listen.substr(colon + 1)).value_or(-1);
  if (server.port < 0 || server.port > kMaxPort) return invalid();
  std::string_view host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "localhost") host = kLoopback;
  server.host = host;
  return {};
}

// A share (0.8) or a number of events.
Result<int> WarningPercent(const Config& config, int64_t capacity) {
  const std::string& text = config.GetString("queue.warning_threshold");
  const double value = ParseNumber<double>(text).value_or(0);
  if (!(value > 0)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "queue.warning_threshold " + text +
                         ": expected a share such as 0.8, or a number of events");
  }
  const double share = value <= 1 ? value : value / static_cast<double>(capacity);
  return static_cast<int>(std::lround(std::min(share, 1.0) * 100));
}

// With room for what goes with a body.
Status CheckHolds(const Config& config, const char* larger, const char* smaller,
                  bool in_half = false) {
  constexpr int64_t kMore = int64_t{128} << 10;
  const int64_t has = config.GetBytes(larger) / (in_half ? 2 : 1);
  if (has >= config.GetBytes(smaller) + kMore) return {};
  return MakeError(ErrorKind::kInvalidArgument,
                   (in_half ? "half of " : "") + std::string(larger) + " " +
                       std::to_string(config.GetBytes(larger)) + ": expected more than " + smaller +
                       " (" + std::to_string(config.GetBytes(smaller)) + ") and 128 KiB");
}

// What could never be taken would be answered with "send it again" for ever.
Status CheckSizes(const Config& config) {
  for (const char* limit : {"gateway.max_event_size", "gateway.max_webhook_size"}) {
    OCTO_TRY(CheckHolds(config, "queue.max_bytes", limit));
    OCTO_TRY(CheckHolds(config, "gateway.max_bytes_in_flight", limit));
  }
  if (!config.GetList("gateway.webhook_secrets").empty()) {
    OCTO_TRY(CheckHolds(config, "gateway.max_bytes_in_flight", "gateway.max_webhook_size",
                        /*in_half=*/true));
  }
  return CheckHolds(config, "gateway.max_bytes_in_flight", "gateway.max_batch_size");
}

std::chrono::milliseconds MillisOf(const Config& config, const std::string& key) {
  return std::chrono::milliseconds(config.GetMicros(key) / 1000);
}

}  // namespace

Result<gateway::GatewayOptions> GatewayOptionsOf(const Config& config, const std::string& listen) {
  gateway::GatewayOptions options;
  OCTO_TRY(
      ParseListen(listen.empty() ? config.GetString("gateway.listen") : listen, options.server));
  options.tokens = config.GetList("gateway.tokens");
  options.webhook_secrets = config.GetList("gateway.webhook_secrets");
  options.allow_anonymous = config.GetBool("gateway.allow_anonymous");
  options.server.tls_certificate_file = config.GetString("gateway.tls_certificate");
  options.server.tls_key_file = config.GetString("gateway.tls_key");
  options.server.workers = static_cast<int>(config.GetInt("gateway.workers"));
  options.server.max_connections = static_cast<int>(config.GetInt("gateway.max_connections"));
  options.server.idle_timeout = MillisOf(config, "gateway.idle_timeout");
  options.server.head_timeout = MillisOf(config, "gateway.head_timeout");
  options.server.body_timeout = MillisOf(config, "gateway.body_timeout");
  options.server.request_timeout = MillisOf(config, "gateway.request_timeout");
  options.max_event_bytes = config.GetBytes("gateway.max_event_size");
  options.max_webhook_bytes = config.GetBytes("gateway.max_webhook_size");
  options.max_batch_bytes = config.GetBytes("gateway.max_batch_size");
  options.max_bytes_in_flight = config.GetBytes("gateway.max_bytes_in_flight");
  options.max_queue_records = config.GetInt("queue.max_events");
  options.max_queue_bytes = config.GetBytes("queue.max_bytes");
  options.max_journal_bytes = config.GetBytes("journal.max_size");
  OCTO_TRY(CheckSizes(config));
  OCTO_ASSIGN(options.warning_percent, WarningPercent(config, options.max_queue_records));
  return options;
}

lake::CommitLoopOptions CommitLoopOptionsOf(const Config& config) {
  lake::CommitLoopOptions options;
  options.interval_micros = config.GetMicros("bronze.commit_interval");
  options.commit.max_bytes = config.GetBytes("bronze.commit_size");
  options.commit.writer = WriterOptionsOf(config);
  options.commit.retention = RetentionPolicyOf(config);
  return options;
}

Result<journal::JournalOptions> JournalOptionsOf(const Config& config) {
  journal::JournalOptions options;
  options.segment_bytes = config.GetBytes("journal.segment_size");
  options.max_bytes = config.GetBytes("journal.max_size");
  options.reserve_bytes = config.GetBytes("journal.reserve");
  options.max_waiting_records = config.GetInt("queue.max_events");
  options.max_waiting_bytes = config.GetBytes("queue.max_bytes");
  const int64_t least =
      config.GetBytes("gateway.max_webhook_size") + config.GetBytes("gateway.max_event_size");
  if (options.segment_bytes < least || options.max_bytes < 2 * options.segment_bytes) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "journal.segment_size must hold the largest event (" + std::to_string(least) +
                         " bytes), and journal.max_size two segments");
  }
  return options;
}

}  // namespace octolake::cli
