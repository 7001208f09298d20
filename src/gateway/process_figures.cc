#include "gateway/process_figures.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include "gateway/metrics.h"

namespace octolake::gateway {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double ResidentBytes() {
  long long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%*d %lld", &pages) != 1) pages = 0;
  std::fclose(file);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = -3;  // ".", ".." and the directory itself
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace

void AppendProcessFigures(std::string& out) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  AppendMetric(out, "process_cpu_seconds_total", "counter", "User and system time.",
               Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  AppendMetric(out, "process_resident_memory_bytes", "gauge", "Resident memory.", ResidentBytes());
  AppendMetric(out, "process_open_fds", "gauge", "Open file descriptors.", OpenDescriptors());
}

}  // namespace octolake::gateway
