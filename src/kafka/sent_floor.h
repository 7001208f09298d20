// What a producer notes beside its journal: how far a topic had the journal, at least, and who had
// sent it. The position is Kafka's (journal_position.h); this tells that the topic of positions has
// lost it, or has somebody else's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "io/file_system.h"
#include "kafka/journal_position.h"

namespace octolake::kafka {

struct SentFloor {
  std::string topic;     // of events
  std::string topic_id;  // another one when it is made again; empty: the brokers have none
  // Every record up to this one was in a transaction that was committed, or a person has decided
  // to do without.
  uint64_t sequence = 0;
  std::optional<SentPosition> seen = std::nullopt;  // in Kafka; nullopt: none, or not known
  std::string noted_by = {};  // the producer, whose positions are the journal's; empty: not known
  // The sum of the offsets at which the partitions of events and of rejected ones ended, at least.
  int64_t messages_end = 0;
  // The journal's last record when the first producer began of those that have not seen what Kafka
  // has since; nullopt: there is none.
  std::optional<uint64_t> opened_at = std::nullopt;
  // Kafka and this contradicted each other, which is told to a person (SentFloorFile::Stop).
  bool stopped = false;
  // `sequence` is where a person has decided to go on though Kafka had no position, and nothing was
  // committed since.
  bool decided = false;
  friend bool operator==(const SentFloor&, const SentFloor&) = default;
};

// Files kafka.1, kafka.2, ... of a directory, of which the last whole one counts: a new one is
// durable before the one before goes, so that a kill leaves one of them. Not thread-safe.
class SentFloorFile {
 public:
  // Both must outlive it. No directory: nothing is kept.
  SentFloorFile(io::FileSystem& files, std::string directory, const Uuid& journal);

  // nullopt if nothing was noted, or of another journal. kCorruption if there are files, and none
  // that is whole. The others go.
  Result<std::optional<SentFloor>> Read();
  // Durable when it returns.
  Status Write(const SentFloor& floor);
  // Of the one that counts; empty if there is none.
  std::string location() const;

  // Beside them, kafka.stopped says why nothing is sent until a person has removed it. nullopt: it
  // is not there.
  Result<std::optional<std::string>> ReadStop();
  // Durable when it returns. One that is there already is left.
  Status Stop(const std::string& why);
  std::string stop_location() const;  // empty without a directory

 private:
  std::string LocationOf(uint64_t number) const;
  Result<std::optional<SentFloor>> ReadFile(const std::string& location) const;
  // It counts from now on; the others go.
  Status TakeAsWhole(uint64_t number);

  io::FileSystem& files_;
  const std::string directory_;
  const Uuid journal_;
  uint64_t last_number_ = 0;       // of a file that is there or was
  uint64_t whole_number_ = 0;      // of the one that counts; 0: none
  std::vector<std::string> past_;  // files that the next one replaces
};

}  // namespace octolake::kafka
