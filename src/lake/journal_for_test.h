// A journal on disk beside a warehouse, for the tests of what reads it. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "journal/journal.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {

class TestJournal {
 public:
  // What is in the directory, or a new one.
  TestJournal(std::string directory, const Clock& clock, journal::JournalOptions options = {})
      : directory_(std::move(directory)), clock_(clock), trace_ids_(clock, SystemRandom()) {
    if (options.segment_bytes == journal::JournalOptions().segment_bytes) {
      options.segment_bytes = int64_t{32} << 20;
    }
    auto store = journal::OpenSegmentStore(directory_);
    EXPECT_TRUE(store) << store.error().message;
    if (!store) std::abort();
    store_ = std::move(*store);
    auto opened = journal::Journal::Open(*store_, options, clock, SystemRandom());
    EXPECT_TRUE(opened) << opened.error().message;
    if (!opened) std::abort();
    journal_ = std::move(*opened);
  }

  journal::Journal& operator*() { return *journal_; }
  journal::Journal* operator->() { return journal_.get(); }

  // A durable record; its trace id.
  Uuid Put(const std::string& source, std::string body, std::string delivery_id = "",
           std::vector<std::pair<std::string, std::string>> headers = {}) {
    journal::Record record;
    record.trace_id = trace_ids_.Next();
    record.received_at = clock_.Now();
    record.source = source;
    record.delivery_id = std::move(delivery_id);
    record.headers = std::move(headers);
    record.body = std::move(body);
    const Uuid trace_id = record.trace_id;
    const auto sequence = journal_->AppendAndWait(std::move(record));
    EXPECT_TRUE(sequence) << sequence.error().message;
    return trace_id;
  }

  void CopyTo(const std::string& directory) {
    std::filesystem::copy(directory_, directory, std::filesystem::copy_options::recursive);
  }

 private:
  const std::string directory_;
  const Clock& clock_;
  UuidV7Generator trace_ids_;
  std::unique_ptr<journal::SegmentStore> store_;
  std::unique_ptr<journal::Journal> journal_;
};

class JournalTest : public WarehouseTest {
 protected:
  void SetUp() override {
    WarehouseTest::SetUp();
    journal_.emplace(directory_ + "/journal", clock_);
  }

  std::optional<TestJournal> journal_;
};

}  // namespace octolake::lake
