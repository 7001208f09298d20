#include "iceberg/type.h"

#include <gtest/gtest.h>

namespace octolake::iceberg {
namespace {

Field MakeField(int32_t id, std::string name, TypePtr type, bool required = false) {
  Field field;
  field.id = id;
  field.name = std::move(name);
  field.type = std::move(type);
  field.required = required;
  return field;
}

TEST(TypeTest, PrimitiveNamesSurviveARoundTrip) {
  for (const char* name :
       {"boolean", "int", "long", "float", "double", "date", "time", "timestamp", "timestamptz",
        "string", "uuid", "binary", "fixed[16]", "decimal(9, 2)", "decimal(38, 38)"}) {
    const auto type = ParsePrimitiveType(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(TypeName(**type), name);
  }
}

TEST(TypeTest, DecimalIsReadWithOrWithoutSpaces) {
  for (const char* name : {"decimal(9,2)", "decimal(9, 2)", "decimal( 9 , 2 )"}) {
    const auto type = ParsePrimitiveType(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ((*type)->precision, 9);
    EXPECT_EQ((*type)->scale, 2);
  }
}

TEST(TypeTest, RefusesNamesOfNoVersionTwoType) {
  for (const char* name : {"", "Int", "timestamp_ns", "variant", "struct", "decimal(39, 2)",
                           "decimal(0, 0)", "decimal(3, 4)", "decimal(3)", "decimal(-1, 0)",
                           "fixed[0]", "fixed[]", "fixed[99999999999]", "long "}) {
    const auto type = ParsePrimitiveType(name);
    ASSERT_FALSE(type) << name;
    EXPECT_EQ(type.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(type.error().message.find("'" + std::string(name) + "'"), std::string::npos);
  }
}

TEST(SchemaTest, FindsFieldsAtAnyDepthById) {
  auto list = std::make_shared<Type>();
  list->id = TypeId::kList;
  list->fields = {MakeField(7, "element", LongType())};
  auto inner = std::make_shared<Type>();
  inner->id = TypeId::kStruct;
  inner->fields = {MakeField(5, "x", DoubleType()), MakeField(6, "list", list)};
  Schema schema;
  schema.fields = {MakeField(1, "id", LongType(), true), MakeField(3, "inner", inner)};

  EXPECT_EQ(schema.HighestId(), 7);
  ASSERT_NE(schema.FindById(7), nullptr);
  EXPECT_EQ(schema.FindById(7)->name, "element");
  EXPECT_EQ(schema.FindById(4), nullptr);
  ASSERT_NE(schema.FindByName("inner"), nullptr);
  EXPECT_EQ(schema.FindByName("x"), nullptr);
  EXPECT_EQ(Schema{}.HighestId(), 0);
}

TEST(SchemaTest, EqualityLooksAtNestedIdsAndDocs) {
  Schema a;
  a.fields = {MakeField(1, "id", LongType())};
  Schema b = a;
  EXPECT_EQ(a, b);
  b.fields[0].doc = "x";
  EXPECT_NE(a, b);
  b = a;
  b.fields[0].type = IntType();
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace octolake::iceberg
