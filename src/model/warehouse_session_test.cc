#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/run_for_test.h"

namespace octolake::model {
namespace {

using lake::Must;
using ::testing::HasSubstr;

using WarehouseSessionTest = ModelRunTest;

TEST_F(WarehouseSessionTest, SessionsSeeTheTablesAsTheyWere) {
  AddEvents(100);
  const auto first = Bronze();
  AddEvents(50);
  AsOf snapshot;
  snapshot.snapshot_id = first.metadata->current_snapshot_id;
  AsOf time;
  time.timestamp_ms = first.metadata->last_updated_ms;
  const std::string count = "SELECT count(*) FROM bronze.github_events";
  const auto then = Rows(count, snapshot);
  EXPECT_EQ(Rows(count, time), then);
  EXPECT_NE(Rows(count), then);

  AsOf unknown;
  unknown.snapshot_id = 1;
  const auto session = OpenWarehouseSession(*warehouse_, bundle_, unknown, {});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind, ErrorKind::kNotFound);
}

TEST_F(WarehouseSessionTest, AnUnreadableTableSpoilsOnlyItsOwnQueries) {
  AddEvents(20);
  const auto bronze = Bronze();
  const std::string list = bronze.metadata->CurrentSnapshot()->manifest_list;
  Must(warehouse_->file_system().Remove(list));
  EXPECT_EQ(Rows("SELECT count(*) FROM silver.github_events_parsed").size(), 1u);
  auto session = Must(OpenWarehouseSession(*warehouse_, bundle_, {}, {}));
  auto result = session->Query("SELECT * FROM bronze.github_events");
  Status status;
  if (!result) {
    status = tl::unexpected<Error>(result.error());
  } else if (auto batch = (*result)->Next(); !batch) {
    status = tl::unexpected<Error>(batch.error());
  }
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("bronze.github_events cannot be read"));
}

}  // namespace
}  // namespace octolake::model
