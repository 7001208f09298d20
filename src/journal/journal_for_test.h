// What tests of the journal share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "journal/journal.h"

namespace octolake::journal {

inline Record MakeRecord(const std::string& body) {
  Record record;
  record.trace_id.bytes.fill(7);
  record.received_at = 1'420'070'400'000'000;
  record.source = "webhook";
  record.delivery_id = "delivery of " + body;
  record.headers = {{"X-GitHub-Event", "push"}, {"Content-Type", ""}};
  record.body = body;
  return record;
}

inline JournalOptions SmallSegments(int64_t bytes = 16 << 10) {
  JournalOptions options;
  options.segment_bytes = bytes;
  return options;
}

inline std::unique_ptr<Journal> OpenJournal(SegmentStore& store, const JournalOptions& options,
                                            uint64_t seed = 1) {
  static const ManualClock clock(1'420'070'400'000'000);
  SeededRandom random(seed);
  auto journal = Journal::Open(store, options, clock, random);
  EXPECT_TRUE(journal) << journal.error().message;
  return journal ? std::move(*journal) : nullptr;
}

inline uint64_t Put(Journal& journal, const std::string& body) {
  auto sequence = journal.AppendAndWait(MakeRecord(body));
  EXPECT_TRUE(sequence) << sequence.error().message;
  return sequence.value_or(0);
}

// Everything durable.
inline std::vector<Record> RecordsIn(Journal& journal) {
  std::vector<Record> records;
  const auto reader = journal.ReadAfter(0);
  while (true) {
    auto next = reader->Next(1 << 20);
    EXPECT_TRUE(next) << next.error().message;
    if (!next || next->empty()) return records;
    for (auto& one : *next) records.push_back(std::move(one.record));
  }
}

// The bodies of the records behind `sequence`, whose sequences must have no gap.
inline std::vector<std::string> BodiesAfter(Journal& journal, uint64_t sequence) {
  std::vector<std::string> bodies;
  auto reader = journal.ReadAfter(sequence);
  while (true) {
    auto records = reader->Next(1000);
    EXPECT_TRUE(records) << records.error().message;
    if (!records || records->empty()) return bodies;
    for (const auto& [number, record] : *records) {
      EXPECT_EQ(number, ++sequence);
      EXPECT_EQ(record, MakeRecord(record.body));
      bodies.push_back(record.body);
    }
  }
}

}  // namespace octolake::journal
