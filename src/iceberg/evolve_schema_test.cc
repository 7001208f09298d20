#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Field Column(std::string name, TypePtr type, bool required = false, std::string doc = "") {
  return {.id = 0,
          .name = std::move(name),
          .type = std::move(type),
          .required = required,
          .doc = std::move(doc)};
}

TypePtr Type(std::string_view name) { return ParsePrimitiveType(name).value(); }

// "3 day date required", ...
std::vector<std::string> Columns(const Schema& schema) {
  std::vector<std::string> columns;
  for (const Field& field : schema.fields) {
    columns.push_back(std::to_string(field.id) + " " + field.name + " " + TypeName(*field.type) +
                      (field.required ? " required" : ""));
  }
  return columns;
}

// The columns of the table (table_for_test.h), to be changed.
SchemaEvolution Same() {
  SchemaEvolution evolution;
  evolution.wanted = TestSchema();
  return evolution;
}

Field& Wanted(SchemaEvolution& evolution, const std::string& name) {
  for (Field& field : evolution.wanted.fields) {
    if (field.name == name) return field;
  }
  ADD_FAILURE() << name;
  return evolution.wanted.fields.front();
}

void ExpectRefused(TestTable& table, SchemaEvolution evolution, const std::string& message) {
  const auto committed = table.Commit(EvolveSchema(std::move(evolution)));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(committed.error().message, HasSubstr(message));
  EXPECT_EQ(table.Metadata()->schemas.size(), 1U);
}

TEST(EvolveSchemaTest, AddsOptionalColumnsInTheWantedOrder) {
  TestTable table;
  table.MustCommit(AppendFiles({table.File("a", 1)}, {}));
  SchemaEvolution evolution = Same();
  auto& columns = evolution.wanted.fields;
  columns.insert(columns.begin() + 1, Column("kind", StringType(), true, "What it is."));
  columns.push_back(Column("size", IntType()));
  const auto metadata = table.MustCommit(EvolveSchema(evolution));
  EXPECT_THAT(Columns(metadata->CurrentSchema()),
              ElementsAre("1 id long", "6 kind string", "2 name string", "3 day date",
                          "4 score double", "5 at timestamptz", "7 size int"));
  EXPECT_EQ(metadata->CurrentSchema().FindByName("kind")->doc, "What it is.");
  EXPECT_EQ(metadata->last_column_id, 7);
  EXPECT_EQ(metadata->current_schema_id, 1);
  ASSERT_EQ(metadata->schemas.size(), 2U);
  EXPECT_EQ(metadata->schemas[0], TestSchema());
  EXPECT_EQ(metadata->CurrentSnapshot()->schema_id, 0);
  table.MustCommit(AppendFiles({table.File("b", 2)}, {}));
  EXPECT_EQ(table.Metadata()->CurrentSnapshot()->schema_id, 1);
  EXPECT_THAT(table.Live(), testing::UnorderedElementsAre("a", "b"));
}

TEST(EvolveSchemaTest, ChangesNothingWhereNothingIsWanted) {
  TestTable table;
  SchemaEvolution evolution = Same();
  Wanted(evolution, "id").required = true;  // there may be rows without it
  const auto metadata = table.MustCommit(EvolveSchema(evolution));
  ASSERT_EQ(metadata->schemas.size(), 1U);
  EXPECT_EQ(metadata->CurrentSchema(), TestSchema());
}

TEST(EvolveSchemaTest, IdsOfDroppedColumnsAreNotUsedAgainButEqualSchemasAre) {
  TestTable table;
  SchemaEvolution evolution = Same();
  evolution.wanted.fields.push_back(Column("size", IntType()));
  table.MustCommit(EvolveSchema(evolution));
  SchemaEvolution back = Same();
  back.rows_are_replaced = true;
  const auto metadata = table.MustCommit(EvolveSchema(back));
  EXPECT_EQ(metadata->current_schema_id, 0);
  EXPECT_EQ(metadata->schemas.size(), 2U);
  EXPECT_EQ(metadata->last_column_id, 6);
  EXPECT_THAT(Columns(table.MustCommit(EvolveSchema(evolution))->CurrentSchema()),
              testing::Contains("7 size int"));
}

