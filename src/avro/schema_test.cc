#include "avro/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octolake::avro {
namespace {

using ::testing::HasSubstr;

SchemaPtr Parse(const std::string& json) {
  auto schema = ParseSchema(json);
  EXPECT_TRUE(schema) << json << ": " << schema.error().message;
  return schema ? *schema : Primitive(Type::kNull);
}

std::string ErrorOf(const std::string& json) {
  const auto schema = ParseSchema(json);
  EXPECT_FALSE(schema) << json;
  if (schema) return "";
  EXPECT_EQ(schema.error().kind, ErrorKind::kInvalidArgument);
  return schema.error().message;
}

TEST(SchemaTest, WhatIsPrintedIsWhatWasRead) {
  for (
      const char* json : {
          R"("null")",
          R"("boolean")",
          R"("string")",
          R"({"type":"int","logicalType":"date"})",
          R"({"type":"long","logicalType":"timestamp-micros","adjust-to-utc":true})",
          R"({"type":"fixed","name":"md5","size":16})",
          R"({"type":"fixed","name":"d","size":9,"logicalType":"decimal","precision":20,"scale":2})",
          R"({"type":"enum","name":"Suit","doc":"of cards","symbols":["A","B"],"default":"A"})",
          R"({"type":"array","items":"long","element-id":7})",
          R"({"type":"map","values":["null","bytes"],"key-id":8,"value-id":9})",
          R"(["null","string",{"type":"array","items":"int"}])",
          R"({"type":"record","name":"r","fields":[]})",
          R"({"type":"record","name":"a.b.R","doc":"d","aliases":["old"],"fields":[)"
          R"({"name":"x","type":["null","long"],"doc":"the x","aliases":["y"],"default":null,)"
          R"("field-id":100,"order":"ignore","mine":{"deep":[1,2.5,"é"]}}],"extra":[1]})",
      }) {
    EXPECT_EQ(ToJson(*Parse(json)), json);
  }
}

TEST(SchemaTest, IcebergAttributesAreTyped) {
  const SchemaPtr schema = Parse(R"({"type":"record","name":"manifest_entry","fields":[
      {"name":"status","type":"int","field-id":0},
      {"name":"data_file","field-id":2,"type":{"type":"record","name":"r2","fields":[
        {"name":"value_counts","field-id":109,"default":null,"type":["null",
          {"type":"array","logicalType":"map","items":{"type":"record","name":"k119_v120","fields":[
            {"name":"key","type":"int","field-id":119},
            {"name":"value","type":"long","field-id":120}]}}]},
        {"name":"split_offsets","field-id":132,"default":null,
          "type":["null",{"type":"array","items":"long","element-id":133}]}]}}]})");
  ASSERT_EQ(schema->type, Type::kRecord);
  EXPECT_EQ(FindFieldById(*schema, 2), 1u);
  EXPECT_EQ(FindFieldById(*schema, 3), std::nullopt);
  EXPECT_EQ(FindField(*schema, "status"), 0u);
  EXPECT_EQ(FindField(*schema, "Status"), std::nullopt);
  const Schema& file = *schema->fields[1].schema;
  const Schema& counts = WithoutNull(*file.fields[0].schema);
  EXPECT_EQ(counts.logical_type, "map");
  EXPECT_EQ(counts.items->fields[1].field_id, 120);
  EXPECT_EQ(WithoutNull(*file.fields[1].schema).element_id, 133);
  EXPECT_EQ(file.fields[1].default_json, "null");
  EXPECT_EQ(FindField(*Primitive(Type::kLong), "x"), std::nullopt);
}

