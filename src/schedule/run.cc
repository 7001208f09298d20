#include "schedule/run.h"

#include <algorithm>
#include <array>
#include <utility>

namespace octolake::schedule {
namespace {

constexpr size_t kMaxJobNameBytes = 64;

constexpr std::array<std::pair<RunReason, std::string_view>, 3> kReasons = {
    {{RunReason::kScheduled, "scheduled"},
     {RunReason::kCatchUp, "catch_up"},
     {RunReason::kManual, "manual"}}};

constexpr std::array<std::pair<RunState, std::string_view>, 6> kStates = {
    {{RunState::kRunning, "running"},
     {RunState::kSucceeded, "succeeded"},
     {RunState::kFailed, "failed"},
     {RunState::kTimedOut, "timed_out"},
     {RunState::kInterrupted, "interrupted"},
     {RunState::kSkipped, "skipped"}}};

template <typename Names, typename Value>
std::string_view NameIn(const Names& names, Value value) {
  for (const auto& [each, name] : names) {
    if (each == value) return name;
  }
  return "unknown";
}

template <typename Value, size_t N>
std::optional<Value> ValueIn(const std::array<std::pair<Value, std::string_view>, N>& names,
                             std::string_view name) {
  for (const auto& [value, each] : names) {
    if (each == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view RunReasonName(RunReason reason) { return NameIn(kReasons, reason); }
std::string_view RunStateName(RunState state) { return NameIn(kStates, state); }
std::optional<RunReason> ParseRunReason(std::string_view name) { return ValueIn(kReasons, name); }
std::optional<RunState> ParseRunState(std::string_view name) { return ValueIn(kStates, name); }

bool IsJobName(std::string_view name) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto other = [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= kMaxJobNameBytes && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || other(c); });
}

}  // namespace octolake::schedule
