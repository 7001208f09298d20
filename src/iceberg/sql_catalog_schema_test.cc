// Catalog databases as other programs make them: schema versions 0 and 1 of Iceberg's JdbcCatalog,
// rows without a type, views, several catalogs in one file, odd names.
#include "base/uuid.h"
#include "iceberg/sql_catalog_for_test.h"

namespace octolake::iceberg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

// The statements that JdbcUtil of Iceberg 1.11 runs (V0_CREATE_CATALOG_SQL, V1_UPDATE_CATALOG_SQL,
// CREATE_NAMESPACE_PROPERTIES_TABLE_SQL, V0_DO_COMMIT_CREATE_SQL, V1_DO_COMMIT_CREATE_SQL,
// V0_DO_COMMIT_SQL, V1_DO_COMMIT_TABLE_SQL).
constexpr char kCreateTables[] =
    "CREATE TABLE iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace VARCHAR(255) "
    "NOT NULL,table_name VARCHAR(255) NOT NULL,metadata_location VARCHAR(1000),"
    "previous_metadata_location VARCHAR(1000),PRIMARY KEY (catalog_name, table_namespace, "
    "table_name))";
constexpr char kCreateProperties[] =
    "CREATE TABLE iceberg_namespace_properties(catalog_name VARCHAR(255) NOT NULL,namespace "
    "VARCHAR(255) NOT NULL,property_key VARCHAR(255),property_value VARCHAR(1000),PRIMARY KEY "
    "(catalog_name, namespace, property_key))";
constexpr char kAddType[] = "ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)";

std::string CreateRow(bool typed, const std::string& name, const std::string& location,
                      const std::string& type = "TABLE") {
  const std::string values = "'demo','ns','" + name + "','" + location + "',null";
  return "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
         "metadata_location, previous_metadata_location" +
         (typed ? ", iceberg_type)  VALUES (" + values + ",'" + type + "')"
                : ")  VALUES (" + values + ")");
}

std::string CommitRow(bool typed, const std::string& name, const std::string& from,
                      const std::string& to) {
  return "UPDATE iceberg_tables SET metadata_location = '" + to +
         "' , previous_metadata_location = '" + from +
         "' WHERE catalog_name = 'demo' AND table_namespace = 'ns' AND table_name = '" + name +
         "' AND metadata_location = '" + from + "'" +
         (typed ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "");
}

class SqlCatalogSchemaTest : public SqlCatalogTest {
 protected:
  void SetUp() override {
    SqlCatalogTest::SetUp();
    if (IsSkipped()) return;
    catalog_.reset();
    fs::remove(Options().database_path);
    if (kind_ == TestDatabase::kPostgres) UseNewSchema();
    other_ = Other();
    other_->Run(kCreateTables);
    other_->Run(kCreateProperties);
    other_->Run("INSERT INTO iceberg_namespace_properties VALUES ('demo', 'ns', 'exists', 'true')");
  }
  void TearDown() override {
    other_.reset();
    SqlCatalogTest::TearDown();
  }

  // Writes a metadata file as the other program would, and returns its location.
  std::string WriteMetadata(const std::string& name, int version, const std::string& value) {
    NewTable table = Numbers();
    table.location = "file://" + directory_.string() + "/ns/" + name;
    table.properties = {{"written-by", value}};
    const auto metadata = MakeTableMetadata(table, uuid_, 1'600'000'000'000).value();
    const std::string location = table.location + "/metadata/0000" + std::to_string(version) + "-" +
                                 Uuid::RandomV4(random_).ToString() + ".metadata.json";
    EXPECT_TRUE(io::WriteAll(*file_system_, location, TableMetadataToJson(metadata)));
    return location;
  }
  std::string Value(const std::string& name) {
    const auto table = catalog_->LoadTable({"ns", name});
    EXPECT_TRUE(table) << table.error().message;
    return table ? table->metadata->properties.at("written-by") : "";
  }
  // What we commit to a table, given what is there.
  Table CommitOurs(const std::string& name, const std::string& value) {
    const auto table = catalog_->LoadTable({"ns", name});
    EXPECT_TRUE(table) << table.error().message;
    auto committed = Commit(SetProperty(*table, "written-by", value));
    EXPECT_TRUE(committed) << committed.error().message;
    return committed->front();
  }
  std::vector<std::string> Columns() {
    return other_->Rows(kind_ == TestDatabase::kSqlite
                            ? "SELECT name FROM pragma_table_info('iceberg_tables')"
                            : "SELECT attname FROM pg_attribute WHERE attrelid = "
                              "'iceberg_tables'::regclass AND attnum > 0");
  }

