#include "iceberg/manifest_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "avro/container.h"
#include "iceberg/literal_avro.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/table_for_test.h"

namespace octolake::iceberg {
namespace {

using avro::Value;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPath = "/warehouse/bronze/events/metadata/m.avro";

ManifestWriteOptions Options(const TableMetadata& metadata) {
  return {.schema = &metadata.CurrentSchema(), .spec = &metadata.DefaultSpec(), .location = kPath};
}

DataFile FullFile(TestTable& table) {
  DataFile file = table.File("full.parquet", 16'000, 10);
  file.column_sizes = {{1, 100}, {2, 200}};
  file.value_counts = {{1, 10}, {4, 10}};
  file.null_value_counts = {{1, 0}, {4, 3}};
  file.nan_value_counts = {{4, 1}};
  file.lower_bounds = {{1, std::string("\1\0\0\0\0\0\0\0", 8)}, {2, "abc"}};
  file.upper_bounds = {{1, std::string("\2\0\0\0\0\0\0\0", 8)}, {2, "abd"}};
  file.key_metadata = std::string("\0key", 4);
  file.split_offsets = {4, 1'000'000'000'000};
  file.equality_ids = {1, 2};
  file.sort_order_id = 0;
  file.referenced_data_file = "/other.parquet";
  return file;
}

void ExpectSame(const DataFile& a, const DataFile& b) {
  EXPECT_EQ(a.content, b.content);
  EXPECT_EQ(a.file_path, b.file_path);
  EXPECT_EQ(a.file_format, b.file_format);
  EXPECT_EQ(a.partition, b.partition);
  EXPECT_EQ(a.record_count, b.record_count);
  EXPECT_EQ(a.file_size_in_bytes, b.file_size_in_bytes);
  EXPECT_EQ(a.column_sizes, b.column_sizes);
  EXPECT_EQ(a.value_counts, b.value_counts);
  EXPECT_EQ(a.null_value_counts, b.null_value_counts);
  EXPECT_EQ(a.nan_value_counts, b.nan_value_counts);
  EXPECT_EQ(a.lower_bounds, b.lower_bounds);
  EXPECT_EQ(a.upper_bounds, b.upper_bounds);
  EXPECT_EQ(a.key_metadata, b.key_metadata);
  EXPECT_EQ(a.split_offsets, b.split_offsets);
  EXPECT_EQ(a.equality_ids, b.equality_ids);
  EXPECT_EQ(a.sort_order_id, b.sort_order_id);
  EXPECT_EQ(a.referenced_data_file, b.referenced_data_file);
}

TEST(ManifestTest, EveryFieldComesBack) {
  TestTable table;
  const auto metadata = table.Metadata();
  ManifestEntry added;
  added.data_file = FullFile(table);
  ManifestEntry existing;
  existing.status = EntryStatus::kExisting;
  existing.snapshot_id = 5;
  existing.sequence_number = 3;
  existing.file_sequence_number = 4;
  existing.data_file = table.File("plain.parquet", 15'999, 7);
  existing.data_file.partition = {std::nullopt};
  ManifestEntry deleted = existing;
  deleted.status = EntryStatus::kDeleted;
  deleted.sequence_number = 1;
  deleted.data_file.partition = {Literal(10)};
  const auto manifest =
      WriteManifest(table.fs, table.random, Options(*metadata), {added, existing, deleted}, 77, 9);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->manifest_path, kPath);
  EXPECT_EQ(manifest->manifest_length, std::ssize(table.fs.Bytes(kPath)));
  EXPECT_EQ(manifest->sequence_number, 9);
  EXPECT_EQ(manifest->min_sequence_number, 3);  // deleted entries do not count
  EXPECT_EQ(manifest->added_snapshot_id, 77);
  EXPECT_EQ(manifest->added_files_count, 1);
  EXPECT_EQ(manifest->existing_files_count, 1);
  EXPECT_EQ(manifest->deleted_files_count, 1);
  EXPECT_EQ(manifest->added_rows_count, 10);
  EXPECT_EQ(manifest->existing_rows_count, 7);
  EXPECT_EQ(manifest->deleted_rows_count, 7);
  ASSERT_EQ(manifest->partitions.size(), 1U);
  EXPECT_TRUE(manifest->partitions[0].contains_null);
  EXPECT_EQ(manifest->partitions[0].contains_nan, false);
  EXPECT_EQ(manifest->partitions[0].lower_bound, EncodeLiteral(*DateType(), Literal(10)).value());
  EXPECT_EQ(manifest->partitions[0].upper_bound,
            EncodeLiteral(*DateType(), Literal(16'000)).value());

  const auto entries = ReadManifest(table.fs, *manifest, *metadata);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 3U);
  const ManifestEntry& first = (*entries)[0];
  EXPECT_EQ(first.status, EntryStatus::kAdded);
  EXPECT_EQ(first.snapshot_id, 77);
  EXPECT_EQ(first.sequence_number, 9);
  EXPECT_EQ(first.file_sequence_number, 9);
  ExpectSame(first.data_file, added.data_file);
  EXPECT_EQ((*entries)[1].sequence_number, 3);
  EXPECT_EQ((*entries)[1].file_sequence_number, 4);
  EXPECT_EQ((*entries)[1].snapshot_id, 5);
  ExpectSame((*entries)[1].data_file, existing.data_file);
  EXPECT_EQ((*entries)[2].status, EntryStatus::kDeleted);

  const auto live = ReadLivePaths(table.fs, *manifest);
  ASSERT_TRUE(live) << live.error().message;
  EXPECT_THAT(*live, ElementsAre(added.data_file.file_path, existing.data_file.file_path));
}

TEST(ManifestTest, HeaderAndIdsAreThoseOfTheSpecification) {
  TestTable table;
  const auto metadata = table.Metadata();
  ManifestEntry entry;
  entry.data_file = table.File("a", 1);
  ASSERT_TRUE(WriteManifest(table.fs, table.random, Options(*metadata), {entry}, 1, 1));
  const auto reader = avro::ContainerReader::Open(table.fs.Bytes(kPath), kPath).value();
  EXPECT_EQ(reader->FindMetadata("format-version"), "2");
  EXPECT_EQ(reader->FindMetadata("content"), "data");
  EXPECT_EQ(reader->FindMetadata("schema-id"), "0");
  EXPECT_EQ(reader->FindMetadata("partition-spec-id"), "0");
  EXPECT_EQ(reader->FindMetadata("schema"), SchemaToJson(metadata->CurrentSchema()));
  EXPECT_EQ(reader->FindMetadata("partition-spec"), PartitionFieldsToJson(metadata->DefaultSpec()));
  EXPECT_EQ(reader->codec(), avro::Codec::kDeflate);
  const auto json = nlohmann::json::parse(*reader->FindMetadata("avro.schema"));
  std::map<std::string, int> ids;
  for (const auto& field : json["fields"]) ids[field["name"]] = field["field-id"];
  for (const auto& field : json["fields"][4]["type"]["fields"]) {
    ids[field["name"]] = field["field-id"];
  }
  const std::map<std::string, int> expected = {{"status", 0},
                                               {"snapshot_id", 1},
                                               {"sequence_number", 3},
                                               {"file_sequence_number", 4},
                                               {"data_file", 2},
                                               {"content", 134},
                                               {"file_path", 100},
                                               {"file_format", 101},
                                               {"partition", 102},
                                               {"record_count", 103},
                                               {"file_size_in_bytes", 104},
                                               {"column_sizes", 108},
                                               {"value_counts", 109},
                                               {"null_value_counts", 110},
                                               {"nan_value_counts", 137},
                                               {"lower_bounds", 125},
                                               {"upper_bounds", 128},
                                               {"key_metadata", 131},
                                               {"split_offsets", 132},
                                               {"equality_ids", 135},
                                               {"sort_order_id", 140},
                                               {"referenced_data_file", 143}};
  EXPECT_EQ(ids, expected);
}

TEST(ManifestTest, PartitionValuesOfEveryTypeComeBack) {
  Schema schema;
  PartitionSpec spec;
  PartitionValues values;
  const auto add = [&](const char* type, Literal value) {
    const auto id = static_cast<int32_t>(schema.fields.size()) + 1;
    Field& field = schema.fields.emplace_back();
    field.id = id;
    field.name = "column " + std::to_string(id);
    field.type = ParsePrimitiveType(type).value();
    spec.fields.push_back({.source_id = id,
                           .field_id = 999 + id,
                           .name = std::to_string(id) + "-é of " + type,
                           .transform = {}});
    values.push_back(std::move(value));
  };
  add("boolean", Literal(true));
  add("int", Literal(int32_t{-5}));
  add("long", Literal(int64_t{1} << 40));
  add("float", Literal(1.5F));
  add("double", Literal(-2.5));
  add("decimal(9,2)", Literal(__int128{-12345}));
  add("decimal(38,0)", Literal(-(__int128{1} << 100)));
  add("date", Literal(int32_t{-1}));
  add("time", Literal(int64_t{5}));
  add("timestamp", Literal(int64_t{-6}));
  add("timestamptz", Literal(int64_t{7}));
  add("string", Literal(std::string("ü")));
  add("uuid", Literal(std::string("0123456789abcdef")));
  add("uuid", Literal(std::string("fedcba9876543210")));
  add("fixed[3]", Literal(std::string("\0\1\2", 3)));
  add("binary", Literal(std::string("\xff", 1)));
  NewTable table;
  table.location = "/t";
  table.schema = schema;
  table.spec = spec;
  const auto metadata = MakeTableMetadata(table, "00000000-0000-4000-8000-000000000002", 1);
  ASSERT_TRUE(metadata) << metadata.error().message;
  MemoryFileSystem fs;
  SeededRandom random(1);
  ManifestEntry set;
  set.data_file.file_path = "/t/data/a";
  set.data_file.partition = values;
  ManifestEntry null = set;
  null.data_file.partition.assign(values.size(), std::nullopt);
  const auto manifest = WriteManifest(fs, random, Options(*metadata), {set, null}, 1, 1);
  ASSERT_TRUE(manifest) << manifest.error().message;
  const auto entries = ReadManifest(fs, *manifest, *metadata);
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ((*entries)[0].data_file.partition, values);
  EXPECT_EQ((*entries)[1].data_file.partition, null.data_file.partition);
}

TEST(ManifestTest, AvroNamesAreSanitized) {
  EXPECT_EQ(AvroName("plain_1"), "plain_1");
  EXPECT_EQ(AvroName("1st"), "_1st");
  EXPECT_EQ(AvroName("a b"), "a_x20b");
  EXPECT_EQ(AvroName("é"), "_xE9");
  EXPECT_EQ(AvroName("😀"), "_xD83D_xDE00");
  // A name that is no UTF-8 throws nothing.
  Type partition_type{.id = TypeId::kStruct, .fields = {}};
  partition_type.fields.push_back({.id = 1000, .name = "a\xff", .type = IntType(), .doc = ""});
  EXPECT_TRUE(ManifestEntrySchema(partition_type));
}

TEST(ManifestTest, RefusesAnExistingEntryWithoutNumbers) {
  TestTable table;
  ManifestEntry entry;
  entry.status = EntryStatus::kExisting;
  entry.data_file = table.File("a", 1);
  const auto written =
      WriteManifest(table.fs, table.random, Options(*table.Metadata()), {entry}, 1, 1);
  EXPECT_EQ(written.error().kind, ErrorKind::kInvalidArgument);
}

// A manifest as others may write it: other order and names of fields, null second in unions, and
// nothing that is optional.
std::string ForeignManifest(TestTable& table, bool with_ids, int32_t status,
                            std::optional<int64_t> sequence_number) {
  const auto id = [&](int32_t field_id) {
    return with_ids ? std::optional<int32_t>(field_id) : std::nullopt;
  };
  const auto name = [&](const char* own) { return with_ids ? std::string("x_") + own : own; };
  const auto long_type = avro::Primitive(avro::Type::kLong);
  const auto string_type = avro::Primitive(avro::Type::kString);
  const auto null_second = avro::UnionOf({long_type, avro::Primitive(avro::Type::kNull)});
  const auto partition = avro::RecordOf(
      "part", {avro::OptionalField(name("day"), avro::Primitive(avro::Type::kInt), id(1000))});
  const auto file =
      avro::RecordOf("file", {avro::RequiredField(name("record_count"), long_type, id(103)),
                              avro::RequiredField(name("partition"), partition, id(102)),
                              avro::RequiredField("unknown", string_type, id(4'000)),
                              avro::RequiredField(name("file_size_in_bytes"), long_type, id(104)),
                              avro::RequiredField(name("file_format"), string_type, id(101)),
                              avro::RequiredField(name("file_path"), string_type, id(100))});
  const auto schema = avro::RecordOf(
      "entry", {avro::RequiredField(name("data_file"), file, id(2)),
                avro::RequiredField(name("sequence_number"), null_second, id(3)),
                avro::RequiredField(name("snapshot_id"), null_second, id(1)),
                avro::RequiredField(name("status"), avro::Primitive(avro::Type::kInt), id(0))});
  std::string bytes;
  auto writer = avro::ContainerWriter::Create(schema, {}, table.random, &bytes).value();
  const Value record = Value::Record(
      {Value::Record({Value::Long(12), Value::Record({Value::Int(3)}), Value::String("?"),
                      Value::Long(34), Value::String("parquet"), Value::String("/foreign")}),
       sequence_number ? Value::Long(*sequence_number) : Value::Null(), Value::Null(),
       Value::Int(status)});
  EXPECT_TRUE(writer->Append(record));
  EXPECT_TRUE(writer->Finish());
  return bytes;
}

// The list beside it.
std::string ForeignManifestList(TestTable& table, bool with_ids) {
  const auto field = [&](const char* name, int32_t id) {
    return avro::RequiredField(
        with_ids ? std::string("x_") + name : name,
        avro::Primitive(std::string_view(name) == "manifest_path" ? avro::Type::kString
                                                                  : avro::Type::kLong),
        with_ids ? std::optional<int32_t>(id) : std::nullopt);
  };
  const auto schema =
      avro::RecordOf("list", {field("added_snapshot_id", 503), field("min_sequence_number", 516),
                              field("sequence_number", 515), field("content", 517),
                              field("partition_spec_id", 502), field("manifest_length", 501),
                              field("manifest_path", 500)});
  std::string bytes;
  auto writer = avro::ContainerWriter::Create(schema, {}, table.random, &bytes).value();
  EXPECT_TRUE(
      writer->Append(Value::Record({Value::Long(66), Value::Long(7), Value::Long(8), Value::Long(1),
                                    Value::Long(0), Value::Long(123), Value::String("/m.avro")})));
  EXPECT_TRUE(writer->Finish());
  return bytes;
}

ManifestFile Row(int64_t sequence_number) {
  ManifestFile manifest;
  manifest.manifest_path = kPath;
  manifest.sequence_number = sequence_number;
  manifest.added_snapshot_id = 66;
  return manifest;
}

TEST(ForeignManifestTest, IsReadByIdsAndElseByNames) {
  for (const bool with_ids : {true, false}) {
    TestTable table;
    ASSERT_TRUE(io::WriteAll(table.fs, kPath, ForeignManifest(table, with_ids, 1, {})));
    const auto entries = ReadManifest(table.fs, Row(8), *table.Metadata());
    ASSERT_TRUE(entries) << entries.error().message;
    const ManifestEntry& entry = entries->at(0);
    EXPECT_EQ(entry.snapshot_id, 66);
    EXPECT_EQ(entry.sequence_number, 8);
    EXPECT_EQ(entry.file_sequence_number, 8);
    EXPECT_EQ(entry.data_file.file_path, "/foreign");
    EXPECT_EQ(entry.data_file.file_format, "PARQUET");
    EXPECT_EQ(entry.data_file.record_count, 12);
    EXPECT_EQ(entry.data_file.file_size_in_bytes, 34);
    EXPECT_EQ(entry.data_file.content, FileContent::kData);
    EXPECT_EQ(entry.data_file.partition, PartitionValues{Literal(int32_t{3})});
    EXPECT_TRUE(entry.data_file.value_counts.empty());
    EXPECT_THAT(ReadLivePaths(table.fs, Row(8)).value(), ElementsAre("/foreign"));
  }
}

// By name, every number is there: taken for a list of version 1, content and sequence numbers would
// be 0, and deletes would be rows.
TEST(ForeignManifestTest, ItsListIsReadByIdsAndElseByNames) {
  for (const bool with_ids : {true, false}) {
    TestTable table;
    Snapshot snapshot;
    snapshot.snapshot_id = 66;
    snapshot.sequence_number = 8;
    snapshot.manifest_list = "/list.avro";
    ASSERT_TRUE(
        io::WriteAll(table.fs, snapshot.manifest_list, ForeignManifestList(table, with_ids)));
    const auto manifests = ReadManifestList(table.fs, snapshot);
    ASSERT_TRUE(manifests) << manifests.error().message;
    ASSERT_EQ(manifests->size(), 1U);
    const ManifestFile& manifest = manifests->front();
    EXPECT_EQ(manifest.manifest_path, "/m.avro");
    EXPECT_EQ(manifest.manifest_length, 123);
    EXPECT_EQ(manifest.content, ManifestContent::kDeletes);
    EXPECT_EQ(manifest.sequence_number, 8);
    EXPECT_EQ(manifest.min_sequence_number, 7);
    EXPECT_EQ(manifest.added_snapshot_id, 66);
    EXPECT_THAT(ReadManifestPaths(table.fs, snapshot.manifest_list).value(),
                ElementsAre("/m.avro"));
  }
}

TEST(ForeignManifestTest, OnlyAddedEntriesInheritNumbers) {
  TestTable table;
  ASSERT_TRUE(io::WriteAll(table.fs, kPath, ForeignManifest(table, true, 0, {})));
  const auto refused = ReadManifest(table.fs, Row(8), *table.Metadata());
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(refused.error().message, HasSubstr(kPath));
  // Version 1 had no numbers: all are 0.
  EXPECT_EQ(ReadManifest(table.fs, Row(0), *table.Metadata()).value()[0].sequence_number, 0);
  ASSERT_TRUE(table.fs.Remove(kPath));
  ASSERT_TRUE(io::WriteAll(table.fs, kPath, ForeignManifest(table, true, 0, 4)));
  const auto entries = ReadManifest(table.fs, Row(8), *table.Metadata()).value();
  EXPECT_EQ(entries[0].sequence_number, 4);
  EXPECT_EQ(entries[0].file_sequence_number, 4);
}

TEST(ForeignManifestTest, DamageNamesTheFile) {
  TestTable table;
  const auto metadata = table.Metadata();
  const auto expect_corrupt = [&](const ManifestFile& manifest) {
    const auto read = ReadManifest(table.fs, manifest, *metadata);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kCorruption) << read.error().message;
    EXPECT_THAT(read.error().message, HasSubstr(kPath));
    const auto paths = ReadLivePaths(table.fs, manifest);
    ASSERT_FALSE(paths);
    EXPECT_EQ(paths.error().kind, ErrorKind::kCorruption) << paths.error().message;
    EXPECT_THAT(paths.error().message, HasSubstr(kPath));
  };
  expect_corrupt(Row(1));  // missing
  ManifestEntry entry;
  entry.data_file = table.File("a", 1);
  const ManifestFile good =
      WriteManifest(table.fs, table.random, Options(*metadata), {entry}, 1, 1).value();
  ManifestFile wrong = good;
  wrong.content = ManifestContent::kDeletes;
  expect_corrupt(wrong);
  wrong = good;
  wrong.partition_spec_id = 3;
  expect_corrupt(wrong);
  const std::string bytes = table.fs.Bytes(kPath);
  for (const size_t length : {size_t{0}, size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
    table.fs.Bytes(kPath) = bytes.substr(0, length);
    expect_corrupt(good);
  }
  table.fs.Bytes(kPath) = ForeignManifest(table, true, 7, 1);
  expect_corrupt(good);
}

TEST(ManifestListTest, EveryFieldComesBack) {
  TestTable table;
  ManifestFile full = {.manifest_path = "/m1",
                       .manifest_length = 1'000,
                       .partition_spec_id = 2,
                       .content = ManifestContent::kDeletes,
                       .sequence_number = 9,
                       .min_sequence_number = 3,
                       .added_snapshot_id = 1'234,
                       .added_files_count = 1,
                       .existing_files_count = 2,
                       .deleted_files_count = 3,
                       .added_rows_count = 4,
                       .existing_rows_count = 5,
                       .deleted_rows_count = 6,
                       .partitions = {{.contains_null = true,
                                       .contains_nan = false,
                                       .lower_bound = "a",
                                       .upper_bound = "b"},
                                      {}},
                       .key_metadata = "k"};
  Snapshot snapshot;
  snapshot.snapshot_id = 55;
  snapshot.sequence_number = 6;
  ASSERT_TRUE(WriteManifestList(table.fs, table.random, "/list.avro", snapshot, {full, {}}));
  const auto rows = ReadManifestList(table.fs, "/list.avro");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 2U);
  const ManifestFile& row = rows->front();
  EXPECT_EQ(row.manifest_path, "/m1");
  EXPECT_EQ(row.manifest_length, 1'000);
  EXPECT_EQ(row.partition_spec_id, 2);
  EXPECT_EQ(row.content, ManifestContent::kDeletes);
  EXPECT_EQ(row.sequence_number, 9);
  EXPECT_EQ(row.min_sequence_number, 3);
  EXPECT_EQ(row.added_snapshot_id, 1'234);
  EXPECT_EQ(row.added_files_count, 1);
  EXPECT_EQ(row.existing_files_count, 2);
  EXPECT_EQ(row.deleted_files_count, 3);
  EXPECT_EQ(row.added_rows_count, 4);
  EXPECT_EQ(row.existing_rows_count, 5);
  EXPECT_EQ(row.deleted_rows_count, 6);
  ASSERT_EQ(row.partitions.size(), 2U);
  EXPECT_TRUE(row.partitions[0].contains_null);
  EXPECT_EQ(row.partitions[0].contains_nan, false);
  EXPECT_EQ(row.partitions[0].lower_bound, "a");
  EXPECT_EQ(row.partitions[0].upper_bound, "b");
  EXPECT_FALSE(row.partitions[1].lower_bound);
  EXPECT_FALSE(row.partitions[1].contains_nan);
  EXPECT_EQ(row.key_metadata, "k");
  const auto reader = avro::ContainerReader::Open(table.fs.Bytes("/list.avro"), "l").value();
  EXPECT_EQ(reader->FindMetadata("snapshot-id"), "55");
  EXPECT_EQ(reader->FindMetadata("parent-snapshot-id"), "null");
  EXPECT_EQ(reader->FindMetadata("sequence-number"), "6");
  EXPECT_EQ(reader->FindMetadata("format-version"), "2");
}

}  // namespace
}  // namespace octolake::iceberg
