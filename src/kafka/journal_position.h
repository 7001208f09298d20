// How far a journal has come in Kafka: the last record of <topic>.positions whose key is the
// journal's UUID. It is written in the transaction that has the messages, so that what committed
// readers see of one they see of the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/logging.h"
#include "base/result.h"
#include "base/uuid.h"
#include "kafka/client.h"

namespace octolake::kafka {

struct SentPosition {
  uint64_t sequence = 0;  // of the journal's last record that was sent
  std::string sender;     // a UUID for each producer that was started; empty: did not say
  friend bool operator==(const SentPosition&, const SentPosition&) = default;
};

// A record's value, and back: {"sequence":N,"sender":"UUID"}, where the sender may be missing.
// kCorruption for anything else.
std::string EncodePosition(const SentPosition& position);
Result<SentPosition> DecodePosition(std::string_view value);

struct JournalPositionFound {
  // Of the last record that a committed transaction has; nullopt: there is none.
  std::optional<SentPosition> sent;
  // That transaction was committed, and the cluster lost the mark that says so: a broker that died
  // while marks were being written passes over partitions that have no leader yet when it is back.
  // Committed readers are held up by it until another transaction of this journal ends on the same
  // partitions.
  bool left_open = false;
};

// How long reading may stand still. While something comes it goes on: a link may be slow.
struct PositionWaits {
  // A transaction lives for a minute (transaction.timeout.ms); the coordinator looks every ten
  // seconds.
  std::chrono::milliseconds longest_transaction{90'000};
  // The mark of a transaction that has ended is there at once; this is for a busy broker.
  std::chrono::milliseconds mark_comes{3'000};
};

// To be called behind init_transactions, when none of the journal's transactions is under way.
// Waits for transactions of other journals that are under way on the topic, which hide what is
// behind them: kTransient if that takes longer than they may. Partition 0 holds all positions.
Result<JournalPositionFound> ReadJournalPosition(const ClientOptions& options,
                                                 const std::string& topic, const Uuid& journal,
                                                 const Logger& logger,
                                                 const PositionWaits& waits = {});

// The end of a partition: of all that is in it, and of what committed readers can read.
struct PartitionEnds {
  int64_t begin = 0;
  int64_t all = 0;
  int64_t committed = 0;
};
Result<PartitionEnds> FindEnds(const ClientOptions& options, const std::string& topic,
                               int32_t partition, const Logger& logger);

}  // namespace octolake::kafka
