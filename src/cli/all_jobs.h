// Every job of a warehouse: octolake's own, and the operator's.
#pragma once

#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/pipeline.h"
#include "lake/warehouse.h"
#include "maintain/small_files.h"
#include "schedule/job.h"

namespace octolake::cli {

// standing_jobs.h, then custom_jobs.h; kInvalidArgument also for two of the same name. All but the
// context must outlive the jobs. With kOperatorOnly those of standing_jobs.h,
// which work on tables, are left out, and their names stay taken.
enum class JobsOf { kTablesToo, kOperatorOnly };
Result<std::vector<schedule::Job>> MakeAllJobs(const Context& context, lake::Warehouse& warehouse,
                                               Pipeline& pipeline,
                                               maintain::SmallFileWatch& small_files,
                                               JobsOf which = JobsOf::kTablesToo);

}  // namespace octolake::cli
