#include "kafka/ingest.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/civil_time.h"
#include "event/event_time.h"
#include "event/message_rows.h"
#include "iceberg/transaction.h"
#include "kafka/rejected_parts.h"
#include "kafka/topics.h"
#include "lake/commit_loop.h"
#include "lake/definitions.h"
#include "lake/received_commit.h"

namespace octolake::kafka {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::microseconds;

// Parsed and given to the writer at once; goes through the processor's cache.
constexpr int64_t kSliceBytes = int64_t{1} << 20;
// How often a commit starts over because another reader of the same partitions came first. Each
// time that one has got on, so that more is a sign of something else.
constexpr int kMaxLostRaces = 10;
constexpr int kPollMillis = 100;
// At a stop the cluster has so long to say that a topic is the one that was read.
constexpr std::chrono::milliseconds kLastCheck{5'000};

class Reader final : public Ingest {
 public:
  Reader(lake::Warehouse& warehouse, const IngestOptions& options, Logger logger)
      : warehouse_(warehouse),
        options_(options),
        logger_(std::move(logger)),
        trace_ids_(warehouse.clock(), warehouse.random()),
        rows_(std::make_unique<event::MessageRows>(trace_ids_)),
        parts_([this](const event::RejectedMessage& rejected, const event::MessagePlace& place) {
          return rows_->AddRejected(rejected, place);
        }) {}
  ~Reader() override { Close(); }

  Status Begin();
  Status Run(const std::atomic<bool>& stop) override;
  IngestReport report() const override { return report_; }

 private:
  Status Read(const std::atomic<bool>& stop);
  Status WaitForTopic(const std::atomic<bool>& stop);
  Status Subscribe();
  Status OwnAll();
  Status Assign();
  Status FindPositions();
  Status CheckStreams(const iceberg::Table& bronze);
  Status CheckRejectedStream();
  void Rebalance(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t& partitions);
  Status Turn();
  Status Handle(const rd_kafka_message_t& message);
  Status HandleError(const rd_kafka_message_t& message);
  Status Take(const TopicPartition& partition, const rd_kafka_message_t& message);
  Status HasRead(const TopicPartition& partition, int64_t next);
  Status BeginCommit();
  Status FlushRows();
  bool IsBehind() const;
  bool IsDue() const;
  bool HasAll() const;
  Status Commit();
  Status CheckTopicIds();
  Status CommitLast();
  void NoteInGroup() const;
  // Has everything that was not committed read again, after a wait, if that may help; else the
  // error.
  Status Restart(const Error& error);
  void Drop();
  void Close();

  lake::Warehouse& warehouse_;
  const IngestOptions options_;
  const Logger logger_;
  UuidV7Generator trace_ids_;
  std::unique_ptr<event::MessageRows> rows_;
  RejectedParts parts_;
  IngestReport report_;
  std::vector<TopicPartition> owned_;
  std::map<std::string, std::string> topic_ids_;
  std::optional<std::string> stream_query_;  // of Bronze, when the positions were read
  std::map<TopicPartition, PartitionPosition> positions_;  // of those owned, while they are read
  std::unique_ptr<lake::ReceivedCommit> commit_;           // nullptr: nothing was read
  int64_t flushed_bytes_ = 0;                              // given to it
  std::optional<Steady::time_point> first_read_at_;
  std::optional<Steady::time_point> restart_at_;  // until then nothing is read
  std::optional<Error> failed_;                   // in a rebalance, for good
  int failures_in_a_row_ = 0;
  Steady::time_point heard_at_;         // from the cluster
  std::set<rd_kafka_resp_err_t> told_;  // since the last commit
  std::unique_ptr<Client> consumer_;
};

Status Reader::Begin() {
  OCTO_ASSIGN(const auto warnings, lake::CreateTables(warehouse_));
  for (const std::string& warning : warnings) logger_->warn("{}", warning);
  OCTO_ASSIGN(consumer_,
              Client::Make(RD_KAFKA_CONSUMER, options_.client,
                           {{"group.id", options_.group},
                            {"enable.auto.commit", "false"},
                            {"enable.auto.offset.store", "false"},
                            {"isolation.level", "read_committed"},
                            {"enable.partition.eof", "true"},
                            // What is missing is to be told, not passed over.
                            {"auto.offset.reset", "error"},
                            {"partition.assignment.strategy", "range"},
                            {"topic.metadata.refresh.interval.ms", "10000"},
                            // So long the partitions of a reader that was killed wait for it.
                            {"session.timeout.ms", "10000"},
                            {"queued.max.messages.kbytes", "32768"}},
                           logger_,
                           [this](rd_kafka_resp_err_t code,
                                  const rd_kafka_topic_partition_list_t& partitions) {
                             Rebalance(code, partitions);
                           }));
  rd_kafka_poll_set_consumer(consumer_->get());
  return {};
}

void Reader::Close() {
  if (!consumer_) return;
  positions_.clear();  // nothing is to be committed in the rebalance that comes of it
  Drop();
  rd_kafka_consumer_close(consumer_->get());
  consumer_.reset();
}

// The topic may be made later; nobody needs to begin in an order.
Status Reader::WaitForTopic(const std::atomic<bool>& stop) {
  for (std::string said; !stop;) {
    const auto topic = GetPartitions(*consumer_, options_.topic);
    if (topic) return {};
    const std::string& reason = topic.error().message;
    if (options_.once) return tl::unexpected<Error>(topic.error());
    if (reason != said) logger_->warn("{}; waiting for it", reason);
    said = reason;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMillis));
  }
  return {};
}

