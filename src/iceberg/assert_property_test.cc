#include "iceberg/assert_property.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

TEST(AssertPropertyTest, HoldsForTheValueThatIsThere) {
  TestTable table;
  table.MustCommit(AssertProperty("p", {}), SetProperties({{"p", "1"}}));
  EXPECT_TRUE(table.Commit(AssertProperty("p", "1")));
  EXPECT_TRUE(table.Commit(AssertProperty("none", {})));
}

TEST(AssertPropertyTest, IsAConflictForAnother) {
  TestTable table;
  table.MustCommit(SetProperties({{"p", "1"}}));
  for (const auto& [name, value] :
       std::map<std::string, std::optional<std::string>>{{"p", std::nullopt}, {"none", ""}}) {
    EXPECT_EQ(table.Commit(AssertProperty(name, value)).error().kind, ErrorKind::kCommitConflict);
  }
  const auto failed = table.Commit(AssertProperty("p", "2"), SetProperties({{"q", "1"}}));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("is '1', expected '2'"), std::string::npos)
      << failed.error().message;
  EXPECT_EQ(table.Metadata()->properties.count("q"), 0u);
}

}  // namespace
}  // namespace octolake::iceberg
