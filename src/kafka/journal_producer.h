// From the journal to Kafka, each record exactly once: the messages and the position in the journal
// are one transaction. The journal's UUID is the transactional.id, so that a producer of the same
// journal that still lives somewhere is fenced.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/result.h"
#include "journal/journal.h"
#include "kafka/client.h"
#include "kafka/send_figures.h"
#include "lake/journal_committer.h"

namespace octolake::kafka {

struct ProducerOptions {
  ClientOptions client;
  std::string topic;
  // Topics that are missing are made, with these; -1 is the broker's default.
  bool create_topics = true;
  int32_t partitions = -1;
  int16_t replication = -1;
  // One transaction takes so much of the journal: records, and bytes of their bodies, of which the
  // last may go beyond.
  int64_t max_records = 5000;
  int64_t max_bytes = int64_t{16} << 20;
  // Of a container, if the topic takes that much.
  int64_t max_message_bytes = 1'000'000;
  // The cluster ends a transaction that takes longer. The next one then has half as much; after one
  // that took less than a third of the time the next has twice as much, up to the limits above.
  std::chrono::milliseconds transaction_timeout{60'000};
  // Of the journal, where it is noted how far Kafka has it (sent_floor.h). Empty: nowhere.
  std::string journal_directory;
};

// A committer whose CommitNext sends the next records as one transaction (acks=all), and releases
// them in the journal as consumer "kafka".
//
// It connects with the first CommitNext, so that a cluster that is away keeps nobody from starting;
// until then, position() is before the first record the journal still has, and position_at_least()
// what an earlier run has noted. After an error the connection is made anew, and with it the
// position read from Kafka: a transaction whose outcome nobody learned is either in it or was
// aborted. kInvalidArgument: another producer has sent from this journal. kCorruption: the journal
// or what was noted is damaged, the journal has not what comes next, or Kafka contradicts what was
// noted. Such a contradiction is noted, too, and holds for every producer of the directory until a
// person removes the file (sent_floor.h); then sending goes on behind the lower of what Kafka and
// the note say. kTransient: everything else. Journal, random source and metrics must outlive it.
std::unique_ptr<lake::JournalCommitter> MakeJournalProducer(journal::Journal& journal,
                                                            const ProducerOptions& options,
                                                            RandomSource& random,
                                                            SendMetrics& metrics, Logger logger);

}  // namespace octolake::kafka