TEST(SchemaTest, BuildersMakeTheSameSchemas) {
  const SchemaPtr built = RecordOf(
      "manifest_file",
      {RequiredField("path", Primitive(Type::kString), 500, "Location"),
       OptionalField("counts", MapAsArray(Primitive(Type::kInt), 119, Primitive(Type::kLong), 120),
                     109),
       RequiredField("day", LogicalType(Type::kInt, "date")),
       RequiredField("at", LogicalType(Type::kLong, "timestamp-micros", true)),
       RequiredField("list", ArrayOf(Primitive(Type::kLong), 133)),
       RequiredField("map", MapOf(Primitive(Type::kBytes), 1, 2)),
       RequiredField("uuid", FixedOf("uuid_fixed", 16, "uuid")),
       RequiredField("price", DecimalOfFixed("decimal_9_2", 4, 9, 2)),
       RequiredField("suit", EnumOf("Suit", {"A", "B"}))});
  const char* json =
      R"({"type":"record","name":"manifest_file","fields":[)"
      R"({"name":"path","type":"string","doc":"Location","field-id":500},)"
      R"({"name":"counts","type":["null",{"type":"array","items":{"type":"record",)"
      R"("name":"k119_v120","fields":[{"name":"key","type":"int","field-id":119},)"
      R"({"name":"value","type":"long","field-id":120}]},"logicalType":"map"}],)"
      R"("default":null,"field-id":109},)"
      R"({"name":"day","type":{"type":"int","logicalType":"date"}},)"
      R"({"name":"at","type":{"type":"long","logicalType":"timestamp-micros",)"
      R"("adjust-to-utc":true}},)"
      R"({"name":"list","type":{"type":"array","items":"long","element-id":133}},)"
      R"({"name":"map","type":{"type":"map","values":"bytes","key-id":1,"value-id":2}},)"
      R"({"name":"uuid","type":{"type":"fixed","name":"uuid_fixed","size":16,)"
      R"("logicalType":"uuid"}},)"
      R"({"name":"price","type":{"type":"fixed","name":"decimal_9_2","size":4,)"
      R"("logicalType":"decimal","precision":9,"scale":2}},)"
      R"({"name":"suit","type":{"type":"enum","name":"Suit","symbols":["A","B"]}}]})";
  EXPECT_EQ(ToJson(*built), json);
  EXPECT_EQ(ToJson(*Parse(json)), json);
}

TEST(SchemaTest, NamedTypesAreWrittenOutOnceAndFoundByNamespace) {
  const SchemaPtr schema = Parse(
      R"({"type":"record","name":"R","namespace":"a.b","fields":[
        {"name":"one","type":{"type":"fixed","name":"F","size":2}},
        {"name":"two","type":"F"},
        {"name":"three","type":"a.b.F"},
        {"name":"four","type":{"type":"F"}},
        {"name":"five","type":{"type":"enum","name":"E","namespace":"","symbols":["X"]}}]})");
  EXPECT_EQ(schema->name, "a.b.R");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(schema->fields[i].schema->name, "a.b.F");
  EXPECT_EQ(schema->fields[4].schema->name, "E");
  const std::string printed = ToJson(*schema);
  EXPECT_EQ(printed, R"({"type":"record","name":"a.b.R","fields":[)"
                     R"({"name":"one","type":{"type":"fixed","name":"a.b.F","size":2}},)"
                     R"({"name":"two","type":"a.b.F"},{"name":"three","type":"a.b.F"},)"
                     R"({"name":"four","type":"a.b.F"},{"name":"five","type":)"
                     R"({"type":"enum","name":"E","namespace":"","symbols":["X"]}}]})");
  EXPECT_EQ(ToJson(*Parse(printed)), printed);
}

TEST(SchemaTest, ARecordMayHoldItself) {
  // The linked list of the specification.
  const SchemaPtr schema = Parse(
      R"({"type":"record","name":"LongList","aliases":["LinkedLongs"],"fields":[
        {"name":"value","type":"long"},{"name":"next","type":["null","LongList"]}]})");
  const Schema& next = WithoutNull(*schema->fields[1].schema);
  EXPECT_EQ(next.type, Type::kNamed);
  EXPECT_EQ(next.named.lock(), schema);
  EXPECT_EQ(ToJson(*schema),
            R"({"type":"record","name":"LongList","aliases":["LinkedLongs"],"fields":[)"
            R"({"name":"value","type":"long"},{"name":"next","type":["null","LongList"]}]})");
}

