// Looking at a journal from which another process may be removing segments. For this room only.
#pragma once

#include "base/result.h"
#include "journal/recovery.h"
#include "journal/segment_store.h"

namespace octolake::journal {

// What `look` gives. A segment that is removed meanwhile is cut in steps (OpenSegmentStore) or
// written over (SpareSegments), which looks like damage: as long as the oldest segment is another
// one than before, what is not good is looked at again, a few times.
template <typename Look, typename IsGood>
auto LookSteadily(SegmentStore& store, const Look& look, const IsGood& is_good) {
  constexpr int kMostLooks = 5;
  for (int looks = 1;; ++looks) {
    const auto before = SegmentNumbers(store);
    auto found = look();
    if (is_good(found) || looks == kMostLooks) return found;
    const auto after = SegmentNumbers(store);
    if (!before || !after || before->empty() || *before == *after) return found;
    if (!after->empty() && before->front() == after->front()) return found;
  }
}

}  // namespace octolake::journal
