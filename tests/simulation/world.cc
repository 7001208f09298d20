#include "world.h"

#include <cstdio>
#include <utility>

#include "base/civil_time.h"

namespace octolake::simulation {
namespace {

// 2026-01-02T03:04:05Z
constexpr TimestampMicros kBeginning = 1'767'323'045'000'000;
constexpr int64_t kLongestStep = 20'000;  // microseconds
// Far more than any seed takes.
constexpr int64_t kMostSteps = 2'000'000;

}  // namespace

World::World(uint64_t seed, std::string local_directory)
    : directory(std::move(local_directory)),
      choices(seed),
      random(choices.Next()),
      now(kBeginning),
      store(now) {}

std::string World::Short(const std::string& path) const {
  std::string text = path.starts_with("file://") ? path.substr(7) : path;
  return text.starts_with(directory + "/") ? text.substr(directory.size() + 1) : text;
}

void World::Note(const std::string& what) {
  char time[48];
  std::snprintf(time, sizeof time, "%12.3f  ", static_cast<double>(now - kBeginning) / 1e6);
  trace.Add(time + what);
}

void World::Violate(const std::string& what) {
  if (violated()) return;
  violation_ = what;
  // Messages name whole locations, which differ from run to run.
  const std::string prefix = directory + "/";
  for (size_t at = violation_.find(prefix); at != std::string::npos; at = violation_.find(prefix)) {
    violation_.erase(at, prefix.size());
  }
  ending = true;
  Note("VIOLATION: " + violation_);
}

void World::Spawn(std::function<void()> work) {
  fibers_.push_back(std::make_unique<Fiber>(std::move(work)));
}

void World::Run() {
  while (!fibers_.empty()) {
    const auto next = choices.Below(std::ssize(fibers_));
    running_ = fibers_[static_cast<size_t>(next)].get();
    running_->Resume();
    if (running_->ended()) fibers_.erase(fibers_.begin() + next);
    running_ = nullptr;
  }
}

void World::GiveWay() {
  if (running_ != nullptr) running_->GiveWay();
}

void World::Step() {
  now += choices.Below(kLongestStep);
  if (++steps_ == kMostSteps) Violate("the simulation does not end");
}

bool World::Sleep(int64_t micros) {
  if (unguarded_writes > 0) return false;
  now += micros;
  return true;
}

}  // namespace octolake::simulation
