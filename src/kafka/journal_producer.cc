#include "kafka/journal_producer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/string_util.h"
#include "io/local_file_system.h"
#include "journal/record_queue.h"
#include "kafka/handles.h"
#include "kafka/journal_position.h"
#include "kafka/message_batch.h"
#include "kafka/producer_topics.h"
#include "kafka/sent_floor.h"
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
        position_(journal.first_sequence() - 1),
        floor_file_(*files_, options.journal_directory, journal.uuid()),
        opened_at_(journal.durable_sequence()) {
    const Status read = ReadFloor();
    if (!read) logger_->warn("{}", read.error().message);
  }
  ~Producer() override;

  Result<lake::JournalCommitReport> CommitNext() override;
  uint64_t position() const override { return position_; }
  uint64_t position_at_least() const override;

 private:
  Status Connect();
  Status ReadFloor();
  Status CheckNotStopped();
  void TakeTopicId(Client& admin);
  Status MakeClient();
  Status TakePosition();
  Result<uint64_t> PositionIn(const std::optional<SentPosition>& sent);
  Result<std::string> LostBesidePositions();
  Result<int64_t> EndOfMessages() const;
  uint64_t GoOnAfterAStop(uint64_t in_kafka) const;
  bool IsKnown(const SentPosition& sent) const;
  uint64_t LowerOf(uint64_t in_kafka) const;
  Result<uint64_t> StopForGood(ErrorKind kind, uint64_t in_kafka, const std::string& problem);
  void NowHas(uint64_t sequence, const std::optional<SentPosition>& seen);
  Status NoteFloor();
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
  ProducerTopics topics_;
  uint64_t position_;
  std::unique_ptr<Client> client_;  // nullptr: to be connected
  std::optional<journal::RecordQueue> records_;
  int halvings_ = 0;  // of what a transaction takes
  const std::unique_ptr<io::FileSystem> files_ = io::MakeLocalFileSystem();
  SentFloorFile floor_file_;
  bool is_floor_read_ = false;
  std::string topic_id_;            // of the events' topic, as last known; empty: not known
  std::optional<SentFloor> floor_;  // nullopt: the topic was never asked for the journal
  std::optional<SentFloor> noted_;  // in the file
  Steady::time_point noted_at_;
  std::optional<Error> stopped_;  // for good
  // The journal's last record when the first one began of those that Kafka has not answered yet;
  // nullopt: it has answered this one.
  std::optional<uint64_t> opened_at_;
};

Producer::~Producer() {
  // After a stop a person looks at what was noted then.
  if (stopped_) return;
  const Status noted = NoteFloor();
  if (!noted) logger_->warn("{}", noted.error().message);
}

// What the file says was so; the journal may be an older copy.
uint64_t Producer::position_at_least() const {
  if (!floor_) return position_;
  return std::max(position_, std::min(floor_->sequence, journal_.durable_sequence()));
}

Result<lake::JournalCommitReport> Producer::CommitNext() {
  if (stopped_) return tl::unexpected<Error>(*stopped_);
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
  OCTO_TRY(ReadFloor());
  OCTO_TRY(CheckNotStopped());
  OCTO_ASSIGN(const auto admin, Client::Make(RD_KAFKA_PRODUCER, options_.client, {}, logger_));
  OCTO_ASSIGN(topics_, PrepareTopics(*admin, options_, logger_));
  TakeTopicId(*admin);
  OCTO_TRY(MakeClient());
  return TakePosition();
}

Status Producer::ReadFloor() {
  if (is_floor_read_) return {};
  OCTO_ASSIGN(const auto floor, floor_file_.Read());
  is_floor_read_ = true;
  if (!floor || floor->topic != options_.topic) return {};
  floor_ = noted_ = floor;
  topic_id_ = floor->topic_id;
  // Noted, since the next start has more of its own, and may be the first that reaches Kafka.
  opened_at_ = std::min(*opened_at_, floor->opened_at.value_or(*opened_at_));
  floor_->opened_at = opened_at_;
  return NoteFloor();
}

// By this producer or an earlier one.
Status Producer::CheckNotStopped() {
  OCTO_ASSIGN(const auto why, floor_file_.ReadStop());
  if (!why) return {};
  // The one that stopped may have had no time for it.
  if (floor_) {
    floor_->stopped = true;
    OCTO_TRY(NoteFloor());
  }
  stopped_ =
      Error{ErrorKind::kCorruption, "sending was stopped, as " + floor_file_.stop_location() +
                                        " says: " + std::string(Trim(*why, " \n"))};
  return tl::unexpected<Error>(*stopped_);
}

