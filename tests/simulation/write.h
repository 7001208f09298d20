// One write to a table, from the first file to the end of its commit.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "datafile/table_writer.h"
#include "iceberg/transaction.h"
#include "lab.h"
#include "process.h"

namespace octolake::simulation {

// What is written for a commit, under the rules of who writes it.
class Write {
 public:
  Write(Lab& lab, Process& process) : lab_(lab), process_(process) {
    if (process_.foreign()) ++lab_.world.unguarded_writes;
  }
  ~Write() {
    if (process_.foreign()) --lab_.world.unguarded_writes;
  }
  Write(const Write&) = delete;
  Write& operator=(const Write&) = delete;

  // A foreign write that takes longer than is good: its files are old before they are named.
  void TakeLong() {
    constexpr int64_t kHour = int64_t{3'600'000'000};
    if (!process_.foreign() || lab_.world.unguarded_writes > 1 || !lab_.world.choices.Chance(0.1))
      return;
    --lab_.world.unguarded_writes;
    if (lab_.world.Sleep(lab_.world.choices.Between(48, 100) * kHour)) {
      ++lab_.world.counts["slow foreign writes"];
      lab_.world.Note(process_.name() + " was slow");
    }
    ++lab_.world.unguarded_writes;
  }

  // Commits, tells the ledger, and removes the files if they are of no use.
  Status Commit(iceberg::Transaction& transaction, const iceberg::Properties& intent,
                const std::vector<iceberg::DataFile>& files) {
    const auto committed = transaction.Commit();
    const Status outcome = committed ? Status() : tl::unexpected<Error>(committed.error());
    lab_.ledger.End(intent, outcome, process_.dead());
    const bool useless = !outcome && outcome.error().kind != ErrorKind::kCommitStateUnknown;
    // Other engines do not always care.
    if (useless && !(process_.foreign() && lab_.world.choices.Chance(0.7))) {
      datafile::RemoveFiles(process_.warehouse().file_system(), files);
    }
    return outcome;
  }

 private:
  Lab& lab_;
  Process& process_;
};

}  // namespace octolake::simulation