TEST(SchemaTest, AttributesOfAnUnexpectedTypeAreKeptAsUnknown) {
  const char* json = R"({"type":"record","name":"r","fields":[{"name":"a","type":)"
                     R"({"type":"bytes","logicalType":5,"precision":"x"},"field-id":"7"}]})";
  const SchemaPtr schema = Parse(json);
  EXPECT_EQ(schema->fields[0].field_id, std::nullopt);
  EXPECT_EQ(schema->fields[0].schema->logical_type, "");
  EXPECT_EQ(ToJson(*schema), json);
}

TEST(SchemaTest, MistakesNameTheirPlace) {
  EXPECT_THAT(ErrorOf("{"), HasSubstr("no valid JSON"));
  EXPECT_THAT(ErrorOf(R"("nope")"), HasSubstr("unknown type \"nope\""));
  EXPECT_THAT(ErrorOf(R"("record")"), HasSubstr("needs an object"));
  EXPECT_THAT(ErrorOf("5"), HasSubstr("expected a name"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("without branches"));
  EXPECT_THAT(ErrorOf(R"(["int",["null","long"]])"), HasSubstr("union directly inside"));
  EXPECT_THAT(ErrorOf(R"(["int","int"])"), HasSubstr("two branches of int"));
  EXPECT_THAT(ErrorOf(R"({"type":"array"})"), HasSubstr("array without \"items\""));
  EXPECT_THAT(ErrorOf(R"({"type":"map","items":"int"})"), HasSubstr("map without \"values\""));
  EXPECT_THAT(ErrorOf(R"({"type":"fixed","name":"f","size":-1})"), HasSubstr("without a size"));
  EXPECT_THAT(ErrorOf(R"({"type":"fixed","name":"f","size":4294967296})"),
              HasSubstr("without a size"));
  EXPECT_THAT(ErrorOf(R"({"type":"fixed","name":"1f","size":1})"), HasSubstr("no valid name"));
  EXPECT_THAT(ErrorOf(R"({"type":"fixed","name":"a..f","size":1})"), HasSubstr("no valid name"));
  EXPECT_THAT(ErrorOf(R"({"type":"fixed","name":"long","size":1})"), HasSubstr("name of a type"));
  EXPECT_THAT(ErrorOf(R"({"type":"enum","name":"e","symbols":["A","A"]})"), HasSubstr("twice"));
  EXPECT_THAT(ErrorOf(R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"},
                          {"name":"a","type":"int"}]})"),
              HasSubstr("two fields \"a\""));
  EXPECT_THAT(ErrorOf(R"({"type":"record","name":"r","fields":[{"name":"a","type":{"type":"record",
                          "name":"s","fields":[{"name":"b","type":{"type":"array",
                          "items":"what"}}]}}]})"),
              HasSubstr("at a.b[]: unknown type \"what\""));
  EXPECT_THAT(ErrorOf(R"([{"type":"fixed","name":"f","size":1},
                          {"type":"record","name":"f","fields":[]}])"),
              HasSubstr("defined twice"));
}

TEST(SchemaTest, NestingIsLimited) {
  std::string json = "\"long\"";
  for (int i = 0; i < 63; ++i) json = R"({"type":"array","items":)" + json + "}";
  EXPECT_TRUE(ParseSchema(json));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"type":"array","items":)";
  deep += json + std::string(100'000, '}');
  EXPECT_EQ(ParseSchema(deep).error().kind, ErrorKind::kResourceExhausted);
}

TEST(SchemaTest, NestingOfWhatHasNoMeaningIsLimited) {
  const size_t depth = 300'000;
  const std::string deep = std::string(depth, '[') + std::string(depth, ']');
  const auto schema = ParseSchema(R"({"type":"int","x":)" + deep + "}");
  ASSERT_FALSE(schema);
  EXPECT_EQ(schema.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_TRUE(ParseSchema(R"({"type":"int","x":"[[[[[[\"[[","y":[[1],{"z":[]}]})"));
}

}  // namespace
}  // namespace octolake::avro
