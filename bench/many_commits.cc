// Ten thousand small commits to Bronze with maintenance beside them: whether commits, scans and
// metadata of the last hundred are as those of the first; see README.md.
//
// The clock is set, two minutes a commit, so that the table sees a fortnight of streaming within
// minutes: snapshots grow old and expire, days begin and end. Each commit is that of the committer
// of `octolake up`, from a journal; maintenance is what `up` does by itself.
//
// usage: many_commits DIRECTORY [COMMITS [EVENTS_A_COMMIT]]
#include <arrow/record_batch.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/civil_time.h"
#include "base/clock.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/uuid.h"
#include "datafile/file_reader.h"
#include "event/generator.h"
#include "iceberg/manifest_io.h"
#include "iceberg/scan.h"
#include "journal/journal.h"
#include "lake/definitions.h"
#include "lake/journal_committer.h"
#include "lake/warehouse.h"
#include "maintain/compaction.h"
#include "maintain/expiry.h"
#include "maintain/manifests.h"
#include "maintain/orphans.h"
#include "maintain/small_files.h"

namespace octolake {
namespace {

constexpr TimestampMicros kStart = 1'767'225'600'000'000;  // 2026-01-01T00:00:00Z
constexpr int64_t kBetweenCommits = 120 * kMicrosPerSecond;
constexpr int64_t kCommitsOfADay = kMicrosPerDay / kBetweenCommits;
// A window of the figures.
constexpr int64_t kWindow = 100;
// As `up` has it by default for jobs.compact.
constexpr int64_t kTargetBytes = 20'000'000;
constexpr int64_t kDaysBack = 7;

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

// Wall and CPU time of all threads, in milliseconds.
struct Times {
  std::vector<double> wall;
  std::vector<double> cpu;
};

class Stopwatch {
 public:
  void AddTo(Times& times) const {
    times.wall.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_)
            .count());
    times.cpu.push_back(CpuMilliseconds() - cpu_);
  }

 private:
  static double CpuMilliseconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  }

  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const double cpu_ = CpuMilliseconds();
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// What the table's metadata weighs.
struct Weight {
  int64_t metadata_bytes = 0;  // of the current metadata file
  int64_t snapshots = 0;
  int64_t manifests = 0;  // of the current snapshot
  int64_t manifest_bytes = 0;
  int64_t metadata_files = 0;  // on disk
  int64_t data_files = 0;      // live
};

struct Window {
  Times commits;
  Times plans;
  Times scans;
  Times maintenance;
};

class Benchmark {
 public:
  Benchmark(const std::string& directory, int64_t events) : events_(events) {
    lake::WarehouseOptions options;
    options.directory = directory + "/warehouse";
    warehouse_ = Must(lake::Warehouse::Open(options, clock_, SystemRandom()));
    store_ = Must(journal::OpenSegmentStore(directory + "/journal"));
    journal::JournalOptions journal_options;
    journal_options.segment_bytes = int64_t{4} << 20;
    journal_ = Must(journal::Journal::Open(*store_, journal_options, clock_, SystemRandom()));
    committer_ = Must(lake::JournalCommitter::Open(*warehouse_, *journal_, {}));
  }

  void Run(int64_t commits);

 private:
  const iceberg::TableIdentifier bronze() const { return lake::BronzeEvents({}); }
  void Commit(Window& window);
  void Maintain(int64_t commit, Window& window);
  // The rows of the last hour.
  void Scan(Window& window);
  void Tidy();
  void Compact(const maintain::CompactionScope& scope);
  Weight WeighTable();
  static void Print(int64_t commit, const Window& window, const Weight& weight);

  const int64_t events_;
  ManualClock clock_{kStart};
  UuidV7Generator trace_ids_{clock_, SystemRandom()};
  event::EventGenerator generator_{{.era = event::Era::k2015}};
  std::unique_ptr<lake::Warehouse> warehouse_;
  std::unique_ptr<journal::SegmentStore> store_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<lake::JournalCommitter> committer_;
  maintain::SmallFileWatch small_files_;
};

void Benchmark::Commit(Window& window) {
  for (int64_t i = 0; i < events_; ++i) {
    journal::Record record;
    record.trace_id = trace_ids_.Next();
    record.received_at = clock_.Now();
    record.source = "collect";
    record.body = generator_.Next();
    const bool last = i + 1 == events_;
    if (last) {
      Must(journal_->AppendAndWait(std::move(record)));
    } else if (auto taken = journal_->Append(std::move(record), [](const auto&) {}); !taken) {
      Must(Result<bool>(tl::unexpected<Error>(taken.error())));
    }
  }
  const Stopwatch watch;
  const auto report = Must(committer_->CommitNext());
  watch.AddTo(window.commits);
  if (report.events != events_) {
    std::fprintf(stderr, "a commit of %lld events instead of %lld\n",
                 static_cast<long long>(report.events), static_cast<long long>(events_));
    std::exit(1);
  }
}

void Benchmark::Compact(const maintain::CompactionScope& scope) {
  maintain::CompactionOptions options;
  options.scope = scope;
  IgnoreProgress progress;
  const auto report = Must(maintain::Compact(*warehouse_, bronze(), options, {}, progress));
  for (const Error& error : report.failures) std::fprintf(stderr, "%s\n", error.message.c_str());
  if (!report.failures.empty()) std::exit(1);
}

// As the job tidy.
void Benchmark::Tidy() {
  maintain::SmallFilePolicy policy;
  policy.sizes.target = kTargetBytes;
  if (Must(small_files_.Look(*warehouse_, bronze(), policy)).pays) {
    Compact(maintain::ScopeOf(policy));
  }
}

