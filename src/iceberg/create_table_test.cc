#include <gtest/gtest.h>

#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

class CreateTableIfMissingTest : public ::testing::Test {
 protected:
  Result<Table> Create() {
    NewTable created;
    created.schema = TestSchema();
    return CreateTableIfMissing(table.catalog, table.Context(), {"bronze", "new"}, created);
  }

  TestTable table;
};

TEST_F(CreateTableIfMissingTest, AsksAgainWhenTheRequestWasLost) {
  table.catalog.lose_requests = 2;
  const auto created = Create();
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->metadata->location, "/warehouse/bronze/new");
  EXPECT_EQ(Create()->metadata->table_uuid, created->metadata->table_uuid);
}

TEST_F(CreateTableIfMissingTest, FindsTheTableWhenTheReplyWasLost) {
  table.catalog.lose_replies = 1;
  const int commits = table.catalog.commits;
  ASSERT_TRUE(Create());
  EXPECT_EQ(table.catalog.commits, commits + 1);
}

TEST_F(CreateTableIfMissingTest, SaysSoWhenNothingIsAnswered) {
  table.catalog.lose_requests = 10;
  EXPECT_EQ(Create().error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_EQ(table.catalog.lose_requests, 7);
}

}  // namespace
}  // namespace octolake::iceberg
