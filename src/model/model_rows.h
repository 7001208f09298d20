// The rows that a planned run writes, computed in a session of their own.
#pragma once

#include <memory>

#include "base/result.h"
#include "lake/warehouse.h"
#include "model/model_run.h"
#include "sql/session.h"

namespace octolake::model {

struct ModelRows {
  std::unique_ptr<sql::Session> session;  // outlives the stream
  std::unique_ptr<sql::ResultStream> stream;
};

// Rows with the model's columns, ordered by partition unless they are appended. Of a model that
// replaces rows: all rows of every partition in which a computed row stands, the others copied.
//
// Memory is bounded although aggregates of texts do not spill: a model that can be split is
// computed in passes, each over the rows whose split expression falls to it, and what the passes
// give is collected in a table that does spill. How many passes follows from the rows to be read,
// and from options.pass_factor. kResourceExhausted if a pass was too large all the same.
Result<ModelRows> ComputeRows(lake::Warehouse& warehouse, const Model& model, const Plan& plan,
                              const RunOptions& options);

// Whether more passes than ComputeRows would make with these options can help.
bool CanSplitFurther(const Model& model, const RunOptions& options);

}  // namespace octolake::model
