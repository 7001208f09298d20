#include "kafka/journal_producer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "io/local_file_system.h"
#include "journal/record_queue.h"
#include "kafka/handles.h"
#include "kafka/journal_position.h"
#include "kafka/message_batch.h"
#include "kafka/position_judge.h"
#include "kafka/producer_topics.h"
#include "kafka/topics.h"

namespace octolake::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr const char kConsumer[] = "kafka";

// A coordinator looks for transactions that are too old every ten seconds; the rest is for a busy
// one.
constexpr std::chrono::milliseconds kEndedLate{30'000};

// What a record counts beside its body.
constexpr int64_t kRecordBytes = 256;

// While one transaction follows the other.
constexpr std::chrono::seconds kNoteInterval{1};

double SecondsSince(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

bool IsFence(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

// As a connection says it.
class ClientTopics final : public MessageTopics {
 public:
  ClientTopics(Client& client, const std::string& topic, const BatchLimits& limits)
      : client_(client), topic_(topic), limits_(limits) {}
  Result<std::optional<std::string>> Id() override { return FindTopicId(client_, topic_); }
  Result<int64_t> Ends(std::optional<std::chrono::milliseconds> limit) override {
    return SumEnds(
        client_,
        {{topic_, limits_.partitions}, {RejectedTopic(topic_), limits_.rejected_partitions}},
        limit);
  }

 private:
  Client& client_;
  const std::string& topic_;
  const BatchLimits& limits_;
};

class Producer final : public lake::JournalCommitter {
 public:
  Producer(journal::Journal& journal, const ProducerOptions& options, RandomSource& random,
           SendMetrics& metrics, Logger logger)
      : journal_(journal),
        options_(options),
        metrics_(metrics),
        logger_(std::move(logger)),
        random_(random),
        sender_(Uuid::RandomV4(random).ToString()),
        judge_(
            journal, *files_,
            {options.client.bootstrap_servers, options.topic, options.journal_directory, sender_},
            logger_) {}
  ~Producer() override;

  Result<lake::JournalCommitReport> CommitNext() override;
  uint64_t position() const override { return judge_.position(); }
  uint64_t position_at_least() const override { return judge_.position_at_least(); }

 private:
  Status Connect();
  Status MakeClient();
  Status TakePosition();
  Status Note();
  Status EndWhatIsOpen(uint64_t sequence);
  Result<lake::JournalCommitReport> SendNext();
  Result<lake::JournalCommitReport> TakeRecords(BatchEncoder* encoder, int64_t* records);
  Status Send(const MessageBatch& batch, uint64_t last_sequence);
  Status Produce(const std::string& topic, int32_t partition, std::string_view key,
                 std::string_view value, const OutgoingMessage* headers_of);
  Status Check(const char* what, const RdError& error) const;
  tl::unexpected<Error> Failed(const std::string& what, rd_kafka_resp_err_t code,
                               const std::string& detail = "") const;

  journal::Journal& journal_;
  const ProducerOptions options_;
  SendMetrics& metrics_;
  const Logger logger_;
  RandomSource& random_;
  const std::string sender_;
  const std::unique_ptr<io::FileSystem> files_ = io::MakeLocalFileSystem();
  PositionJudge judge_;
  ProducerTopics topics_;
  std::unique_ptr<Client> client_;  // nullptr: to be connected
  std::optional<journal::RecordQueue> records_;
  int halvings_ = 0;  // of what a transaction takes
};

Producer::~Producer() {
  // After a stop a person looks at what was noted then.
  if (judge_.is_stopped()) return;
  const Status noted = Note();
  if (!noted) logger_->warn("{}", noted.error().message);
}

Result<lake::JournalCommitReport> Producer::CommitNext() {
  if (!client_) {
    const Status connected = Connect();
    if (!connected) {
      client_.reset();
      return tl::unexpected<Error>(connected.error());
    }
    metrics_.Update([](SendFigures& figures) { ++figures.reconnects; });
  }
  auto report = SendNext();
  if (!report) {
    // What the client holds of a transaction goes with it; the next one's first act is to have that
    // transaction aborted, if it was not committed.
    client_.reset();
    records_.reset();
  }
  return report;
}

Status Producer::Connect() {
  OCTO_TRY(judge_.Begin());
  OCTO_ASSIGN(const auto admin, Client::Make(RD_KAFKA_PRODUCER, options_.client, {}, logger_));
  OCTO_ASSIGN(topics_, PrepareTopics(*admin, options_, logger_));
  ClientTopics topics(*admin, options_.topic, topics_.limits);
  judge_.TakeTopicId(topics);
  OCTO_TRY(MakeClient());
  return TakePosition();
}

Status Producer::MakeClient() {
  const std::string timeout = std::to_string(options_.transaction_timeout.count());
  OCTO_ASSIGN(client_, Client::Make(RD_KAFKA_PRODUCER, options_.client,
                                    {{"transactional.id", journal_.uuid().ToString()},
                                     {"transaction.timeout.ms", timeout},
                                     {"message.timeout.ms", timeout},
                                     {"acks", "all"},
                                     {"compression.codec", "zstd"},
                                     {"linger.ms", "0"},
                                     // Ours are smaller; what is sent together must be, too.
                                     {"message.max.bytes", "1000000000"},
                                     // A transaction is held in memory as it is, and ends before
                                     // the next begins: its limits are those of the queue.
                                     {"queue.buffering.max.messages", "0"},
                                     {"queue.buffering.max.kbytes", "2147483647"},
                                     {"batch.size", std::to_string(std::min<int64_t>(
                                                        topics_.max_message, 1'000'000))}},
                                    logger_));
  return Check("beginning", client_->Resume(options_.client.request_timeout, [&](int millis) {
    return rd_kafka_init_transactions(client_->get(), millis);
  }));
}

// Behind init_transactions: no transaction of this journal is under way any more.
Status Producer::TakePosition() {
  PositionWaits waits;
  waits.longest_transaction = options_.transaction_timeout + kEndedLate;
  OCTO_ASSIGN(const JournalPositionFound found,
              ReadJournalPosition(options_.client, PositionsTopic(options_.topic), journal_.uuid(),
                                  logger_, waits));
  ClientTopics topics(*client_, options_.topic, topics_.limits);
  OCTO_TRY(judge_.Judge(found.sent, topics));
  // Before the first transaction, so that its sender is known whatever comes then.
  const Status noted = Note();
  // What a transaction before the last stop had no time for.
  OCTO_TRY(journal_.Release(kConsumer, position()));
  // A disk without room has some when the journal has let go of what is sent.
  Status again = noted ? noted : Note();
  if (!again) {
    // Only sending makes room then.
    if (!judge_.is_sender_noted()) return again;
    logger_->warn("{}", again.error().message);
  }
  if (found.left_open) {
    OCTO_TRY(EndWhatIsOpen(position()));
    judge_.Committed(position());
  }
  records_.emplace(journal_, position());
  logger_->info("Kafka at {}: topic {} with {} partitions has journal {} up to record {}",
                options_.client.bootstrap_servers, options_.topic, topics_.limits.partitions,
                journal_.uuid().ToString(), position());
  return {};
}

Status Producer::Note() {
  if (!client_) return judge_.Note(nullptr);
  ClientTopics topics(*client_, options_.topic, topics_.limits);
  return judge_.Note(&topics);
}

// A transaction that has ended, and whose marks are missing on some partitions, ends there with the
// mark of the next one of the same producer: this one, which has nothing of its own.
Status Producer::EndWhatIsOpen(uint64_t sequence) {
  logger_->warn(
      "Kafka at {}: the transaction up to record {} of journal {} was committed, and the cluster "
      "lost the marks of it; another transaction ends it",
      options_.client.bootstrap_servers, sequence, journal_.uuid().ToString());
  MessageBatch nothing;
  const auto add = [&](bool rejected, int32_t partitions) -> Status {
    const std::string topic = rejected ? RejectedTopic(options_.topic) : options_.topic;
    for (int32_t partition = 0; partition < partitions; ++partition) {
      OCTO_ASSIGN(const PartitionEnds ends, FindEnds(options_.client, topic, partition, logger_));
      if (ends.committed >= ends.all) continue;
      OCTO_ASSIGN(OutgoingMessage message, EmptyMessage(rejected, partition, random_));
      nothing.messages.push_back(std::move(message));
    }
    return {};
  };
  OCTO_TRY(add(false, topics_.limits.partitions));
  OCTO_TRY(add(true, topics_.limits.rejected_partitions));
  return Send(nothing, sequence);
}

Result<lake::JournalCommitReport> Producer::SendNext() {
  const auto began = Steady::now();
  BatchEncoder encoder("journal " + journal_.uuid().ToString(), random_);
  int64_t records = 0;
  OCTO_ASSIGN(lake::JournalCommitReport report, TakeRecords(&encoder, &records));
  if (report.last_sequence == 0) return report;
  OCTO_ASSIGN(const MessageBatch batch, encoder.Finish(topics_.limits));
  const double encode_seconds = SecondsSince(began);
  const auto sending = Steady::now();
  const Status sent = Send(batch, report.last_sequence);
  const auto took = Steady::now() - sending;
  if (!sent) {
    // A link that is too slow for so much would be too slow each time.
    if (took >= options_.transaction_timeout && records > 1) ++halvings_;
    return tl::unexpected<Error>(sent.error());
  }
  // Twice as much is to have its time, too.
  if (halvings_ > 0 && took < options_.transaction_timeout / 3) --halvings_;
  const double seconds = SecondsSince(began) - encode_seconds;
  report.events = batch.events;
  report.rejected = batch.rejected + batch.too_large;
  judge_.Committed(report.last_sequence);
  metrics_.Update([&](SendFigures& figures) {
    ++figures.batches;
    figures.events += batch.events;
    figures.rejected += batch.rejected;
    figures.too_large += batch.too_large;
    for (const OutgoingMessage& message : batch.messages) {
      figures.messages += message.rejected ? 0 : 1;
      figures.bytes += static_cast<int64_t>(message.value.size());
    }
    figures.batch_events.Add(static_cast<double>(batch.events));
    figures.send_seconds.Add(seconds);
    figures.encode_seconds.Add(encode_seconds);
  });
  if (batch.too_large > 0) {
    logger_->warn("{} events are too large for topic {}; they are on {}, in parts", batch.too_large,
                  options_.topic, RejectedTopic(options_.topic));
  }
  // The records are in Kafka whatever comes now.
  const auto next = records_->Front();
  if (!next) records_.emplace(journal_, position());  // the next call meets it
  const bool more_waits = next && *next != nullptr;
  if (more_waits) report.next_received_at = (*next)->record.received_at;
  if (more_waits && Steady::now() - judge_.noted_at() < kNoteInterval) return report;
  // Noted before the journal lets go of it.
  for (const Status& status : {Note(), journal_.Release(kConsumer, position())}) {
    if (!status) report.warnings.push_back(status.error().message);
  }
  return report;
}

// One at least, if there is one. Halving ends there, so that it is never by more than the digits of
// a number.
Result<lake::JournalCommitReport> Producer::TakeRecords(BatchEncoder* encoder, int64_t* records) {
  lake::JournalCommitReport report;
  const int64_t max_records = std::max<int64_t>(options_.max_records >> halvings_, 1);
  const int64_t max_bytes = std::max<int64_t>(options_.max_bytes >> halvings_, 1);
  while (*records < max_records && report.bytes + *records * kRecordBytes < max_bytes) {
    OCTO_ASSIGN(const auto* next, records_->Front());
    if (next == nullptr) break;
    if (report.first_sequence == 0) report.first_sequence = next->sequence;
    report.last_sequence = next->sequence;
    if (!journal::IsOwnRecord(next->record)) {
      if (!report.oldest_received_at) report.oldest_received_at = next->record.received_at;
      report.bytes += static_cast<int64_t>(next->record.body.size());
      OCTO_TRY(encoder->Add(next->record, next->sequence));
    }
    records_->Pop();
    ++*records;
  }
  return report;
}

Status Producer::Send(const MessageBatch& batch, uint64_t last_sequence) {
  rd_kafka_t* const producer = client_->get();
  rd_kafka_poll(producer, 0);
  OCTO_TRY(Check("beginning a transaction", RdError(rd_kafka_begin_transaction(producer))));
  for (const OutgoingMessage& message : batch.messages) {
    const std::string topic = message.rejected ? RejectedTopic(options_.topic) : options_.topic;
    OCTO_TRY(Produce(topic, message.partition, {}, message.value, &message));
  }
  const SentPosition position{last_sequence, sender_};
  OCTO_TRY(Produce(PositionsTopic(options_.topic), 0, journal_.uuid().ToString(),
                   EncodePosition(position), nullptr));
  // Waits for the messages first. Longer than the transaction lives there is nothing to wait for.
  OCTO_TRY(Check("committing a transaction",
                 client_->Resume(options_.transaction_timeout, [&](int millis) {
                   return rd_kafka_commit_transaction(producer, millis);
                 })));
  return {};
}

Status Producer::Produce(const std::string& topic, int32_t partition, std::string_view key,
                         std::string_view value, const OutgoingMessage* headers_of) {
  RdHeaders headers(rd_kafka_headers_new(8));
  if (headers_of != nullptr) {
    for (const auto& [name, text] : headers_of->headers) {
      rd_kafka_header_add(headers.get(), name.c_str(), -1, text.data(),
                          static_cast<ssize_t>(text.size()));
    }
  }
  const rd_kafka_resp_err_t code = rd_kafka_producev(
      client_->get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_KEY(key.empty() ? nullptr : key.data(), key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_END);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed("sending to " + topic, code);
  static_cast<void>(headers.release());  // the message's now
  return {};
}

Status Producer::Check(const char* what, const RdError& error) const {
  if (error == nullptr) return {};
  return Failed(what, rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
}

// Once the client has learned of a fence from an answer in the background, its calls say of it only
// that something fatal has happened, or that this is not the time for them.
tl::unexpected<Error> Producer::Failed(const std::string& what, rd_kafka_resp_err_t code,
                                       const std::string& detail) const {
  char text[512] = "";
  const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client_->get(), text, sizeof text);
  if (IsFence(code) || IsFence(fatal)) {
    return client_->Failed(what, IsFence(fatal) ? fatal : code,
                           "the transaction took too long and was ended, or another producer of "
                           "this journal has begun");
  }
  if (code == RD_KAFKA_RESP_ERR__FATAL && fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return client_->Failed(what, fatal, text);
  }
  return client_->Failed(what, code, detail);
}

}  // namespace

std::unique_ptr<lake::JournalCommitter> MakeJournalProducer(journal::Journal& journal,
                                                            const ProducerOptions& options,
                                                            RandomSource& random,
                                                            SendMetrics& metrics, Logger logger) {
  return std::make_unique<Producer>(journal, options, random, metrics, std::move(logger));
}

}  // namespace octolake::kafka
