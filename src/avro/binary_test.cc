#include "avro/binary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "avro/views_for_test.h"
#include "base/hex.h"

namespace octolake::avro {
namespace {

using ::testing::HasSubstr;

SchemaPtr Parse(const std::string& json) { return ParseSchema(json).value(); }

std::string EncodeHex(const Schema& schema, const Value& value) {
  std::string out;
  const Status status = Encode(schema, value, out);
  EXPECT_TRUE(status) << status.error().message;
  return HexEncode(out);
}

// In both ways that there are.
Result<Value> DecodeFrom(Decoder& decoder, const Schema& schema, std::string_view bytes) {
  EXPECT_EQ(DifferenceOfViews(schema, bytes), "");
  return decoder.Decode(schema);
}

Result<Value> DecodeHex(const Schema& schema, const std::string& hex) {
  const std::string bytes = HexDecode(hex).value();
  Decoder decoder(bytes);
  auto value = DecodeFrom(decoder, schema, bytes);
  if (value) {
    EXPECT_EQ(decoder.remaining(), 0u);
  }
  return value;
}

void ExpectGolden(const std::string& schema_json, const Value& value, const std::string& hex) {
  const SchemaPtr schema = Parse(schema_json);
  EXPECT_EQ(EncodeHex(*schema, value), hex) << schema_json;
  const auto decoded = DecodeHex(*schema, hex);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, value) << schema_json;
}

void ExpectCorrupt(const std::string& schema_json, const std::string& hex, const std::string& why) {
  const SchemaPtr schema = Parse(schema_json);
  const auto value = DecodeHex(*schema, hex);
  ASSERT_FALSE(value) << schema_json << " " << hex;
  EXPECT_EQ(value.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(value.error().message, HasSubstr(why));
}

// The examples of the specification's section "Binary Encoding".
TEST(BinaryTest, ExamplesOfTheSpecification) {
  ExpectGolden(R"("long")", Value::Long(0), "00");
  ExpectGolden(R"("long")", Value::Long(-1), "01");
  ExpectGolden(R"("long")", Value::Long(1), "02");
  ExpectGolden(R"("int")", Value::Int(-2), "03");
  ExpectGolden(R"("int")", Value::Int(2), "04");
  ExpectGolden(R"("int")", Value::Int(-64), "7f");
  ExpectGolden(R"("int")", Value::Int(64), "8001");
  ExpectGolden(R"("string")", Value::String("foo"), "06666f6f");
  ExpectGolden(
      R"({"type":"record","name":"test","fields":[{"name":"a","type":"long"},
                                                  {"name":"b","type":"string"}]})",
      Value::Record({Value::Long(27), Value::String("foo")}), "3606666f6f");
  ExpectGolden(R"({"type":"enum","name":"Foo","symbols":["A","B","C","D"]})", Value::Enum(3), "06");
  ExpectGolden(R"({"type":"array","items":"long"})",
               Value::Array({Value::Long(3), Value::Long(27)}), "04063600");
  ExpectGolden(R"(["null","string"])", Value::Null(), "00");
  ExpectGolden(R"(["null","string"])", Value::String("a"), "020261");
}

TEST(BinaryTest, TheOtherTypes) {
  ExpectGolden(R"("null")", Value::Null(), "");
  ExpectGolden(R"("boolean")", Value::Boolean(true), "01");
  ExpectGolden(R"("boolean")", Value::Boolean(false), "00");
  ExpectGolden(R"("float")", Value::Float(1.5f), "0000c03f");
  ExpectGolden(R"("double")", Value::Double(-2.0), "00000000000000c0");
  ExpectGolden(R"("bytes")", Value::Bytes(std::string("\0\xff", 2)), "0400ff");
  ExpectGolden(R"({"type":"fixed","name":"f","size":3})", Value::Fixed("abc"), "616263");
  ExpectGolden(R"({"type":"map","values":"int"})",
               Value::Map({{"b", Value::Int(1)}, {"a", Value::Int(2)}}), "0402620202610400");
  ExpectGolden(R"({"type":"array","items":"long"})", Value::Array({}), "00");
  ExpectGolden(R"("long")", Value::Long(std::numeric_limits<int64_t>::max()),
               "feffffffffffffffff01");
  ExpectGolden(R"("long")", Value::Long(std::numeric_limits<int64_t>::min()),
               "ffffffffffffffffff01");
  ExpectGolden(R"("int")", Value::Int(std::numeric_limits<int32_t>::min()), "ffffffff0f");
  ExpectGolden(R"({"type":"record","name":"L","fields":[{"name":"v","type":"long"},
                                                        {"name":"n","type":["null","L"]}]})",
               Value::Record({Value::Long(1), Value::Record({Value::Long(2), Value::Null()})}),
               "02020400");
}