TEST(EvolveSchemaTest, RenamedColumnsKeepTheirIds) {
  TestTable table;
  SchemaEvolution evolution = Same();
  Wanted(evolution, "name").name = "title";
  evolution.former_names = {{"title", "name"}, {"day", "date"}};
  EXPECT_THAT(Columns(table.MustCommit(EvolveSchema(evolution))->CurrentSchema()),
              ElementsAre("1 id long", "2 title string", "3 day date", "4 score double",
                          "5 at timestamptz"));
  // The same once more, and another column that takes the former name.
  evolution.wanted.fields.push_back(Column("name", StringType()));
  EXPECT_THAT(Columns(table.MustCommit(EvolveSchema(evolution))->CurrentSchema()),
              ElementsAre("1 id long", "2 title string", "3 day date", "4 score double",
                          "5 at timestamptz", "6 name string"));
}

TEST(EvolveSchemaTest, WidensWhatFilesCanFollow) {
  const std::vector<std::pair<const char*, const char*>> allowed = {
      {"int", "long"}, {"float", "double"}, {"decimal(9, 2)", "decimal(18, 2)"}};
  const std::vector<std::pair<const char*, const char*>> refused = {
      {"long", "int"},         {"double", "float"},
      {"int", "double"},       {"decimal(9, 2)", "decimal(8, 2)"},
      {"int", "string"},       {"decimal(9, 2)", "decimal(18, 3)"},
      {"date", "timestamptz"}, {"timestamp", "timestamptz"}};
  const auto evolve = [](const char* from, const char* to) {
    TestTable table;
    SchemaEvolution evolution = Same();
    evolution.wanted.fields.push_back(Column("x", Type(from)));
    table.MustCommit(EvolveSchema(evolution));
    Wanted(evolution, "x").type = Type(to);
    const auto committed = table.Commit(EvolveSchema(evolution));
    if (!committed) return committed.error().message;
    return Columns(committed->front().metadata->CurrentSchema()).back();
  };
  for (const auto& [from, to] : allowed) EXPECT_EQ(evolve(from, to), "6 x " + std::string(to));
  for (const auto& [from, to] : refused) {
    EXPECT_THAT(evolve(from, to),
                HasSubstr("column 'x' is " + std::string(from) + " and should be " + to +
                          ": types can only be widened"));
  }
}

TEST(EvolveSchemaTest, RequiredColumnsBecomeOptional) {
  TestTable table;
  SchemaEvolution evolution = Same();
  NewTable other;
  other.location = "/warehouse/bronze/other";
  other.schema = TestSchema();
  other.schema.fields[0].required = other.schema.fields[1].required = true;
  other.schema.identifier_field_ids = {1, 2};
  ASSERT_TRUE(table.catalog.Create({"bronze", "other"}, other));
  table.identifier.name = "other";
  Wanted(evolution, "name").required = true;
  const auto metadata = table.MustCommit(EvolveSchema(evolution));
  EXPECT_FALSE(metadata->CurrentSchema().FindByName("id")->required);
  EXPECT_TRUE(metadata->CurrentSchema().FindByName("name")->required);
  EXPECT_THAT(metadata->CurrentSchema().identifier_field_ids, ElementsAre(2));
}

TEST(EvolveSchemaTest, ColumnsOfOthersStayUnlessTheRowsAreReplaced) {
  TestTable table;
  SchemaEvolution evolution;
  evolution.wanted.fields = {Column("day", DateType()), Column("score", StringType())};
  ExpectRefused(table, evolution, "column 'score' is double and should be string");
  evolution.wanted.fields[1] = Column("id", LongType());
  EXPECT_THAT(Columns(table.MustCommit(EvolveSchema(evolution))->CurrentSchema()),
              ElementsAre("3 day date", "1 id long", "2 name string", "4 score double",
                          "5 at timestamptz"));
  evolution.rows_are_replaced = true;
  evolution.wanted.fields = {Column("day", DateType()), Column("score", StringType()),
                             Column("id", LongType())};
  EXPECT_THAT(Columns(table.MustCommit(EvolveSchema(evolution))->CurrentSchema()),
              ElementsAre("3 day date", "6 score string", "1 id long"));
}