// Asked for before the position, so that what is noted is of no topic that came later.
void Producer::TakeTopicId(Client& admin) {
  const auto id = FindTopicId(admin, options_.topic);
  if (id && *id) {
    topic_id_ = **id;
  } else {
    logger_->warn("the id of topic {} is not known: {}", options_.topic,
                  id ? "it is gone" : id.error().message);
  }
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
  OCTO_ASSIGN(const uint64_t sequence, PositionIn(found.sent));
  const Status checked = journal_.CheckPosition({journal_.uuid(), sequence});
  if (!checked) return WithContext(checked.error(), "topic " + PositionsTopic(options_.topic));
  if (floor_ && !floor_->topic_id.empty() && topic_id_ != floor_->topic_id) {
    logger_->warn(
        "topic {} is not the one that had journal {} up to record {} (its id is {} and was {}): "
        "what was not read of it before is not there",
        options_.topic, journal_.uuid().ToString(), floor_->sequence, topic_id_, floor_->topic_id);
  }
  NowHas(sequence, found.sent);
  // Before the first transaction, so that its sender is known whatever comes then.
  const Status noted = NoteFloor();
  // What a transaction before the last stop had no time for.
  OCTO_TRY(journal_.Release(kConsumer, position_));
  // A disk without room has some when the journal has let go of what is sent.
  if (!noted) OCTO_TRY(NoteFloor());
  if (found.left_open) {
    OCTO_TRY(EndWhatIsOpen(sequence));
    NowHas(sequence, SentPosition{sequence, sender_});
  }
  records_.emplace(journal_, position_);
  logger_->info("Kafka at {}: topic {} with {} partitions has journal {} up to record {}",
                options_.client.bootstrap_servers, options_.topic, topics_.limits.partitions,
                journal_.uuid().ToString(), position_);
  return {};
}

// The topic of positions says it, unless that contradicts what was noted. Where it has nothing at
// all of the journal, and the events' topic is the one that had it, the topic of positions alone
// was removed or emptied, and what was committed to Kafka is there. Where it has an older position
// the whole cluster may have gone back, events included, and only a person can know.
Result<uint64_t> Producer::PositionIn(const std::optional<SentPosition>& sent) {
  const uint64_t in_kafka = sent ? sent->sequence : 0;
  const std::string has = "topic " + PositionsTopic(options_.topic) + " has journal " +
                          journal_.uuid().ToString() + " up to record " + std::to_string(in_kafka);
  const bool is_behind =
      floor_ && in_kafka < floor_->sequence;  // also of a producer long forgotten
  if (sent && !is_behind && !IsKnown(*sent)) {
    return StopForGood(ErrorKind::kInvalidArgument, in_kafka,
                       has + ", sent by another producer (" + sent->sender +
                           "): the journal's directory was copied, or an octolake that was "
                           "believed dead still runs. End one of them");
  }
  // The very one that was noted may be of another producer, and what it means is noted, too.
  const bool is_seen = floor_ && sent && floor_->seen == sent;
  const uint64_t sequence = is_seen ? floor_->sequence : in_kafka;
  if (opened_at_ && sequence > *opened_at_) {
    return StopForGood(ErrorKind::kCorruption, in_kafka,
                       has + ", and when octolake began, the journal ended with record " +
                           std::to_string(*opened_at_) +
                           ": an older copy of its directory was put here. Put the right one back");
  }
  if (is_seen) return sequence;
  if (!is_behind) return in_kafka;
  const std::string lost = has + ", and had it up to " + std::to_string(floor_->sequence) +
                           " before: it was removed, or its records were";
  if (sent) return StopForGood(ErrorKind::kCorruption, in_kafka, lost + ". Put the topic back");
  OCTO_ASSIGN(const std::string more, LostBesidePositions());
  if (!more.empty()) {
    return StopForGood(ErrorKind::kCorruption, in_kafka,
                       lost + "; " + more + ". Put the topics back");
  }
  logger_->warn(
      "Kafka at {}: topic {} has no position of journal {} any more, it was removed or emptied; "
      "topic {} is the one that had the journal up to record {}, so sending goes on behind that",
      options_.client.bootstrap_servers, PositionsTopic(options_.topic), journal_.uuid().ToString(),
      options_.topic, floor_->sequence);
  return floor_->sequence;
}

// Empty if the topic of events is the one that had the journal, and has lost nothing of its end.
// Behind the position that is missing: topics that are made again later have one.
Result<std::string> Producer::LostBesidePositions() {
  OCTO_ASSIGN(const auto id, FindTopicId(*client_, options_.topic));
  if (!id) return MakeError(ErrorKind::kTransient, "topic " + options_.topic + " is gone");
  if (id->empty() || floor_->topic_id.empty()) {
    return "whether topic " + options_.topic + " is the one it was is not known";
  }
  if (*id != floor_->topic_id) return "topic " + options_.topic + " is not the one it was";
  OCTO_ASSIGN(const int64_t end, EndOfMessages());
  if (end > 0 && end >= floor_->messages_end) return std::string();
  return "the partitions of " + options_.topic + " and " + RejectedTopic(options_.topic) +
         " end at offsets whose sum is " + std::to_string(end) + ", and it was " +
         std::to_string(floor_->messages_end) + ": they have lost messages, too";
}

