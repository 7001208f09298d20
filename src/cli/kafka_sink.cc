#include "cli/kafka_sink.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "cli/kafka_options.h"
#include "gateway/metrics.h"
#include "kafka/journal_producer.h"

namespace octolake::cli {
namespace {

template <size_t kBounds>
void AppendHistogram(std::string& text, const std::string& name, const char* help,
                     const kafka::Histogram<kBounds>& histogram) {
  gateway::AppendMetricHead(text, name, "histogram", help);
  int64_t count = 0;
  for (size_t i = 0; i <= kBounds; ++i) {
    count += histogram.counts[i];
    char bound[32] = "+Inf";
    if (i < kBounds) std::snprintf(bound, sizeof bound, "%g", histogram.bounds[i]);
    text += name + "_bucket{le=\"" + bound + "\"} " + std::to_string(count) + "\n";
  }
  text += name + "_sum " + std::to_string(histogram.sum) + "\n";
  text += name + "_count " + std::to_string(count) + "\n";
}

}  // namespace

Result<std::unique_ptr<lake::CommitLoop>> KafkaSink::Start(const Config& config,
                                                           journal::Journal& journal,
                                                           const std::string& journal_directory,
                                                           lake::CommitLoopOptions options,
                                                           const Logger& logger) {
  OCTO_ASSIGN(auto producer, KafkaProducerOptionsOf(config, &cancelled_));
  producer.journal_directory = journal_directory;
  retry_max_ = config.GetInt("kafka.retry_max");
  started_at_ = SystemClock().Now();
  options.target = "Kafka";
  options.interval_micros = config.GetMicros("kafka.batch_time");
  options.commit.max_bytes = producer.max_bytes;
  options.max_records = producer.max_records;
  options.first_retry_micros = config.GetMicros("kafka.retry_backoff");
  options.longest_retry_micros = options.first_retry_micros << retry_max_;
  options.cancel = [this] { cancelled_ = true; };
  const auto open = [this, &journal, producer,
                     logger]() -> Result<std::unique_ptr<lake::JournalCommitter>> {
    return kafka::MakeJournalProducer(journal, producer, SystemRandom(), metrics_, logger);
  };
  return lake::CommitLoop::Start(open, journal, SystemClock(), std::move(options), logger);
}

std::string KafkaSink::MetricsText(const lake::CommitLoopState& loop) const {
  const kafka::SendFigures figures = metrics_.Figures();
  std::string text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       auto value) {
    gateway::AppendMetric(text, name, type, help, static_cast<double>(value));
  };
  add("kafka_batches_sent_total", "counter", "Transactions committed to Kafka.", figures.batches);
  add("kafka_batches_failed_total", "counter", "Attempts of a transaction that failed.",
      loop.failures);
  add("kafka_retry_count_total", "counter", "Attempts of a transaction after one that failed.",
      std::max<int64_t>(loop.failures - (loop.failures_in_a_row > 0 ? 1 : 0), 0));
  add("kafka_fallback_batches_total", "counter",
      "Batches given up by the sender: none, since what is not sent stays in the journal.", 0);
  add("kafka_worker_active", "gauge", "Whether the journal is being sent.",
      loop.stopped_for_good ? 0 : 1);
  add("kafka_worker_uptime_seconds", "gauge", "Since when.",
      (SystemClock().Now() - started_at_) / 1'000'000);
  AppendHistogram(text, "kafka_batch_size", "Events of a transaction.", figures.batch_events);
  AppendHistogram(text, "kafka_send_duration_seconds", "From a transaction's begin to its commit.",
                  figures.send_seconds);
  add("serialization_errors_total", "counter", "Documents that are no events, sent as they are.",
      figures.rejected);
  AppendHistogram(text, "serialization_duration_seconds", "Parsing and encoding of a batch.",
                  figures.encode_seconds);
  add("octolake_kafka_messages_total", "counter", "Messages with events.", figures.messages);
  add("octolake_kafka_events_total", "counter", "Events in them.", figures.events);
  add("octolake_kafka_sent_bytes_total", "counter", "Bytes of all messages.", figures.bytes);
  add("octolake_kafka_too_large_total", "counter",
      "Events larger than a message, sent to the topic of rejected ones.", figures.too_large);
  add("octolake_kafka_connections_total", "counter", "Times the producer was made anew.",
      figures.reconnects);
  add("octolake_kafka_lag_records", "gauge", "Durable events that are not in Kafka yet.",
      loop.lag_records);
  add("octolake_kafka_lag_bytes", "gauge", "Their bytes, about.", loop.lag_bytes);
  add("octolake_kafka_lag_seconds", "gauge", "Since the oldest of them was received.",
      static_cast<double>(loop.lag_micros) / 1e6);
  return text;
}

}  // namespace octolake::cli