TEST(BinaryTest, BlocksWithASizeAreRead) {
  const SchemaPtr schema = Parse(R"({"type":"array","items":"long"})");
  // Two elements in two bytes, then one element, then the end.
  const auto value = DecodeHex(*schema,
                               "0304"
                               "0636"
                               "02"
                               "08"
                               "00");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value, Value::Array({Value::Long(3), Value::Long(27), Value::Long(4)}));
  ExpectCorrupt(R"({"type":"array","items":"long"})",
                "0306"
                "0636"
                "00",
                "size does not fit");
}

TEST(BinaryTest, UnionsRememberTheirBranch) {
  const SchemaPtr schema = Parse(R"(["null","long",{"type":"record","name":"r","fields":[]}])");
  EXPECT_EQ(DecodeHex(*schema, "00")->branch(), 0);
  EXPECT_EQ(DecodeHex(*schema, "0206")->branch(), 1);
  EXPECT_EQ(DecodeHex(*schema, "04")->branch(), 2);
  EXPECT_EQ(EncodeHex(*schema, Value::Int(3)), "0206");
  EXPECT_EQ(EncodeHex(*schema, Value::Record({})), "04");
  const SchemaPtr twins = Parse(R"([{"type":"fixed","name":"a","size":1},
                                    {"type":"fixed","name":"b","size":1}])");
  EXPECT_EQ(EncodeHex(*twins, Value::Fixed("x")), "0078");
  EXPECT_EQ(EncodeHex(*twins, Value::Fixed("x").WithBranch(1)), "0278");
}

TEST(BinaryTest, ValuesThatDoNotFitAreRefusedWithTheirPath) {
  const SchemaPtr schema = Parse(R"({"type":"record","name":"r","fields":[
      {"name":"list","type":{"type":"array","items":{"type":"record","name":"s","fields":[
        {"name":"x","type":["null","int"]}]}}}]})");
  std::string out;
  const auto list = [](Value x) {
    return Value::Record(
        {Value::Array({Value::Record({Value::Null()}), Value::Record({std::move(x)})})});
  };
  EXPECT_TRUE(Encode(*schema, list(Value::Int(1)), out));
  const Status status = Encode(*schema, list(Value::String("1")), out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(status.error().message,
            "cannot write Avro field list[1].x: expected a value of type union, found string");
  const auto refused = [&](const std::string& json, const Value& value) {
    std::string ignored;
    return !Encode(*Parse(json), value, ignored);
  };
  EXPECT_TRUE(refused(R"("int")", Value::Long(1)));
  EXPECT_FALSE(refused(R"("long")", Value::Int(1)));
  EXPECT_TRUE(refused(R"("float")", Value::Double(1)));
  EXPECT_TRUE(refused(R"("string")", Value::Bytes("x")));
  EXPECT_TRUE(refused(R"({"type":"fixed","name":"f","size":3})", Value::Fixed("ab")));
  EXPECT_TRUE(refused(R"({"type":"enum","name":"e","symbols":["A"]})", Value::Enum(1)));
  EXPECT_TRUE(refused(R"({"type":"record","name":"r","fields":[]})", Value::Record({Value()})));
  EXPECT_TRUE(refused(R"(["null","int"])", Value::Int(1).WithBranch(2)));
  EXPECT_TRUE(refused(R"(["null","int"])", Value::Int(1).WithBranch(0)));
}

