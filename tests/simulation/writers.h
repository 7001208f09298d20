// What simulated processes do that adds, replaces and deletes rows. Each is one operation, from
// start to end; the ledger is told of it.
#pragma once

#include "base/result.h"
#include "lab.h"
#include "process.h"

namespace octolake::simulation {

// The next records of a journal go to Bronze, as the committer of `up` takes them there.
Status CommitJournal(Lab& lab, Process& process);
// What was appended to Bronze since the last time goes to Copy, as Silver reads Bronze.
Status ConsumeBronze(Lab& lab, Process& process);
// Rows are added to Facts, or to Scratch if it is there. A foreign process may take long.
Status AppendRows(Lab& lab, Process& process, const iceberg::TableIdentifier& name);
// Some days of Facts are replaced.
Status OverwriteDays(Lab& lab, Process& process);
// A row of Facts is deleted by its position, as other engines do it.
Status DeleteRow(Lab& lab, Process& process);

}  // namespace octolake::simulation