// Once a minute what is small is looked for, once a day everything is done.
void Benchmark::Maintain(int64_t commit, Window& window) {
  const Stopwatch watch;
  Tidy();
  if (commit % kCommitsOfADay == 0) {
    maintain::CompactionScope scope;
    scope.sizes.target = kTargetBytes;
    scope.min_input_files = 5;
    scope.days_back = kDaysBack;
    Compact(scope);
    Must(maintain::RewriteTableManifests(*warehouse_, bronze(), false));
    Must(maintain::ExpireTable(*warehouse_, bronze(), {}, {}));
    Must(maintain::RemoveOrphans(*warehouse_, bronze(), {}, {}));
  }
  watch.AddTo(window.maintenance);
}

void Benchmark::Scan(Window& window) {
  auto& fs = warehouse_->file_system();
  const Stopwatch watch;
  const iceberg::Table table = Must(warehouse_->catalog().LoadTable(bronze()));
  const iceberg::Filter filter = {{"ingestion_timestamp",
                                   iceberg::Predicate::Op::kGreater,
                                   {iceberg::Literal(clock_.Now() - kMicrosPerHour)}}};
  const auto tasks = Must(iceberg::PlanScan(fs, *table.metadata, std::nullopt, filter));
  watch.AddTo(window.plans);
  iceberg::Schema columns;
  for (const char* name : {"id", "type", "ingestion_timestamp"}) {
    columns.fields.push_back(*table.metadata->CurrentSchema().FindByName(name));
  }
  int64_t rows = 0;
  for (const auto& task : tasks) {
    const auto reader = Must(datafile::OpenScanTask(fs, task, columns));
    while (const auto batch = Must(reader->Next())) rows += batch->num_rows();
  }
  watch.AddTo(window.scans);
  if (rows < events_) {
    std::fprintf(stderr, "a scan found %lld rows\n", static_cast<long long>(rows));
    std::exit(1);
  }
}

Weight Benchmark::WeighTable() {
  auto& fs = warehouse_->file_system();
  const iceberg::Table table = Must(warehouse_->catalog().LoadTable(bronze()));
  Weight weight;
  weight.metadata_bytes = Must(fs.Stat(table.metadata_location)).size;
  weight.snapshots = std::ssize(table.metadata->snapshots);
  const auto manifests = Must(iceberg::ReadManifestList(fs, *table.metadata->CurrentSnapshot()));
  weight.manifests = std::ssize(manifests);
  for (const auto& manifest : manifests) weight.manifest_bytes += manifest.manifest_length;
  weight.metadata_files = std::ssize(Must(fs.List(table.metadata->location + "/metadata")));
  weight.data_files = std::ssize(Must(iceberg::PlanScan(fs, *table.metadata, std::nullopt, {})));
  return weight;
}

void Benchmark::Print(int64_t commit, const Window& window, const Weight& weight) {
  std::printf(
      "%7lld %7.2f %7.2f %7.2f %7.2f %7.2f %12.2f %9lld %9lld %9lld %9.1f %9lld %9lld\n",
      static_cast<long long>(commit), Median(window.commits.wall), Median(window.commits.cpu),
      Median(window.plans.cpu), Median(window.scans.wall), Median(window.scans.cpu),
      Mean(window.maintenance.cpu), static_cast<long long>(weight.metadata_bytes / 1000),
      static_cast<long long>(weight.snapshots), static_cast<long long>(weight.manifests),
      static_cast<double>(weight.manifest_bytes) / 1000,
      static_cast<long long>(weight.metadata_files), static_cast<long long>(weight.data_files));
  std::fflush(stdout);
}

void PrintRatio(const char* what, const Times& first, const Times& last) {
  std::printf("%s: wall %.2f (means %.2f), CPU %.2f (means %.2f)\n", what,
              Median(last.wall) / Median(first.wall), Mean(last.wall) / Mean(first.wall),
              Median(last.cpu) / Median(first.cpu), Mean(last.cpu) / Mean(first.cpu));
}

void Benchmark::Run(int64_t commits) {
  std::printf(
      "%lld commits of %lld events; milliseconds (medians of a hundred, means of "
      "maintenance)\n",
      static_cast<long long>(commits), static_cast<long long>(events_));
  std::printf("%7s %7s %7s %7s %7s %7s %12s %9s %9s %9s %9s %9s %9s\n", "commits", "commit", "CPU",
              "plan", "scan", "CPU", "maintenance", "json kB", "snapshots", "manifests", "kB",
              "metadata", "data files");
  // One before the first, so that what is made once is not in the figures.
  Window warm_up;
  Commit(warm_up);
  Scan(warm_up);
  Window first;
  Window window;
  const int64_t print_every = std::max<int64_t>(kWindow, commits / 20 / kWindow * kWindow);
  for (int64_t commit = 1; commit <= commits; ++commit) {
    clock_.Advance(kBetweenCommits);
    Commit(window);
    Maintain(commit, window);
    Scan(window);
    if (commit % kWindow != 0) continue;
    if (commit == kWindow || commit % print_every == 0) Print(commit, window, WeighTable());
    if (commit == kWindow) first = window;
    if (commit + kWindow > commits) {
      std::printf("the last hundred to the first\n");
      PrintRatio("commits", first.commits, window.commits);
      PrintRatio("scans", first.scans, window.scans);
    }
    window = {};
  }
}

}  // namespace
}  // namespace octolake

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: many_commits DIRECTORY [COMMITS [EVENTS_A_COMMIT]]\n");
    return 2;
  }
  const int64_t commits = argc > 2 ? std::atoll(argv[2]) : 10'000;
  const int64_t events = argc > 3 ? std::atoll(argv[3]) : 10;
  octolake::Benchmark(std::filesystem::absolute(argv[1]).string(), events).Run(commits);
}