TEST(BinaryTest, BrokenBytesAreCorruption) {
  ExpectCorrupt(R"("long")", "", "the data ends in a number");
  ExpectCorrupt(R"("long")", "80", "the data ends in a number");
  ExpectCorrupt(R"("long")", "ffffffffffffffffff02", "more than 64 bits");
  ExpectCorrupt(R"("long")", "8080808080808080808001", "more than 64 bits");
  ExpectCorrupt(R"("int")", "8080808010", "more than 32 bits");
  ExpectCorrupt(R"("boolean")", "02", "neither 0 nor 1");
  ExpectCorrupt(R"("string")", "0661", "a length of 3 with 1 bytes left");
  ExpectCorrupt(R"("string")", "01", "a length of -1");
  ExpectCorrupt(R"("string")", "feffffffffffffffff01", "a length of 9223372036854775807");
  ExpectCorrupt(R"("double")", "00000000", "a length of 8 with 4 bytes left");
  ExpectCorrupt(R"({"type":"enum","name":"e","symbols":["A"]})", "02", "no symbol 1");
  ExpectCorrupt(R"(["null"])", "02", "branch 1 of a union with 1");
  ExpectCorrupt(R"(["null"])", "01", "branch -1");
  ExpectCorrupt(R"({"type":"array","items":"long"})", "feffffffffffffffff01", "a count of");
  ExpectCorrupt(R"({"type":"array","items":"long"})", "ffffffffffffffffff01", "beyond 64 bits");
  ExpectCorrupt(R"({"type":"array","items":"long"})", "0101", "a block of -1 bytes");
}

TEST(BinaryTest, ElementsWithoutBytesAreLimited) {
  const SchemaPtr schema = Parse(R"({"type":"array","items":{"type":"record","name":"r","fields":[
      {"name":"n","type":"null"}]}})");
  std::string good;
  AppendLong(1 << 20, good);
  good.push_back('\0');
  Decoder decoder(good);
  EXPECT_EQ(DecodeFrom(decoder, *schema, good)->IfArray()->size(), size_t{1} << 20);
  std::string bad;
  AppendLong(int64_t{1} << 40, bad);
  bad.push_back('\0');
  Decoder refused(bad);
  EXPECT_THAT(DecodeFrom(refused, *schema, bad).error().message,
              HasSubstr("a count of 1099511627776"));
  std::string one_more;
  AppendLong((1 << 20) + 100, one_more);
  one_more.push_back('\0');
  Decoder too_many(one_more);
  EXPECT_THAT(DecodeFrom(too_many, *schema, one_more).error().message,
              HasSubstr("a count of 1048676"));
}

// Each record holds the next one twice, so that a datum of no bytes has 2^40 values.
TEST(BinaryTest, RecordsThatMultiplyAreLimited) {
  std::string json = R"("null")";
  for (int i = 0; i < 40; ++i) {
    const std::string name = "r" + std::to_string(i);
    const std::string again = i == 0 ? json : "\"r" + std::to_string(i - 1) + "\"";
    json = R"({"type":"record","name":")" + name + R"(","fields":[{"name":"a","type":)" + json +
           R"(},{"name":"b","type":)" + again + "}]}";
  }
  Decoder decoder("");
  EXPECT_THAT(DecodeFrom(decoder, *Parse(json), "").error().message, HasSubstr("too many empty"));
  const std::string items("\x02\x00", 2);
  Decoder array(items);
  const SchemaPtr schema = Parse(R"({"type":"array","items":)" + json + "}");
  EXPECT_THAT(DecodeFrom(array, *schema, items).error().message, HasSubstr("too many empty"));
}

// A NULL in a union takes a byte, so the input bounds how many there are.
TEST(BinaryTest, NullsOfUnionsAreNotLimited) {
  const SchemaPtr schema = Parse(R"({"type":"array","items":["null","long"]})");
  const int64_t count = 3 << 20;
  std::string bytes;
  AppendLong(count, bytes);
  bytes.resize(bytes.size() + static_cast<size_t>(count) + 1);
  Decoder decoder(bytes);
  const auto value = DecodeFrom(decoder, *schema, bytes);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(std::ssize(*value->IfArray()), count);
}

