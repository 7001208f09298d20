// How far Kafka has a journal: what the topic of positions says, judged by what producers have
// noted beside the journal (decision 65). Where the two contradict each other nothing is sent until
// a person has removed a file.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/logging.h"
#include "base/result.h"
#include "io/file_system.h"
#include "journal/journal.h"
#include "kafka/journal_position.h"
#include "kafka/sent_floor.h"

namespace octolake::kafka {

// What is asked about the topics of messages, <topic> and <topic>.rejected.
class MessageTopics {
 public:
  virtual ~MessageTopics() = default;
  // Of <topic>: another one when it is made again; empty where brokers have none. nullopt if there
  // is no such topic.
  virtual Result<std::optional<std::string>> Id() = 0;
  // The sum of the offsets at which the partitions of both end. With a limit it takes no longer.
  virtual Result<int64_t> Ends(std::optional<std::chrono::milliseconds> limit) = 0;
};

struct JudgeOptions {
  std::string bootstrap_servers;  // for messages
  std::string topic;              // of events
  std::string directory;          // where it is noted (sent_floor.h); empty: nowhere
  std::string sender;             // the producer, as its positions name it
};

// Of one producer, over all of its connections. For each of them: Begin, TakeTopicId, Judge, and
// Note before its first transaction, which is not to begin unless is_sender_noted; Committed after
// each. Not thread-safe.
class PositionJudge {
 public:
  // Reads what was noted, with a warning if it cannot be read, and takes the journal's end as it is
  // now for what the journal had before Kafka was asked. All must outlive it.
  PositionJudge(journal::Journal& journal, io::FileSystem& files, JudgeOptions options,
                Logger logger);

  // Every record up to this one is in Kafka, or gone. Before Judge has succeeded for the first time
  // it is before the first record that the journal has.
  uint64_t position() const { return position_; }
  // The same, or what was noted, if that is more.
  uint64_t position_at_least() const;
  // For good: every Begin fails.
  bool is_stopped() const { return stopped_.has_value(); }

  // Reads what could not be read before. kCorruption where it is damaged, or sending was stopped by
  // an earlier producer; where this one stopped, the error that it stopped with.
  Status Begin();
  // Asked for before the position, so that what is noted is of no topic that came later. An id that
  // is not known is a warning.
  void TakeTopicId(MessageTopics& topics);
  // Takes what the topic of positions has of the journal, behind init_transactions, for position(),
  // or what was noted where only that topic has lost it. kInvalidArgument: another producer has
  // sent from this journal. kCorruption: it contradicts what was noted. Both are for good, and
  // noted. kCorruption also where the journal has not what comes next; otherwise errors of asking.
  Status Judge(const std::optional<SentPosition>& sent, MessageTopics& topics);
  // A transaction of this producer was committed that ends with this record.
  void Committed(uint64_t sequence);
  // Notes position(), and where the topics end; with nullptr, or where that is not answered soon,
  // where they did when it last was. Durable when it returns; nothing is written that is noted
  // already.
  Status Note(MessageTopics* topics);
  // What this producer sends is known as the journal's to those that start later, whatever it did
  // not get to note since.
  bool is_sender_noted() const { return noted_ && noted_->noted_by == options_.sender; }
  std::chrono::steady_clock::time_point noted_at() const { return noted_at_; }

 private:
  Status ReadFloor();
  Status CheckNotStopped();
  struct Verdict {
    uint64_t sequence = 0;  // sending goes on behind it
    bool decided = false;   // by a person
  };
  Result<Verdict> VerdictOn(const std::optional<SentPosition>& sent, MessageTopics& topics);
  Result<std::string> LostBesidePositions(MessageTopics& topics);
  Verdict GoOnAfterAStop(uint64_t in_kafka) const;
  bool IsKnown(const SentPosition& sent) const;
  uint64_t LowerOf(uint64_t in_kafka) const;
  Result<Verdict> StopForGood(ErrorKind kind, uint64_t in_kafka, const std::string& problem);
  void MarkStopped();
  void NowHas(uint64_t sequence, const std::optional<SentPosition>& seen);

  journal::Journal& journal_;
  const JudgeOptions options_;
  const Logger logger_;
  SentFloorFile file_;
  uint64_t position_;
  bool is_floor_read_ = false;
  bool has_other_note_ = false;     // in the file, of another topic
  std::string topic_id_;            // of the events' topic, as last known; empty: not known
  std::optional<SentFloor> floor_;  // nullopt: the topic was never asked for the journal
  std::optional<SentFloor> noted_;  // in the file
  std::chrono::steady_clock::time_point noted_at_{};
  std::optional<Error> stopped_;
  // The journal's last record when the first producer began of those that Kafka has not answered
  // yet; nullopt: it has answered this one.
  std::optional<uint64_t> opened_at_;
};

}  // namespace octolake::kafka
