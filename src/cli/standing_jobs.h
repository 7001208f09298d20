// The jobs that keep a warehouse current and its tables healthy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "cli/pipeline.h"
#include "lake/warehouse.h"
#include "maintain/small_files.h"
#include "schedule/job.h"
#include "schedule/run_history.h"

namespace octolake::cli {

inline constexpr char kPipelineJob[] = "pipeline";

// pipeline: Bronze to Gold, every pipeline.interval. compact: all tables as suits them, once a day.
// tidy: compaction of partitions whose small files cost more than that, looked for every minute;
// what it sees is kept in `small_files`. expire and orphans: once a week. The keys jobs.* say when,
// or "off". kInvalidArgument names a key that makes no sense. All must outlive the jobs.
Result<std::vector<schedule::Job>> MakeStandingJobs(const Config& config,
                                                    lake::Warehouse& warehouse, Pipeline& pipeline,
                                                    maintain::SmallFileWatch& small_files);

// <warehouse>/jobs.db.
Result<std::unique_ptr<schedule::RunHistory>> OpenRunHistory(const lake::Warehouse& warehouse);

}  // namespace octolake::cli