Result<int64_t> Producer::EndOfMessages() const {
  return SumEnds(*client_, {{options_.topic, topics_.limits.partitions},
                            {RejectedTopic(options_.topic), topics_.limits.rejected_partitions}});
}

// A person has removed the file.
uint64_t Producer::GoOnAfterAStop(uint64_t in_kafka) const {
  const uint64_t behind = LowerOf(in_kafka);
  const uint64_t first = journal_.first_sequence();
  const std::string gone = behind + 1 < first
                               ? "; the journal begins with record " + std::to_string(first) +
                                     ", what was before is gone"
                               : "";
  logger_->warn("journal {} is sent on behind record {}, since {} was removed{}",
                journal_.uuid().ToString(), behind, floor_file_.stop_location(), gone);
  return std::max(behind, first - 1);
}

// Each position says who sent it. That another one's has come is certain, however long anything
// took; of an error that looks like a fence that cannot be said: the coordinator answers in the
// same way where it has ended a transaction for its age.
bool Producer::IsKnown(const SentPosition& sent) const {
  return !floor_ || floor_->noted_by.empty() || sent.sender == floor_->noted_by ||
         floor_->seen == sent;
}

// Behind it nothing is passed over that the journal still has, and only the journal's own records
// that Kafka has can come twice. All of them, if nothing was noted.
uint64_t Producer::LowerOf(uint64_t in_kafka) const {
  return std::min({in_kafka, floor_ ? floor_->sequence : 0, opened_at_.value_or(in_kafka)});
}

// Where Kafka and the note contradict each other. Also for those who start later: the journal
// grows, and what was seen now would be seen no more. But behind a stop that a person has ended it
// goes on.
Result<uint64_t> Producer::StopForGood(ErrorKind kind, uint64_t in_kafka,
                                       const std::string& problem) {
  if (floor_ && floor_->stopped) return GoOnAfterAStop(in_kafka);
  std::string why = "Kafka at " + options_.client.bootstrap_servers + ": " + problem;
  const std::string file = floor_file_.stop_location();
  if (!file.empty()) {
    why += ". To go on with this journal, remove " + file +
           " and start octolake again: it sends what the journal has behind record " +
           std::to_string(LowerOf(in_kafka)) +
           ", of which nothing is lost, and what Kafka has of it already comes twice";
  }
  if (!floor_) {
    floor_ = SentFloor{options_.topic, topic_id_, 0};
    floor_->opened_at = opened_at_;
  }
  floor_->stopped = true;
  stopped_ = Error{kind, why};
  // In this order, or a kill in between would have the next start go on.
  Status written = floor_file_.Stop(why);
  if (written) written = NoteFloor();
  if (!written) {
    logger_->error("the next start may not know that sending has stopped: {}",
                   written.error().message);
  }
  return tl::unexpected<Error>(*stopped_);
}

// Only of what a committed transaction has.
void Producer::NowHas(uint64_t sequence, const std::optional<SentPosition>& seen) {
  position_ = sequence;
  opened_at_.reset();
  const int64_t end = floor_ ? floor_->messages_end : 0;  // asked for where it is noted
  floor_ = SentFloor{options_.topic, topic_id_, sequence, seen, sender_};
  floor_->messages_end = end;
}

Status Producer::NoteFloor() {
  if (!floor_ || floor_ == noted_) return {};
  noted_at_ = Steady::now();
  if (client_ && !stopped_) {
    const auto end = EndOfMessages();
    if (end) {
      floor_->messages_end = *end;
    } else {
      logger_->warn("{}", end.error().message);
    }
  }
  OCTO_TRY(floor_file_.Write(*floor_));
  noted_ = floor_;
  return {};
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
  NowHas(report.last_sequence, SentPosition{report.last_sequence, sender_});
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
  if (!next) records_.emplace(journal_, position_);  // the next call meets it
  const bool more_waits = next && *next != nullptr;
  if (more_waits) report.next_received_at = (*next)->record.received_at;
  if (more_waits && Steady::now() - noted_at_ < kNoteInterval) return report;
  // Noted before the journal lets go of it.
  for (const Status& status : {NoteFloor(), journal_.Release(kConsumer, position_)}) {
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

std::string RejectedTopic(const std::string& topic) { return topic + ".rejected"; }
std::string PositionsTopic(const std::string& topic) { return topic + ".positions"; }

std::unique_ptr<lake::JournalCommitter> MakeJournalProducer(journal::Journal& journal,
                                                            const ProducerOptions& options,
                                                            RandomSource& random,
                                                            SendMetrics& metrics, Logger logger) {
  return std::make_unique<Producer>(journal, options, random, metrics, std::move(logger));
}

}  // namespace octolake::kafka