TEST(BinaryTest, NestingIsLimited) {
  const SchemaPtr schema = Parse(R"({"type":"record","name":"L","fields":[
      {"name":"n","type":["null","L"]}]})");
  const std::string deep(1'000'000, '\x02');
  Decoder decoder(deep);
  EXPECT_THAT(DecodeFrom(decoder, *schema, deep).error().message,
              HasSubstr("nested more than 64 deep"));
  const SchemaPtr endless =
      Parse(R"({"type":"record","name":"E","fields":[{"name":"e","type":"E"}]})");
  Decoder without_end(deep);
  EXPECT_THAT(DecodeFrom(without_end, *endless, deep).error().message,
              HasSubstr("nested more than 64 deep"));
}

const char* const kEverything = R"({"type":"record","name":"Everything","fields":[
    {"name":"flag","type":"boolean"},
    {"name":"number","type":["null","long"]},
    {"name":"small","type":"int"},
    {"name":"real","type":["double","float","null"]},
    {"name":"text","type":"string"},
    {"name":"raw","type":["null","bytes"]},
    {"name":"hash","type":{"type":"fixed","name":"h","size":4}},
    {"name":"suit","type":{"type":"enum","name":"s","symbols":["A","B","C"]}},
    {"name":"counts","type":{"type":"array","items":{"type":"record","name":"k1_v2","fields":[
      {"name":"key","type":"int"},{"name":"value","type":"long"}]}}},
    {"name":"tags","type":{"type":"map","values":["null","string"]}}]})";

Value RandomEverything(std::mt19937_64& random) {
  const auto text = [&] {
    return std::string(random() % 5, static_cast<char>('a' + random() % 26));
  };
  std::vector<Value> counts;
  std::vector<MapEntry> tags;
  for (uint64_t i = random() % 4; i > 0; --i) {
    counts.push_back(Value::Record(
        {Value::Int(static_cast<int32_t>(random())), Value::Long(static_cast<int64_t>(random()))}));
    tags.push_back({text(), random() % 2 == 0 ? Value::Null() : Value::String(text())});
  }
  return Value::Record(
      {Value::Boolean(random() % 2 == 0),
       random() % 2 == 0 ? Value::Null()
                         : Value::Long(static_cast<int64_t>(random() >> (random() % 64))),
       Value::Int(static_cast<int32_t>(random())),
       random() % 2 == 0 ? Value::Float(0.25f) : Value::Double(1e300), Value::String(text()),
       random() % 2 == 0 ? Value::Null() : Value::Bytes(text()), Value::Fixed("1234"),
       Value::Enum(static_cast<int32_t>(random() % 3)), Value::Array(std::move(counts)),
       Value::Map(std::move(tags))});
}

TEST(BinaryTest, RandomValuesComeBackAndEveryCutIsAnError) {
  const SchemaPtr schema = Parse(kEverything);
  std::mt19937_64 random(11);
  for (int i = 0; i < 300; ++i) {
    const Value value = RandomEverything(random);
    std::string bytes;
    ASSERT_TRUE(Encode(*schema, value, bytes));
    Decoder decoder(bytes);
    const auto decoded = DecodeFrom(decoder, *schema, bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(*decoded, value);
    ASSERT_EQ(decoder.remaining(), 0u);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::string part = bytes.substr(0, cut);
      Decoder cut_decoder(part);
      const auto result = DecodeFrom(cut_decoder, *schema, part);
      ASSERT_FALSE(result) << cut;
      ASSERT_EQ(result.error().kind, ErrorKind::kCorruption);
    }
  }
}

