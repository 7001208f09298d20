// What the tests of runs share: a warehouse that is filled with synthetic events, the embedded
// models, and the rows of queries. For tests only.
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>

#include <string>
#include <utility>
#include <vector>

#include "event/generator.h"
#include "lake/warehouse_for_test.h"
#include "model/run.h"

namespace octolake::model {

inline const iceberg::TableIdentifier kSilver{"silver", "silver_github_events"};
inline const iceberg::TableIdentifier kGold{"gold", "gold_user_activity"};
inline constexpr char kGoldRows[] =
    "SELECT * EXCLUDE (created_at) FROM gold.gold_user_activity ORDER BY actor_key, activity_date";

class ModelRunTest : public lake::WarehouseTest {
 protected:
  // Loads `count` further synthetic events and brings them to parsed Silver.
  void AddEvents(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += generator_.Next() + "\n";
    Load({WriteFile("events-" + std::to_string(++files_) + ".json", lines)});
    Silver();
  }

  Result<std::vector<ModelReport>> TryRun(const RunOptions& options = {}) {
    clock_.Advance(1'000'000);
    IgnoreProgress progress;
    return RunModels(*warehouse_, bundle_, options, progress);
  }
  std::vector<ModelReport> Run(const RunOptions& options = {}) {
    return lake::Must(TryRun(options));
  }

  std::vector<TestReport> Test(const TestOptions& options = {}) {
    IgnoreProgress progress;
    return lake::Must(RunDataTests(*warehouse_, bundle_, options, progress));
  }

  // Each row as one text, in the order of the result.
  std::vector<std::string> Rows(const std::string& query, const AsOf& as_of = {}) {
    auto session = lake::Must(OpenWarehouseSession(*warehouse_, bundle_, as_of, {}));
    auto result = lake::Must(session->Query(query));
    std::vector<std::string> rows;
    while (const auto batch = lake::Must(result->Next())) {
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        std::string text;
        for (const auto& column : batch->columns()) {
          text += column->GetScalar(row).ValueOrDie()->ToString() + "|";
        }
        rows.push_back(std::move(text));
      }
    }
    return rows;
  }

  Bundle bundle_ = lake::Must(ParseBundle(EmbeddedBundleJson()));

 private:
  event::EventGenerator generator_{event::GeneratorOptions{.seed = 7, .rate = 0.01}};
  int files_ = 0;
};

}  // namespace octolake::model
