// Numbers in manifests that cannot be what they stand for are damage, and never cut to fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "avro/container.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using avro::Value;
using ::testing::HasSubstr;

Type Unpartitioned() {
  Type type;
  type.id = TypeId::kStruct;
  return type;
}

// Reads an entry with one more field in its data_file.
Result<ManifestEntry> ReadWith(avro::Field field, Value value) {
  const auto string_type = avro::Primitive(avro::Type::kString);
  const auto long_type = avro::Primitive(avro::Type::kLong);
  const auto file = avro::RecordOf(
      "file", {avro::RequiredField("file_path", string_type, 100),
               avro::RequiredField("file_format", string_type, 101),
               avro::RequiredField("record_count", long_type, 103),
               avro::RequiredField("file_size_in_bytes", long_type, 104), std::move(field)});
  const auto schema =
      avro::RecordOf("entry", {avro::RequiredField("status", avro::Primitive(avro::Type::kInt), 0),
                               avro::RequiredField("data_file", file, 2)});
  const Type unpartitioned = Unpartitioned();
  const auto reader = EntryReader::Make(*schema, unpartitioned);
  return reader->Read(Value::Record(
      {Value::Int(1), Value::Record({Value::String("/a"), Value::String("PARQUET"), Value::Long(1),
                                     Value::Long(1), std::move(value)})}));
}

Result<ManifestEntry> ReadWithCount(std::string column_id) {
  return ReadWith(
      avro::RequiredField("value_counts", avro::MapOf(avro::Primitive(avro::Type::kLong)), 109),
      Value::Map({{std::move(column_id), Value::Long(7)}}));
}

TEST(ManifestNumbersTest, ColumnIdsInKeysAreWholeInts) {
  const std::map<int32_t, int64_t> expected{{2147483647, 7}};
  EXPECT_EQ(ReadWithCount("2147483647")->data_file.value_counts, expected);
  for (const char* id : {"2147483648", "99999999999", "-2147483649", "", "1x", "x", " 1"}) {
    const auto entry = ReadWithCount(id);
    ASSERT_FALSE(entry) << id;
    EXPECT_EQ(entry.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(entry.error().message, HasSubstr("'" + std::string(id) + "' is no column id"));
  }
}

TEST(ManifestNumbersTest, LongsThatAreNoIntsAreRefused) {
  const auto field = avro::RequiredField("sort_order_id", avro::Primitive(avro::Type::kLong), 140);
  EXPECT_EQ(ReadWith(field, Value::Long(2147483647))->data_file.sort_order_id, 2147483647);
  const auto entry = ReadWith(field, Value::Long(int64_t{1} << 32));
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(entry.error().message, HasSubstr("sort_order_id: 4294967296 does not fit"));
}

TEST(ManifestNumbersTest, SizesNoFileHasAreRefused) {
  const struct {
    int64_t rows;
    int64_t bytes;
    const char* named;
  } cases[] = {{-1, 1, "record_count of -1"},
               {(int64_t{1} << 40) + 1, 1, "record_count of 1099511627777"},
               {1, -5, "file_size_in_bytes of -5"},
               {1, int64_t{1} << 62, "file_size_in_bytes of 4611686018427387904"}};
  for (const auto& c : cases) {
    TestTable table;
    const auto metadata = table.Metadata();
    ManifestEntry entry;
    entry.data_file = table.File("a.parquet", 1, c.rows);
    entry.data_file.file_size_in_bytes = c.bytes;
    const ManifestWriteOptions options{.schema = &metadata->CurrentSchema(),
                                       .spec = &metadata->DefaultSpec(),
                                       .location = "/warehouse/m.avro"};
    const auto manifest = WriteManifest(table.fs, table.random, options, {entry}, 1, 1);
    ASSERT_TRUE(manifest) << manifest.error().message;
    const auto read = ReadManifest(table.fs, *manifest, *metadata);
    ASSERT_FALSE(read) << c.named;
    EXPECT_EQ(read.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(read.error().message, HasSubstr(c.named));
    EXPECT_THAT(read.error().message, HasSubstr("/warehouse/m.avro"));
  }
}

}  // namespace
}  // namespace octolake::iceberg
