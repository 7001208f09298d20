#include "lake/table_version.h"

#include <gmock/gmock.h>

#include "iceberg/transaction.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kDay = "2015-01-01T12:00:00Z";

class TableVersionTest : public WarehouseTest {
 protected:
  void SetVersion(const iceberg::TableIdentifier& name, const std::string& version) {
    iceberg::Transaction transaction(warehouse_->catalog(), warehouse_->update_context());
    transaction.Add(name, iceberg::SetProperties({{kDefinitionVersionProperty, version}}));
    Must(transaction.Commit());
  }

  // The definition of Bronze by a later octolake: two columns more, a wider and a renamed one.
  static TableDefinition Later() {
    TableDefinition later{BronzeEventsDefinition(), {{"sender_login", "actor_login"}}};
    later.table.properties[kDefinitionVersionProperty] = "2";
    for (iceberg::Field& field : later.table.schema.fields) {
      if (field.name == "kafka_partition") field.type = iceberg::LongType();
      if (field.name == "actor_login") field.name = "sender_login";
    }
    later.table.schema.fields.push_back(
        {26, "labels", iceberg::StringType(), false, "Labels of the event."});
    return later;
  }

  template <typename T>
  void ExpectRefused(const Result<T>& result, const std::string& table) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(result.error().message,
              "table " + table +
                  " was written by a newer octolake (version 2 of its tables; this program knows "
                  "up to 1) and can only be read: upgrade octolake to write to it");
  }
};

TEST_F(TableVersionTest, AnOlderTableIsUpgradedInOneCommit) {
  Load({WriteFile("a.json", EventLine("1", kDay))});
  const iceberg::Table upgraded = Must(OpenForWriting(*warehouse_, Bronze(), Later()));
  const iceberg::Schema& schema = upgraded.metadata->CurrentSchema();
  EXPECT_EQ(schema.FindByName("labels")->id, 26);
  EXPECT_EQ(schema.FindByName("sender_login")->id,
            BronzeEventsDefinition().schema.FindByName("actor_login")->id);
  EXPECT_EQ(schema.FindByName("kafka_partition")->type->id, iceberg::TypeId::kLong);
  EXPECT_EQ(upgraded.metadata->properties.at(kDefinitionVersionProperty), "2");
  EXPECT_THAT(Column(BronzeEvents({}), "sender_login"), ElementsAre("ada"));
  EXPECT_THAT(Column(BronzeEvents({}), "labels"), ElementsAre("NULL"));
  // Once more: nothing is done.
  const auto again = Must(OpenForWriting(*warehouse_, Bronze(), Later()));
  EXPECT_EQ(again.metadata_location, upgraded.metadata_location);
}

TEST_F(TableVersionTest, StepsUpgradeTheirTables) {
  SetVersion(BronzeEvents({}), "0");
  SetVersion(ParsedEvents({}), "0");
  Load({WriteFile("a.json", EventLine("1", kDay))});
  EXPECT_EQ(Bronze().metadata->properties.at(kDefinitionVersionProperty), "1");
  SetVersion(ParsedEvents({}), "0");
  EXPECT_EQ(Silver().added, 1);
  EXPECT_EQ(Parsed().metadata->properties.at(kDefinitionVersionProperty), "1");
}

TEST_F(TableVersionTest, ATableOfANewerOctolakeIsOnlyRead) {
  Load({WriteFile("a.json", EventLine("1", kDay))});
  Must(OpenForWriting(*warehouse_, Bronze(), Later()));
  ExpectRefused(TryLoad({WriteFile("b.json", EventLine("2", kDay))}), "bronze.github_events");
  IgnoreProgress progress;
  ExpectRefused(RunSilver(*warehouse_, {}, progress), "bronze.github_events");
  EXPECT_THAT(Column(BronzeEvents({}), "id"), ElementsAre("1"));
}

TEST_F(TableVersionTest, NothingIsCreatedBesideWhatANewerOctolakeMade) {
  Must(warehouse_->catalog().DropTable(ParsedEvents({})));
  SetVersion(LoadedFiles({}), "2");
  ExpectRefused(CreateTables(*warehouse_), "bronze.loaded_files");
  const auto parsed = warehouse_->catalog().LoadTable(ParsedEvents({}));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kNotFound);
}

TEST_F(TableVersionTest, AVersionThatIsNoNumberIsNamed) {
  SetVersion(BronzeEvents({}), "two");
  const auto created = CreateTables(*warehouse_);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(created.error().message, HasSubstr("bronze.github_events"));
  EXPECT_THAT(created.error().message, HasSubstr("'two'"));
}

TEST_F(TableVersionTest, OfTwoThatUpgradeAtOnceOneWinsAndTheOtherSeesIt) {
  HookCatalog().before_commit = {[&] {
    Must(OpenForWriting(*others_, Must(others_->catalog().LoadTable(BronzeEvents({}))), Later()));
  }};
  const auto upgraded = Must(OpenForWriting(*warehouse_, Bronze(), Later()));
  EXPECT_EQ(upgraded.metadata->schemas.size(), 2u);
  EXPECT_EQ(upgraded.metadata->last_column_id, 26);
}

TEST_F(TableVersionTest, AnUpgradeThatANewerOctolakeOvertakesIsRefused) {
  SetVersion(BronzeEvents({}), "0");
  HookCatalog().before_commit = {[&] {
    Must(OpenForWriting(*others_, Must(others_->catalog().LoadTable(BronzeEvents({}))), Later()));
  }};
  const auto created = CreateTables(*warehouse_);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(created.error().message, HasSubstr("upgrade octolake"));
  EXPECT_EQ(Bronze().metadata->properties.at(kDefinitionVersionProperty), "2");
  EXPECT_NE(Bronze().metadata->CurrentSchema().FindByName("sender_login"), nullptr);
}

}  // namespace
}  // namespace octolake::lake
