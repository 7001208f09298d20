// A simulated reader: somebody who plans a snapshot and then reads it, file after file, while the
// others go on.
#pragma once

#include "base/result.h"
#include "lab.h"
#include "process.h"

namespace octolake::simulation {

// Tells the ledger's rows from what is read. An error if a fault met the reader, or the snapshot
// expired under it.
Status ReadSnapshot(Lab& lab, Process& process, const iceberg::TableIdentifier& name);

}  // namespace octolake::simulation