TEST(BinaryTest, RandomBytesNeverCrashAndWhatIsReadIsWrittenBack) {
  const SchemaPtr schema = Parse(kEverything);
  std::mt19937_64 random(12);
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    ASSERT_TRUE(Encode(*schema, RandomEverything(random), bytes));
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    Decoder decoder(bytes);
    const auto value = DecodeFrom(decoder, *schema, bytes);
    if (!value) {
      ASSERT_EQ(value.error().kind, ErrorKind::kCorruption);
      continue;
    }
    ++read;
    std::string again;
    ASSERT_TRUE(Encode(*schema, *value, again));
    Decoder second(again);
    ASSERT_EQ(EncodeHex(*schema, second.Decode(*schema).value()), HexEncode(again));
  }
  EXPECT_GT(read, 100);
}

TEST(BinaryTest, ViewsTakeAsManyValuesOfALimit) {
  const SchemaPtr schema = Parse(kEverything);
  std::mt19937_64 random(13);
  for (int i = 0; i < 300; ++i) {
    std::string bytes;
    ASSERT_TRUE(Encode(*schema, RandomEverything(random), bytes));
    for (int64_t values = 0; values < 30; ++values) {
      ASSERT_EQ(DifferenceOfViews(*schema, bytes, values), "") << values;
    }
  }
}

TEST(BinaryTest, ViewsHaveWhatIsWanted) {
  const SchemaPtr schema = Parse(R"({"type":"record","name":"r","fields":[
      {"name":"skipped","type":{"type":"array","items":"string"}},
      {"name":"inner","type":["null",{"type":"record","name":"i","fields":[
        {"name":"a","type":"string"},{"name":"b","type":["long","bytes"]}]}]},
      {"name":"last","type":"boolean"}]})");
  std::string bytes;
  const Value skipped = Value::Array({Value::String("x"), Value::String("y")});
  const auto append = [&](Value inner) {
    const Value record = Value::Record({skipped, std::move(inner), Value::Boolean(true)});
    EXPECT_TRUE(Encode(*schema, record, bytes));
  };
  append(Value::Record({Value::String("text"), Value::Bytes("b")}));
  append(Value::Null());
  // inner, inner.b and one field more than there are.
  const WantedFields wanted{{}, {{}, {1, {{}, {0, {}}, {2, {}}}}, {}}};
  std::vector<FieldView> views(3);
  Decoder decoder(bytes);
  ASSERT_TRUE(decoder.Read(*schema, wanted, views));
  EXPECT_EQ(views[0].type, Type::kBytes);
  EXPECT_EQ(views[0].text, "b");
  EXPECT_EQ(views[1].type, Type::kRecord);
  EXPECT_EQ(views[2].type, Type::kNull);
  EXPECT_TRUE(views[0].text.data() > bytes.data() &&
              views[0].text.data() < bytes.data() + bytes.size());
  ASSERT_TRUE(decoder.Read(*schema, wanted, views));
  EXPECT_EQ(decoder.remaining(), 0u);
  for (const FieldView& view : views) EXPECT_EQ(view.type, Type::kNull);
}

TEST(ValueTest, AccessorsGiveNothingForOtherTypes) {
  const Value text = Value::String("x");
  EXPECT_EQ(text.IfInteger(), std::nullopt);
  EXPECT_EQ(text.IfBoolean(), std::nullopt);
  EXPECT_EQ(text.IfReal(), std::nullopt);
  EXPECT_EQ(text.IfEnum(), std::nullopt);
  EXPECT_EQ(text.IfBytes(), nullptr);
  EXPECT_EQ(text.IfRecord(), nullptr);
  EXPECT_EQ(text.IfArray(), nullptr);
  EXPECT_EQ(text.IfMap(), nullptr);
  EXPECT_EQ(*text.IfString(), "x");
  EXPECT_EQ(Value::Boolean(true).IfInteger(), std::nullopt);
  EXPECT_EQ(Value::Int(3).IfInteger(), 3);
  EXPECT_EQ(*Value::Fixed("ab").IfBytes(), "ab");
  EXPECT_EQ(Value::Int(1).TakeText(), "");
  EXPECT_EQ(Value::Bytes("b").TakeText(), "b");
  EXPECT_EQ(Value::Array({Value::Int(1)}).TakeItems().size(), 1u);
  EXPECT_FALSE(Value::Int(1) == Value::Long(1));
}

}  // namespace
}  // namespace octolake::avro