Status Reader::Subscribe() {
  const RdPartitions topics(rd_kafka_topic_partition_list_new(2));
  for (const std::string& topic : {options_.topic, RejectedTopic(options_.topic)}) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto code = rd_kafka_subscribe(consumer_->get(), topics.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status() : consumer_->Failed("subscribing", code);
}

Status Reader::OwnAll() {
  for (const std::string& name : {options_.topic, RejectedTopic(options_.topic)}) {
    OCTO_ASSIGN(const auto partitions, FindPartitions(*consumer_, name));
    for (int32_t i = 0; i < partitions.value_or(0); ++i) owned_.push_back({name, i});
  }
  return Assign();
}

// Reads the partitions that are owned from where Bronze has them.
Status Reader::Assign() {
  Drop();
  restart_at_.reset();
  OCTO_TRY(FindPositions());
  const RdPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(positions_.size())));
  for (const auto& [partition, position] : positions_) {
    logger_->info("{}: from offset {} on", partition.ToString(), position.next);
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = position.next;
  }
  heard_at_ = Steady::now();
  const auto code = rd_kafka_assign(consumer_->get(), list.get());
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? Status() : consumer_->Failed("assigning", code);
}

Status Reader::FindPositions() {
  positions_.clear();
  topic_ids_.clear();
  OCTO_ASSIGN(
      const iceberg::Table bronze,
      iceberg::LoadTableAgain(warehouse_.catalog(), lake::BronzeEvents(warehouse_.namespaces())));
  OCTO_TRY(CheckStreams(bronze));
  std::vector<std::string> warnings;
  for (const TopicPartition& partition : owned_) {
    if (!topic_ids_.contains(partition.topic)) {
      OCTO_ASSIGN(const auto id, FindTopicId(*consumer_, partition.topic));
      if (!id) return MakeError(ErrorKind::kTransient, "topic " + partition.topic + " is gone");
      topic_ids_[partition.topic] = *id;
    }
    OCTO_ASSIGN(auto position,
                FindPosition(*consumer_, bronze, partition, topic_ids_[partition.topic],
                             options_.on_loss, &warnings));
    position.read = position.next;
    positions_.emplace(partition, std::move(position));
  }
  for (const std::string& warning : warnings) logger_->warn("{}", warning);
  return {};
}

