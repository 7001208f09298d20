// Bugs that other systems had, done to octolake from outside, to show that the simulation finds
// them.
#pragma once

#include <memory>

#include "iceberg/catalog.h"
#include "lab.h"
#include "maintain/compaction.h"
#include "process.h"

namespace octolake::simulation {

// Puts a catalog in the place of the process's own that makes what uses it behave as if it had the
// bug; the same catalog where the bug is not one of a catalog's kind:
// - kRemovesFilesInDoubt: when the reply to a commit is lost, the files it added are removed.
// - kDoesNotLookAgain: orphan removal is given each table as it was when it loaded it first, and
//   sees no metadata that is newer.
// - kExpiresByMainOnly: expiry does not see tags, other branches and what only they reach; they are
//   put back into what is committed.
// - kTakesLostReplyForFailure: a commit whose reply was lost is said to have failed.
std::unique_ptr<iceberg::Catalog> Plant(Bug bug, Process& process,
                                        std::unique_ptr<iceberg::Catalog> catalog);

// kValidatesAtCommitTime: a compaction that, when its files are written, plans again and commits
// against that plan, instead of the one that it read by.
Status CompactValidatingLate(Process& process, const iceberg::TableIdentifier& name,
                             const maintain::CompactionOptions& options);

}  // namespace octolake::simulation
