// For this room only; JournalReader is in journal.h.
#pragma once

#include <memory>

#include "journal/journal.h"
#include "journal/segments.h"

namespace octolake::journal {

// Records behind `sequence`, as far as `segments` says that they are synced. Both must outlive the
// reader.
std::unique_ptr<JournalReader> MakeReader(SegmentStore& store, const Segments& segments,
                                          uint64_t sequence);

}  // namespace octolake::journal
