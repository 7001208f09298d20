// The records of a journal one by one, for its consumers.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "journal/journal.h"

namespace octolake::journal {

// The records behind `sequence`, as they become durable, with a look at the one behind those that
// were taken. Used by one thread; the journal must outlive it.
class RecordQueue {
 public:
  RecordQueue(Journal& journal, uint64_t sequence) : reader_(journal.ReadAfter(sequence)) {}

  // nullptr if no more are durable. Good until the next call of Front that comes after a Pop.
  Result<const SequencedRecord*> Front() {
    if (next_ == records_.size()) {
      next_ = 0;
      records_.clear();
      OCTO_ASSIGN(records_, reader_->Next(kSliceBytes));
    }
    return records_.empty() ? nullptr : &records_[next_];
  }
  void Pop() { ++next_; }

 private:
  static constexpr int64_t kSliceBytes = int64_t{1} << 20;  // read at once

  std::unique_ptr<JournalReader> reader_;
  std::vector<SequencedRecord> records_;
  size_t next_ = 0;
};

}  // namespace octolake::journal