  const std::string uuid_ = "00000000-0000-4000-8000-000000000001";
  std::unique_ptr<OtherProgram> other_;
};

TEST_P(SqlCatalogSchemaTest, CommitsOfTwoProgramsInTurnInBothVersions) {
  for (const bool typed : {false, true}) {
    if (typed) other_->Run(kAddType);
    catalog_ = Open().value();
    const std::string name = typed ? "v1" : "v0";
    const std::string first = WriteMetadata(name, 0, "other 1");
    other_->Run(CreateRow(typed, name, first));
    EXPECT_EQ(Value(name), "other 1");
    const std::string ours = CommitOurs(name, "we 1").metadata_location;
    EXPECT_THAT(ours, HasSubstr("/00001-"));
    const std::string second = WriteMetadata(name, 2, "other 2");
    EXPECT_EQ(other_->Run(CommitRow(typed, name, ours, second)), 1);
    EXPECT_EQ(Value(name), "other 2");
    const std::string last = CommitOurs(name, "we 2").metadata_location;
    EXPECT_THAT(other_->Rows("SELECT metadata_location, previous_metadata_location FROM "
                             "iceberg_tables WHERE table_name = '" +
                             name + "'"),
                ElementsAre(last + "|" + second));
  }
}

TEST_P(SqlCatalogSchemaTest, VersionZeroStaysItUntilAnotherProgramUpgradesIt) {
  catalog_ = Open().value();
  const Table before = Create({"ns", "before"});
  ASSERT_EQ(Columns().size(), 5U);
  other_->Run(kAddType);
  // The same open catalog goes on: old rows have no type, new ones have.
  ASSERT_TRUE(Commit(SetProperty(before, "a", "1")));
  Create({"ns", "after"});
  EXPECT_THAT(other_->Rows("SELECT table_name, iceberg_type FROM iceberg_tables ORDER BY 1"),
              ElementsAre("after|TABLE", "before|NULL"));
  EXPECT_THAT(catalog_->ListTables("ns").value(),
              ElementsAre(TableIdentifier{"ns", "after"}, TableIdentifier{"ns", "before"}));
  ASSERT_TRUE(catalog_->DropTable({"ns", "before"}));
  EXPECT_THAT(catalog_->ListTables("ns").value(), ElementsAre(TableIdentifier{"ns", "after"}));
}

TEST_P(SqlCatalogSchemaTest, AnUpgradeBetweenOurReadAndOurSwapLosesNothing) {
  catalog_ = Open().value();
  const Table base = Create({"ns", "t"});
  const TableChange change = SetProperty(base, "a", "1");
  other_->Run(kAddType);
  ASSERT_TRUE(Commit(change));
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"})->metadata->properties.at("a"), "1");
}

TEST_P(SqlCatalogSchemaTest, AForeignCommitBetweenOurReadAndOurSwapWins) {
  other_->Run(kAddType);
  catalog_ = Open().value();
  const std::string first = WriteMetadata("t", 0, "start");
  other_->Run(CreateRow(true, "t", first));
  const Table base = catalog_->LoadTable({"ns", "t"}).value();
  const std::string theirs = WriteMetadata("t", 1, "theirs");
  other_->Run(CommitRow(true, "t", first, theirs));
  const auto lost = Commit(SetProperty(base, "written-by", "ours"));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(lost.error().message, HasSubstr(theirs));
  EXPECT_EQ(Value("t"), "theirs");
  EXPECT_THAT(MetadataFiles({"ns", "t"}), ElementsAre(first, theirs));
}

TEST_P(SqlCatalogSchemaTest, TheirCommitAfterOursChangesNoRow) {
  catalog_ = Open().value();
  const Table base = Create({"ns", "t"});
  const Table ours = Commit(SetProperty(base, "a", "1")).value().front();
  EXPECT_EQ(other_->Run(CommitRow(false, "t", base.metadata_location, "/elsewhere")), 0);
  EXPECT_EQ(catalog_->LoadTable({"ns", "t"})->metadata_location, ours.metadata_location);
}

