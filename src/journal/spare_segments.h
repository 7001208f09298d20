// Files of segments that everyone has passed, kept to be overwritten: a sync of blocks that were
// written before changes no metadata of the file system. For this room only.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "journal/segment_store.h"
#include "journal/segments.h"

namespace octolake::journal {

// What such a file is called, and a new one until it has a header: "0000000001.segment.spare".
std::string SpareName(uint64_t number);

// Thread-safe, but for the file that Take gives; Keep is called by one thread at a time. They are
// kept as long as the process runs.
class SpareSegments {
 public:
  // Kept are only files of this size that are sound (SegmentInfo). The store must outlive this.
  SpareSegments(SegmentStore& store, int64_t segment_bytes)
      : store_(store), segment_bytes_(segment_bytes) {}
  // Removes them.
  ~SpareSegments();

  // Removes what an earlier process left. What cannot be removed is only space.
  void RemoveLeftovers();

  // Takes the file of a segment that everyone has passed out of the journal. False if it is still
  // there: no spare is needed, or it cannot be one.
  bool Keep(const SegmentInfo& segment);

  struct Spare {
    std::string name;
    std::unique_ptr<SegmentFile> file;
  };
  // nullopt if there is none. It is the caller's to rename, or to give to Drop.
  std::optional<Spare> Take();
  void Drop(const Spare& spare);

  // Gives all space back.
  void Clear();

 private:
  size_t Count() const;
  std::optional<std::string> TakeName();

  SegmentStore& store_;
  const int64_t segment_bytes_;
  mutable std::mutex mutex_;  // never held while the disk works: senders wait for the next segment
  std::vector<std::string> names_;
};

}  // namespace octolake::journal