// A stream that begins later changes Bronze's property, which every commit asserts.
Status Reader::CheckStreams(const iceberg::Table& bronze) {
  stream_query_ = StreamQueryOf(bronze, options_.topic);
  if (options_.after_stream) return {};
  OCTO_TRY(CheckNoStreamFills(bronze, options_.topic));
  Status checked = CheckRejectedStream();
  // A table that cannot be read keeps back only a commit that has rows for it.
  if (!checked && checked.error().kind != ErrorKind::kUnsupported) return {};
  return checked;
}

Status Reader::CheckRejectedStream() {
  OCTO_ASSIGN(
      const iceberg::Table rejected,
      iceberg::LoadTableAgain(warehouse_.catalog(), lake::RejectedEvents(warehouse_.namespaces())));
  return CheckNoStreamFills(rejected, options_.topic);
}

// What was read is committed before the partitions go to somebody else, who would else read it once
// more; if that comes too late, the commit asserts and fails.
void Reader::Rebalance(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t& list) {
  Status status;
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    owned_.clear();
    for (int i = 0; i < list.cnt; ++i) {
      owned_.push_back({list.elems[i].topic, list.elems[i].partition});
    }
    status = Assign();
    if (status) return;
  } else if (IsBehind()) {
    const Status committed = Commit();
    if (!committed) {
      logger_->warn("what was read before a rebalance is read again: {}",
                    committed.error().message);
    }
  }
  Drop();
  positions_.clear();
  rd_kafka_assign(consumer_->get(), nullptr);
  if (status) {
    owned_.clear();
    return;
  }
  const Status restart = Restart(status.error());
  if (!restart) failed_ = restart.error();
}

// Leaving the group can take long, too, where the cluster is away; whoever waits for the end of
// this has a limit.
Status Reader::Run(const std::atomic<bool>& stop) {
  Status status = Read(stop);
  Close();
  return status;
}

Status Reader::Read(const std::atomic<bool>& stop) {
  OCTO_TRY(WaitForTopic(stop));
  if (stop) return {};
  OCTO_TRY(options_.once ? OwnAll() : Subscribe());
  heard_at_ = Steady::now();
  while (!stop && !(options_.once && !restart_at_ && HasAll() && !IsBehind())) {
    const Status turned = Turn();
    if (!turned) OCTO_TRY(Restart(turned.error()));
    if (failed_) return tl::unexpected<Error>(*failed_);
    if (options_.once && !restart_at_ &&
        Steady::now() - heard_at_ > options_.client.request_timeout) {
      return consumer_->Failed("reading " + options_.topic, RD_KAFKA_RESP_ERR__TIMED_OUT);
    }
  }
  return IsBehind() ? CommitLast() : Status();
}

// There is no next commit that would find out about a topic that was made again; what is not
// committed is read once more.
Status Reader::CommitLast() {
  for (const auto& [name, id] : topic_ids_) {
    const auto now = FindTopicId(*consumer_, name, kLastCheck);
    if (now && *now == id) continue;
    const std::string reason = now ? "topic " + name + " was removed" : now.error().message;
    logger_->warn("what was read since the last commit is left for the next start: {}", reason);
    return {};
  }
  return Commit();
}

Status Reader::Turn() {
  if (restart_at_ && Steady::now() >= *restart_at_) OCTO_TRY(Assign());
  const RdMessage message(rd_kafka_consumer_poll(consumer_->get(), kPollMillis));
  if (message != nullptr) OCTO_TRY(Handle(*message));
  if (!IsDue()) return {};
  OCTO_TRY(Commit());
  failures_in_a_row_ = 0;
  return {};
}

