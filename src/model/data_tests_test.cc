// Data tests, and the freshness of sources.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/run_for_test.h"

namespace octolake::model {
namespace {

using lake::Must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Outcome = TestReport::Outcome;

class DataTestsTest : public ModelRunTest {
 protected:
  DataTest TestOf(const std::string& name, Severity severity, const std::string& sql) {
    DataTest test;
    test.unique_id = "test.o." + name;
    test.name = name;
    test.severity = severity;
    test.sql = sql;
    test.fail_calc = "count(*)";
    test.warn_if = test.error_if = "!= 0";
    test.depends_on = {"model.octolake.gold_user_activity"};
    return test;
  }
};

TEST_F(DataTestsTest, TheEmbeddedTestsPassOnSyntheticEvents) {
  AddEvents(500);
  Run();
  for (const TestReport& report : Test()) {
    EXPECT_TRUE(report.outcome == Outcome::kPassed || report.outcome == Outcome::kWarned)
        << report.name << ": " << report.failures << " " << report.error;
  }
}

TEST_F(DataTestsTest, SeverityAndThresholdsDecideTheOutcome) {
  AddEvents(50);
  Run();
  const std::string three = "SELECT * FROM range(3)";
  bundle_.tests = {TestOf("fails", Severity::kError, three),
                   TestOf("warns", Severity::kWarn, three),
                   TestOf("passes", Severity::kError, "SELECT 1 WHERE false"),
                   TestOf("broken", Severity::kError, "SELECT * FROM nowhere")};
  DataTest tolerant = TestOf("tolerant", Severity::kError, three);
  tolerant.error_if = "> 3";
  bundle_.tests.push_back(tolerant);
  const auto reports = Test();
  ASSERT_EQ(reports.size(), 5u);
  EXPECT_EQ(reports[0].outcome, Outcome::kFailed);
  EXPECT_EQ(reports[0].failures, 3);
  EXPECT_EQ(reports[1].outcome, Outcome::kWarned);
  EXPECT_EQ(reports[2].outcome, Outcome::kPassed);
  EXPECT_EQ(reports[3].outcome, Outcome::kErrored);
  EXPECT_THAT(reports[3].error, HasSubstr("nowhere"));
  EXPECT_EQ(reports[4].outcome, Outcome::kWarned);
}

TEST_F(DataTestsTest, FailingRowsAreStoredAndReplaced) {
  AddEvents(50);
  Run();
  bundle_.tests = {TestOf("odd", Severity::kError, "SELECT 7::BIGINT AS n, 'x' AS t")};
  TestOptions options;
  options.store_failures = true;
  EXPECT_EQ(Test(options).at(0).stored_in, "test_failures.odd");
  Test(options);
  EXPECT_THAT(Rows("SELECT n, t FROM test_failures.odd"), ElementsAre("7|x|"));
  bundle_.tests.at(0).sql = "SELECT 7::BIGINT AS n, 'x' AS t WHERE false";
  Test(options);
  EXPECT_THAT(Rows("SELECT n FROM test_failures.odd"), IsEmpty());
  bundle_.tests.at(0).sql = "SELECT DATE '2015-01-01' AS d";
  Test(options);
  EXPECT_EQ(Rows("SELECT d FROM test_failures.odd").size(), 1u);
}

TEST_F(DataTestsTest, FreshnessFollowsTheClock) {
  IgnoreProgress progress;
  using Fresh = FreshnessReport::Outcome;
  const auto outcome = [&] { return Must(CheckFreshness(*warehouse_, bundle_, {})).at(0).outcome; };
  EXPECT_EQ(outcome(), Fresh::kEmpty);
  AddEvents(10);
  EXPECT_EQ(outcome(), Fresh::kFresh);
  clock_.Advance(int64_t{3} * 3600 * 1'000'000);
  EXPECT_EQ(outcome(), Fresh::kWarned);
  clock_.Advance(int64_t{4} * 3600 * 1'000'000);
  EXPECT_EQ(outcome(), Fresh::kStale);
}

}  // namespace
}  // namespace octolake::model
