// From Kafka to Bronze, each record exactly once, for those who have Kafka and no Spark.
//
// Bronze's rows, the rejected ones and the offsets are one catalog transaction, which asserts that
// the offsets still are where reading began. The positions are Bronze's; the consumer group only
// says who has which partition, so that a rebalance, however it comes, can neither lose nor double
// a record.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/logging.h"
#include "base/result.h"
#include "datafile/table_writer.h"
#include "iceberg/retention_policy.h"
#include "kafka/client.h"
#include "kafka/partition_positions.h"
#include "lake/warehouse.h"

namespace octolake::kafka {

struct IngestOptions {
  ClientOptions client;
  std::string topic;  // its <topic>.rejected is read, too, once it is there
  std::string group;
  // Ends at what there was when it began, of all partitions, without the group. Otherwise it goes
  // on until it is stopped.
  bool once = false;
  OnLoss on_loss = OnLoss::kStop;
  // Also into tables that Spark's stream has filled from the topic.
  bool after_stream = false;
  // A commit comes this long after its first record was read, or with so many bytes of rows.
  int64_t interval_micros = 30'000'000;
  int64_t max_bytes = 20'000'000;
  // After a commit that failed: the first wait, which doubles up to the longest.
  int64_t first_retry_micros = 500'000;
  int64_t longest_retry_micros = 30'000'000;
  datafile::WriterOptions writer;
  iceberg::RetentionPolicy retention;
};

struct IngestReport {
  int64_t messages = 0;
  int64_t events = 0;    // rows of Bronze
  int64_t rejected = 0;  // rows of rejected_events
  int64_t commits = 0;
};

// Used by one thread.
class Ingest {
 public:
  // Creates the tables that are missing. The warehouse must outlive it.
  static Result<std::unique_ptr<Ingest>> Open(lake::Warehouse& warehouse,
                                              const IngestOptions& options, Logger logger);
  virtual ~Ingest() = default;

  // Reads and commits, once, and leaves the group. When `stop` becomes true what was read is
  // committed, if the cluster confirms that the topics are the ones that were read, and it ends. A
  // cluster that is away is waited for; with once for no longer than a request takes. kCorruption
  // where records are missing (FindPosition), kUnsupported where Spark's stream fills a table from
  // the topic (CheckNoStreamFills), kNotFound without the topic (once).
  virtual Status Run(const std::atomic<bool>& stop) = 0;
  virtual IngestReport report() const = 0;
};

}  // namespace octolake::kafka
