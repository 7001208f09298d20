#include "schedule/run_once.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "schedule/scheduler.h"

namespace octolake::schedule {

Result<RunRecord> RunOnce(Job job, RunHistory& history, const Clock& clock, RandomSource& random,
                          const Logger& logger, const std::stop_token& stop) {
  const std::string name = job.name;
  if (stop.stop_requested()) {
    return MakeError(ErrorKind::kTransient, "job '" + name + "' was stopped before it began");
  }
  job.enabled = false;  // it runs now, not when it is due
  std::vector<Job> jobs;
  jobs.push_back(std::move(job));
  SchedulerOptions options;
  options.workers = 1;
  OCTO_ASSIGN(const auto scheduler,
              Scheduler::Make(std::move(jobs), history, std::move(options), clock, random, logger));
  OCTO_TRY(scheduler->Start());
  Result<int64_t> id;
  {
    const std::stop_callback when_stopped(stop,
                                          [&] { scheduler->Stop(std::chrono::milliseconds(0)); });
    id = scheduler->RunNow(name);
    scheduler->WaitUntilIdle();
  }
  if (!id) return tl::unexpected<Error>(std::move(id).error());
  return history.Find(*id);
}

}  // namespace octolake::schedule