Status Reader::Restart(const Error& error) {
  const bool lost_race = error.kind == ErrorKind::kCommitConflict;
  ++failures_in_a_row_;
  Drop();
  positions_.clear();
  if (!lake::MayHelpToTryAgain(error.kind) || (options_.once && !lost_race) ||
      (options_.once && failures_in_a_row_ > kMaxLostRaces)) {
    return tl::unexpected<Error>(error);
  }
  int64_t wait = options_.first_retry_micros;
  for (int i = 1; i < failures_in_a_row_ && wait < options_.longest_retry_micros; ++i) wait *= 2;
  wait = std::min(wait, options_.longest_retry_micros);
  restart_at_ = Steady::now() + microseconds(wait);
  logger_->warn("what is not in Bronze is read again in {} ms: {}", wait / 1000, error.message);
  return {};
}

Status Reader::Handle(const rd_kafka_message_t& message) {
  const bool is_end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && !is_end) return HandleError(message);
  heard_at_ = Steady::now();
  const TopicPartition partition{rd_kafka_topic_name(message.rkt), message.partition};
  if (!positions_.contains(partition)) return {};  // of an assignment that is over
  // Behind the last record there may be marks of transactions, which the offset has passed.
  if (is_end) return HasRead(partition, std::max(positions_.at(partition).read, message.offset));
  OCTO_TRY(Take(partition, message));
  OCTO_TRY(HasRead(partition, message.offset + 1));
  return rows_->bytes() >= kSliceBytes ? FlushRows() : Status();
}

Status Reader::HandleError(const rd_kafka_message_t& message) {
  const std::string text = rd_kafka_message_errstr(&message);
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
      message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    // What is missing is said where positions are compared.
    return Assign();
  }
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
    return MakeError(ErrorKind::kTransient, "Kafka: " + text);
  }
  if (message.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
      message.err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "Kafka: " + text + "; reading needs the right to read topic " +
                         options_.topic + ", " + RejectedTopic(options_.topic) + " and group " +
                         options_.group);
  }
  // Connections fail many times while the cluster is away; each way is told once.
  if (told_.insert(message.err).second) logger_->warn("Kafka: {}", text);
  return {};
}

Status Reader::Take(const TopicPartition& partition, const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type{};
  const int64_t millis = rd_kafka_message_timestamp(&message, &type);
  // Whoever wrote it may have given it any time.
  const bool is_dated = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && millis >= 0 &&
                        millis <= event::kLastTime / kMicrosPerMilli;
  const event::MessagePlace place{"kafka " + partition.ToString(), partition.partition,
                                  message.offset,
                                  is_dated ? millis * kMicrosPerMilli : warehouse_.clock().Now()};
  ++report_.messages;
  if (partition.topic == options_.topic) {
    const auto* const bytes = static_cast<const char*>(message.payload);
    return rows_->Add(bytes == nullptr ? std::string_view() : std::string_view(bytes, message.len),
                      place);
  }
  // As the last answer had it, which is no earlier than the one that had the message.
  int64_t low = 0;
  int64_t end = 0;
  rd_kafka_get_watermark_offsets(consumer_->get(), partition.topic.c_str(), partition.partition,
                                 &low, &end);
  return parts_.Take(PartOf(message), place, std::max(end, message.offset + 1));
}

// What waits for the parts of a document is read again by whoever goes on.
Status Reader::HasRead(const TopicPartition& partition, int64_t next) {
  PartitionPosition& position = positions_.at(partition);
  position.read = position.next = next;
  if (partition.topic != options_.topic) {
    OCTO_TRY(parts_.Passed(partition.partition, next));
    position.next = parts_.HeldFrom(partition.partition).value_or(next);
  }
  if (position.next != position.committed && !first_read_at_) first_read_at_ = Steady::now();
  return {};
}

Status Reader::BeginCommit() {
  if (commit_) return {};
  OCTO_ASSIGN(commit_,
              lake::ReceivedCommit::Begin(warehouse_, options_.writer, "kafka " + options_.topic));
  return {};
}