TEST_P(SqlCatalogSchemaTest, ViewsAreLeftAlone) {
  other_->Run(kAddType);
  catalog_ = Open().value();
  other_->Run(CreateRow(true, "v", "/views/v.json", "VIEW"));
  const Table table = Create({"ns", "t"});
  EXPECT_THAT(catalog_->ListTables("ns").value(), ElementsAre(TableIdentifier{"ns", "t"}));
  EXPECT_EQ(catalog_->LoadTable({"ns", "v"}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(catalog_->DropTable({"ns", "v"}).error().kind, ErrorKind::kNotFound);
  // Neither is one replaced by a table of its name, nor committed to as if it were a table.
  const auto taken = CreateTableIfMissing(*catalog_, Context(), {"ns", "v"}, Numbers());
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("ns.v"));
  EXPECT_THAT(taken.error().message, HasSubstr("view"));
  TableChange change = SetProperty(table, "a", "1");
  change.identifier.name = "v";
  change.base->metadata_location = "/views/v.json";
  EXPECT_EQ(Commit(change).error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(other_->Rows("SELECT metadata_location, previous_metadata_location, iceberg_type "
                           "FROM iceberg_tables WHERE table_name = 'v'"),
              ElementsAre("/views/v.json|NULL|VIEW"));
}

TEST_P(SqlCatalogSchemaTest, CatalogsInOneFileDoNotSeeEachOther) {
  catalog_ = Open().value();
  SqlCatalogOptions options = Options();
  options.catalog_name = "other";
  options.warehouse_location += "other";
  const auto second = OpenSqlCatalog(options, *file_system_, clock_, random_).value();
  const Table ours = Create({"ns", "t"});
  const auto theirs = CreateTableIfMissing(*second, Context(), {"ns", "t"}, Numbers()).value();
  EXPECT_NE(theirs.metadata->table_uuid, ours.metadata->table_uuid);
  ASSERT_TRUE(Commit(SetProperty(ours, "a", "1")));
  EXPECT_EQ(second->LoadTable({"ns", "t"})->metadata_location, theirs.metadata_location);
  ASSERT_TRUE(second->DropTable({"ns", "t"}));
  EXPECT_TRUE(catalog_->LoadTable({"ns", "t"}));
  EXPECT_THAT(catalog_->ListNamespaces().value(), ElementsAre("ns"));
  EXPECT_FALSE(second->LoadTable({"ns", "t"}));
  // Its own namespace is still there, that of the first is none of its business.
  ASSERT_TRUE(second->CreateNamespace("only", {}));
  EXPECT_THAT(catalog_->ListNamespaces().value(), ElementsAre("ns"));
}

TEST_P(SqlCatalogSchemaTest, NamesThatNeedQuotingAreOrdinaryNames) {
  catalog_ = Open().value();
  const std::vector<TableIdentifier> names = {{"it's", "a \"table\""},
                                              {"ns", "x'; DROP TABLE iceberg_tables; --"},
                                              {"ns", "100%_t"},
                                              {"ns", "100% t"},
                                              {"größe", "表"},
                                              {"deep.er.still", "t"},
                                              {"NS", "t"},
                                              {"ns", "select"}};
  for (const TableIdentifier& name : names) {
    const Table table = Create(name, {{"name", name.ToString()}});
    ASSERT_TRUE(Commit(SetProperty(table, "a", "1"))) << name.ToString();
  }
  for (const TableIdentifier& name : names) {
    const auto table = catalog_->LoadTable(name);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->metadata->properties.at("name"), name.ToString());
    EXPECT_EQ(MetadataFiles(name).size(), 2U) << name.ToString();
  }
  EXPECT_EQ(catalog_->ListTables("ns")->size(), 4U);
  EXPECT_EQ(catalog_->ListTables("NS")->size(), 1U);
  EXPECT_FALSE(catalog_->ListTables("deep")) << "a level above is no namespace by itself";
}

TEST_P(SqlCatalogSchemaTest, ARowWithoutALocationIsDamage) {
  catalog_ = Open().value();
  const Table table = Create({"ns", "good"});
  other_->Run(CreateRow(false, "bad", ""));
  const auto loaded = catalog_->LoadTable({"ns", "bad"});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(loaded.error().message, HasSubstr("ns.bad"));
  EXPECT_THAT(loaded.error().message, HasSubstr("metadata_location"));
  EXPECT_TRUE(Commit(SetProperty(table, "a", "1"))) << "others go on";
}

INSTANTIATE_TEST_SUITE_P(On, SqlCatalogSchemaTest,
                         ::testing::Values(TestDatabase::kSqlite, TestDatabase::kPostgres),
                         DatabaseName);

}  // namespace
}  // namespace octolake::iceberg
