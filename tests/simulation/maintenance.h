// What simulated processes do to keep tables fast and tidy, and what people do to them now and
// then. None of it changes a row, but for a rollback.
#pragma once

#include "base/result.h"
#include "lab.h"
#include "process.h"

namespace octolake::simulation {

Status CompactTable(Lab& lab, Process& process, const iceberg::TableIdentifier& name);
Status RewriteManifestsOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name);
Status ExpireSnapshotsOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name);
// Some days pass before, sometimes; what was taken away is brought back, or removed for good, by a
// second run, sometimes.
Status RemoveOrphansOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name);
Status RestoreOrphansOf(Lab& lab, Process& process, const iceberg::TableIdentifier& name);
Status RemoveLeftoversOfDead(Lab& lab, Process& process);
Status RollBack(Lab& lab, Process& process);
// A tag or a branch is put at some snapshot.
Status SetReference(Lab& lab, Process& process, const iceberg::TableIdentifier& name);
// Scratch is made, or dropped.
Status MakeOrDropScratch(Lab& lab, Process& process);

}  // namespace octolake::simulation