Status Reader::FlushRows() {
  if (rows_->rows() == 0) return {};
  OCTO_TRY(BeginCommit());
  flushed_bytes_ += rows_->bytes();
  OCTO_ASSIGN(auto batch, rows_->Finish());
  return commit_->AddRows(std::move(batch));
}

bool Reader::IsBehind() const {
  return std::any_of(positions_.begin(), positions_.end(),
                     [](const auto& entry) { return entry.second.next != entry.second.committed; });
}

bool Reader::HasAll() const {
  return std::all_of(positions_.begin(), positions_.end(),
                     [](const auto& entry) { return entry.second.read >= entry.second.end; });
}

bool Reader::IsDue() const {
  if (!IsBehind()) return false;
  if (options_.once && HasAll()) return true;
  const bool waited =
      first_read_at_ && Steady::now() - *first_read_at_ >= microseconds(options_.interval_micros);
  return waited || flushed_bytes_ + rows_->bytes() >= options_.max_bytes;
}

Status Reader::Commit() {
  OCTO_TRY(CheckTopicIds());
  OCTO_TRY(BeginCommit());
  OCTO_TRY(FlushRows());
  if (commit_->rejected() > 0 && !options_.after_stream) OCTO_TRY(CheckRejectedStream());
  lake::ReceivedPosition position;
  position.expected_properties = {{StreamQueryProperty(options_.topic), stream_query_}};
  for (const auto& [partition, at] : positions_) {
    if (at.next == at.committed) continue;
    position.tags.push_back({lake::StreamTagName(partition.stream()), at.tagged_snapshot});
    position.summary.merge(lake::StreamProperties(partition.stream(), at.next, at.topic_id));
  }
  OCTO_ASSIGN(const lake::ReceivedReport committed, commit_->Commit(position, options_.retention));
  for (const std::string& warning : committed.warnings) logger_->warn("{}", warning);
  report_.events += commit_->events();
  report_.rejected += commit_->rejected();
  ++report_.commits;
  logger_->debug("committed {} events and {} rejected", commit_->events(), commit_->rejected());
  commit_.reset();
  flushed_bytes_ = 0;
  first_read_at_.reset();
  heard_at_ = Steady::now();  // it took its time
  told_.clear();
  for (auto& [partition, at] : positions_) {
    if (at.next == at.committed) continue;
    at.committed = at.next;
    at.tagged_snapshot = committed.snapshot_id;
  }
  // Somebody else went on from here since: the positions are to be read again.
  if (!committed.snapshot_id) restart_at_ = Steady::now();
  if (!options_.once) NoteInGroup();
  return {};
}

// A topic that was made again begins at offset 0, which could pass for more of the old one. While
// the cluster does not answer nothing is known against what was read.
Status Reader::CheckTopicIds() {
  for (const auto& [name, id] : topic_ids_) {
    const auto now = FindTopicId(*consumer_, name);
    if (id.empty() || !now || *now == id) continue;
    return MakeError(ErrorKind::kTransient, "topic " + name + " was removed" +
                                                (*now ? ", and made again as " + **now : ""));
  }
  return {};
}

// For those who look at the group's lag; nobody reads on from there.
void Reader::NoteInGroup() const {
  const RdPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(positions_.size())));
  for (const auto& [partition, at] : positions_) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = at.committed;
  }
  rd_kafka_commit(consumer_->get(), list.get(), 1);
}

void Reader::Drop() {
  commit_.reset();
  flushed_bytes_ = 0;
  rows_ = std::make_unique<event::MessageRows>(trace_ids_);
  parts_.Clear();
  first_read_at_.reset();
}

}  // namespace

Result<std::unique_ptr<Ingest>> Ingest::Open(lake::Warehouse& warehouse,
                                             const IngestOptions& options, Logger logger) {
  auto reader = std::make_unique<Reader>(warehouse, options, std::move(logger));
  OCTO_TRY(reader->Begin());
  return reader;
}

}  // namespace octolake::kafka