TEST(EvolveSchemaTest, WhatPlacesRowsIsNotChanged) {
  TestTable table;
  SchemaEvolution evolution = Same();
  Wanted(evolution, "day").type = TimestamptzType();
  ExpectRefused(table, evolution, "column 'day' (date) cannot become timestamptz");
  evolution.rows_are_replaced = true;
  ExpectRefused(table, evolution, "column 'day' (date) cannot become timestamptz");
  evolution.wanted.fields = {Column("id", LongType())};
  ExpectRefused(table, evolution, "column 'day' (date) cannot be dropped");

  TestTable by_hour({}, {.fields = {{5, 1000, "at_hour", Transform::Parse("hour").value()}}});
  SchemaEvolution ambiguous = Same();
  ambiguous.wanted.fields.push_back(Column("at_hour", IntType()));
  ExpectRefused(by_hour, ambiguous, "partition field 'at_hour' (hour) has the name of a column");
}

TEST(EvolveSchemaTest, BoundsOfNarrowerFilesPruneStill) {
  TestTable table;
  SchemaEvolution evolution = Same();
  evolution.wanted.fields.push_back(Column("x", IntType()));
  evolution.wanted.fields.push_back(Column("f", Type("float")));
  table.MustCommit(EvolveSchema(evolution));
  const auto file = [&](const char* name, Literal low, Literal high, const TypePtr& type,
                        int32_t id) {
    DataFile made = table.File(name, 1);
    made.value_counts = {{id, 2}};
    made.null_value_counts = {{id, 0}};
    made.nan_value_counts = {{id, 0}};
    made.lower_bounds = {{id, EncodeLiteral(*type, low).value()}};
    made.upper_bounds = {{id, EncodeLiteral(*type, high).value()}};
    return made;
  };
  table.MustCommit(AppendFiles({file("int", -5, 7, IntType(), 6)}, {}));
  table.MustCommit(AppendFiles({file("float", -1.5F, 2.5F, Type("float"), 7)}, {}));
  Wanted(evolution, "x").type = LongType();
  Wanted(evolution, "f").type = DoubleType();
  table.MustCommit(EvolveSchema(evolution));
  table.MustCommit(
      AppendFiles({file("long", int64_t{1} << 40, int64_t{1} << 41, LongType(), 6)}, {}));

  using Op = Predicate::Op;
  const auto live = [&](const char* column, Op op, Literal value) {
    return table.Live({}, {{column, op, {std::move(value)}}});
  };
  EXPECT_THAT(live("x", Op::kGreater, int64_t{7}), testing::UnorderedElementsAre("float", "long"));
  EXPECT_THAT(live("x", Op::kEq, int64_t{-5}), testing::UnorderedElementsAre("float", "int"));
  EXPECT_THAT(live("f", Op::kGreater, 2.5), testing::UnorderedElementsAre("int", "long"));
  EXPECT_THAT(live("f", Op::kEq, -1.5), testing::UnorderedElementsAre("int", "float", "long"));
}

TEST(EvolveSchemaTest, TheLoserOfARaceSeesItDone) {
  TestTable table;
  SchemaEvolution evolution = Same();
  evolution.wanted.fields.push_back(Column("size", IntType()));
  table.catalog.before_commit = [&] { table.MustCommit(EvolveSchema(evolution)); };
  const auto metadata = table.MustCommit(EvolveSchema(evolution));
  EXPECT_EQ(metadata->schemas.size(), 2U);
  EXPECT_EQ(metadata->last_column_id, 6);
  EXPECT_EQ(Columns(metadata->CurrentSchema()).back(), "6 size int");
}

TEST(EvolveSchemaTest, ALostReplyIsLookedUp) {
  TestTable table;
  SchemaEvolution evolution = Same();
  evolution.wanted.fields.push_back(Column("size", IntType()));
  table.catalog.lose_replies = 1;
  const int before = table.catalog.commits;
  EXPECT_EQ(table.MustCommit(EvolveSchema(evolution))->last_column_id, 6);
  EXPECT_EQ(table.catalog.commits, before + 1);
}

TEST(AssertColumnsTest, FailsAfterAnotherChange) {
  TestTable table;
  EXPECT_TRUE(table.Commit(AssertColumns(TestSchema().fields)));
  SchemaEvolution evolution = Same();
  Wanted(evolution, "name").doc = "A name.";
  table.MustCommit(EvolveSchema(evolution));
  const auto committed = table.Commit(AssertColumns(TestSchema().fields));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::kCommitConflict);
}

}  // namespace
}  // namespace octolake::iceberg
