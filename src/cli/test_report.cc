#include "cli/test_report.h"

#include <nlohmann/json.hpp>

#include "base/units.h"

namespace octolake::cli {
namespace {

using TestOutcome = model::TestReport::Outcome;
using FreshOutcome = model::FreshnessReport::Outcome;

const char* Name(TestOutcome outcome) {
  switch (outcome) {
    case TestOutcome::kPassed:
      return "pass";
    case TestOutcome::kWarned:
      return "warn";
    case TestOutcome::kFailed:
      return "fail";
    case TestOutcome::kErrored:
      return "error";
  }
  return "";
}

const char* Name(FreshOutcome outcome) {
  switch (outcome) {
    case FreshOutcome::kFresh:
      return "pass";
    case FreshOutcome::kWarned:
      return "warn";
    case FreshOutcome::kStale:
      return "fail";
    case FreshOutcome::kEmpty:
      return "empty";
  }
  return "";
}

std::string Age(int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " seconds";
  if (seconds < 7200) return std::to_string(seconds / 60) + " minutes";
  if (seconds < 172800) return std::to_string(seconds / 3600) + " hours";
  return std::to_string(seconds / 86400) + " days";
}

int64_t Count(const std::vector<model::TestReport>& reports, TestOutcome outcome) {
  int64_t count = 0;
  for (const model::TestReport& report : reports) count += report.outcome == outcome ? 1 : 0;
  return count;
}

}  // namespace

nlohmann::ordered_json TestsJson(const std::vector<model::TestReport>& reports) {
  auto json = nlohmann::ordered_json::array();
  for (const model::TestReport& report : reports) {
    nlohmann::ordered_json entry = {
        {"name", report.name}, {"outcome", Name(report.outcome)}, {"failures", report.failures}};
    if (!report.error.empty()) entry["error"] = report.error;
    if (!report.stored_in.empty()) entry["stored_in"] = report.stored_in;
    json.push_back(std::move(entry));
  }
  return json;
}

nlohmann::ordered_json FreshnessJson(const std::vector<model::FreshnessReport>& reports) {
  auto json = nlohmann::ordered_json::array();
  for (const model::FreshnessReport& report : reports) {
    nlohmann::ordered_json entry = {{"source", report.source}, {"outcome", Name(report.outcome)}};
    if (report.age_seconds) entry["age_seconds"] = *report.age_seconds;
    json.push_back(std::move(entry));
  }
  return json;
}

void SayTests(const Context& context, const std::vector<model::TestReport>& reports) {
  for (const model::TestReport& report : reports) {
    if (report.outcome == TestOutcome::kPassed) continue;
    std::string line = std::string("  ") + Name(report.outcome) + "  " + report.name + ": ";
    line += report.outcome == TestOutcome::kErrored ? report.error
                                                    : Grouped(report.failures) + " failing rows";
    if (!report.stored_in.empty()) line += ", stored in " + report.stored_in;
    if (!report.description.empty()) line += " (" + report.description + ")";
    context.Say(line);
  }
  context.Say("Data tests: " + std::to_string(Count(reports, TestOutcome::kPassed)) + " passed, " +
              std::to_string(Count(reports, TestOutcome::kWarned)) + " warned, " +
              std::to_string(Count(reports, TestOutcome::kFailed)) + " failed, " +
              std::to_string(Count(reports, TestOutcome::kErrored)) + " could not be run.");
}

void SayFreshness(const Context& context, const std::vector<model::FreshnessReport>& reports) {
  for (const model::FreshnessReport& report : reports) {
    std::string line = "Freshness of " + report.source + ": ";
    line += report.age_seconds ? "newest row is " + Age(*report.age_seconds) + " old" : "no rows";
    context.Say(line + " (" + Name(report.outcome) + ")");
  }
}

int TestStatus(const std::vector<model::TestReport>& reports) {
  if (Count(reports, TestOutcome::kErrored) > 0) return kFailed;
  return Count(reports, TestOutcome::kFailed) > 0 ? kTestsFailed : kDone;
}

}  // namespace octolake::cli
