// Whether the files that a run computes from are as they were written. DuckDB looks at no
// checksums, and what is computed from a damaged page, or copied from it, is wrong for good.
#pragma once

#include <string>

#include "base/result.h"
#include "lake/warehouse.h"
#include "model/model_run.h"

namespace octolake::model {

// Of the inputs, what the planned run reads: everything in a full refresh; in an append what is
// new; in an increment that replaces rows what is new, and what an input has from the first
// partition on in which something is new. kCorruption names the file, and says how to mend it where
// a model made it.
Status CheckInputs(lake::Warehouse& warehouse, const Plan& plan);

// What is wrong with a live file of the target, from which an increment that replaces rows copies
// rows and goes on counting; empty if nothing is. An error is one that says nothing of the file.
Result<std::string> DamageOfTarget(lake::Warehouse& warehouse, const iceberg::Table& target);

}  // namespace octolake::model
