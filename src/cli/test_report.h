// Data tests and freshness as people and scripts read them; used by run and test.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/command.h"
#include "model/run.h"

namespace octolake::cli {

nlohmann::ordered_json TestsJson(const std::vector<model::TestReport>& reports);
nlohmann::ordered_json FreshnessJson(const std::vector<model::FreshnessReport>& reports);

// Says each test that did not pass, and a line of counts.
void SayTests(const Context& context, const std::vector<model::TestReport>& reports);
void SayFreshness(const Context& context, const std::vector<model::FreshnessReport>& reports);

// kDone, kTestsFailed, or kFailed if a test could not be run.
int TestStatus(const std::vector<model::TestReport>& reports);

}  // namespace octolake::cli
