#include "iceberg/table_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "iceberg/table_metadata_testdata.h"

namespace octolake::iceberg {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kUuid = "9c12d441-03fe-4693-9a96-a0705ddf69c1";

Field MakeField(int32_t id, std::string name, TypePtr type, bool required = false) {
  Field field;
  field.id = id;
  field.name = std::move(name);
  field.type = std::move(type);
  field.required = required;
  return field;
}

NewTable EventsTable() {
  NewTable table;
  table.location = "file:///lake/bronze/events/";
  table.schema.fields = {MakeField(1, "id", LongType(), true),
                         MakeField(2, "created_at", TimestamptzType()),
                         MakeField(3, "type", StringType())};
  table.spec.fields = {{.source_id = 2,
                        .field_id = 1000,
                        .name = "created_at_day",
                        .transform = {.kind = Transform::Kind::kDay}}};
  table.properties = {{"owner", "me"}};
  return table;
}

TableMetadata Events() { return MakeTableMetadata(EventsTable(), kUuid, 1000).value(); }

// An events table with two snapshots, the second current, and a tag on the first.
TableMetadata EventsWithSnapshots() {
  TableMetadata metadata = Events();
  metadata.last_updated_ms = 3000;
  metadata.last_sequence_number = 2;
  for (int64_t i = 1; i <= 2; ++i) {
    Snapshot snapshot;
    snapshot.snapshot_id = 10 * i;
    if (i > 1) snapshot.parent_snapshot_id = 10 * (i - 1);
    snapshot.sequence_number = i;
    snapshot.timestamp_ms = 1000 + 1000 * i;
    snapshot.manifest_list = "file:///lake/m" + std::to_string(i) + ".avro";
    snapshot.summary = {{"operation", "append"}, {"added-records", "1"}};
    snapshot.schema_id = 0;
    metadata.snapshots.push_back(snapshot);
    metadata.snapshot_log.push_back({snapshot.timestamp_ms, snapshot.snapshot_id});
  }
  metadata.current_snapshot_id = 20;
  metadata.refs["main"].snapshot_id = 20;
  metadata.refs["main"].is_branch = true;
  metadata.refs["octolake.journal"].snapshot_id = 10;
  metadata.metadata_log.push_back({1000, "file:///lake/00000.metadata.json"});
  return metadata;
}

Result<TableMetadata> Parse(const json& document) {
  return ParseTableMetadata(document.dump(), "t.metadata.json");
}

TEST(TableMetadataTest, WritesWhatTheReferenceImplementationWrites) {
  TableMetadata metadata = Events();
  EXPECT_EQ(
      TableMetadataToJson(metadata),
      R"({"format-version":2,"table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1",)"
      R"("location":"file:///lake/bronze/events","last-sequence-number":0,"last-updated-ms":1000,)"
      R"("last-column-id":3,"current-schema-id":0,"schemas":[{"type":"struct","schema-id":0,)"
      R"("fields":[{"id":1,"name":"id","required":true,"type":"long"},)"
      R"({"id":2,"name":"created_at","required":false,"type":"timestamptz"},)"
      R"({"id":3,"name":"type","required":false,"type":"string"}]}],"default-spec-id":0,)"
      R"("partition-specs":[{"spec-id":0,"fields":[{"name":"created_at_day","transform":"day",)"
      R"("source-id":2,"field-id":1000}]}],"last-partition-id":1000,"default-sort-order-id":0,)"
      R"("sort-orders":[{"order-id":0,"fields":[]}],"properties":{"owner":"me"},)"
      R"("current-snapshot-id":-1,"refs":{},"snapshots":[],"statistics":[],)"
      R"("partition-statistics":[],"snapshot-log":[],"metadata-log":[]})");
}

TEST(TableMetadataTest, SnapshotsAndRefsSurviveARoundTrip) {
  TableMetadata metadata = EventsWithSnapshots();
  metadata.refs["octolake.journal"].max_ref_age_ms = 5;
  metadata.statistics_json = R"([{"a":1}])";
  const std::string text = TableMetadataToJson(metadata);
  const auto parsed = ParseTableMetadata(text, "x");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(TableMetadataToJson(*parsed), text);
  EXPECT_EQ(parsed->CurrentSnapshot()->snapshot_id, 20);
  EXPECT_EQ(parsed->FindRef("octolake.journal")->sequence_number, 1);
  EXPECT_EQ(parsed->refs.at("octolake.journal").max_ref_age_ms, 5);
  EXPECT_FALSE(parsed->refs.at("octolake.journal").is_branch);
  EXPECT_EQ(parsed->FindRef("nothing"), nullptr);
  EXPECT_EQ(parsed->statistics_json, R"([{"a":1}])");
  EXPECT_THAT(text, HasSubstr(R"("summary":{"operation":"append","added-records":"1"})"));
}

TEST(TableMetadataTest, ReadsPyIcebergWithNestedTypes) {
  const auto metadata = ParseTableMetadata(kPyIcebergEmptyTable, "py");
  ASSERT_TRUE(metadata) << metadata.error().message;
  EXPECT_EQ(metadata->location, "file:///lake/ns/t");
  EXPECT_EQ(metadata->current_snapshot_id, std::nullopt);
  EXPECT_EQ(metadata->last_column_id, 10);
  const Schema& schema = metadata->CurrentSchema();
  EXPECT_EQ(schema.identifier_field_ids, std::vector<int32_t>{1});
  EXPECT_EQ(schema.FindByName("id")->doc, "an id");
  EXPECT_EQ(TypeName(*schema.FindByName("price")->type), "decimal(9, 2)");
  EXPECT_EQ(schema.FindByName("m")->type->fields[1].required, true);
  EXPECT_EQ(schema.FindById(10)->name, "x");
  EXPECT_EQ(metadata->DefaultSpec().fields[1].transform.ToString(), "bucket[4]");
  ASSERT_EQ(metadata->sort_orders.size(), 1U);
  EXPECT_TRUE(metadata->sort_orders[0].fields[0].nulls_first);
  // What is written from it has the same content.
  EXPECT_EQ(TableMetadataToJson(*ParseTableMetadata(TableMetadataToJson(*metadata), "again")),
            TableMetadataToJson(*metadata));
}

TEST(TableMetadataTest, ReadsPyIcebergWithSnapshots) {
  const auto metadata = ParseTableMetadata(kPyIcebergTwoAppends, "py");
  ASSERT_TRUE(metadata) << metadata.error().message;
  ASSERT_EQ(metadata->snapshots.size(), 2U);
  EXPECT_EQ(metadata->CurrentSnapshot()->sequence_number, 2);
  EXPECT_EQ(metadata->CurrentSnapshot()->summary.at("total-records"), "3");
  EXPECT_EQ(metadata->FindRef("v1"), metadata->CurrentSnapshot());
  EXPECT_EQ(metadata->metadata_log.size(), 3U);
  const json original = json::parse(kPyIcebergTwoAppends);
  json written = json::parse(TableMetadataToJson(*metadata));
  EXPECT_EQ(written["snapshots"], original["snapshots"]);
  EXPECT_EQ(written["refs"], original["refs"]);
  EXPECT_EQ(written["snapshot-log"], original["snapshot-log"]);
  EXPECT_EQ(written["metadata-log"], original["metadata-log"]);
  EXPECT_EQ(written["partition-specs"], original["partition-specs"]);
}

TEST(TableMetadataTest, OptionalMembersMayBeMissingAndUnknownOnesAreIgnored) {
  json document = json::parse(TableMetadataToJson(EventsWithSnapshots()));
  for (const char* key : {"refs", "statistics", "partition-statistics", "properties",
                          "snapshot-log", "metadata-log"}) {
    document.erase(key);
  }
  document["some-engine"] = {{"x", 1}};
  document["snapshots"][0]["first-row-id"] = nullptr;
  document["snapshots"][0].erase("sequence-number");
  const auto metadata = Parse(document);
  ASSERT_TRUE(metadata) << metadata.error().message;
  ASSERT_EQ(metadata->refs.size(), 1U);
  EXPECT_EQ(metadata->FindRef("main")->snapshot_id, 20);
  EXPECT_EQ(metadata->snapshots[0].sequence_number, 0);
  EXPECT_EQ(metadata->statistics_json, "[]");

  json empty = json::parse(TableMetadataToJson(Events()));
  for (const json& none : {json(-1), json(nullptr)}) {
    empty["current-snapshot-id"] = none;
    EXPECT_EQ(Parse(empty).value().current_snapshot_id, std::nullopt);
  }
  empty.erase("current-snapshot-id");
  EXPECT_EQ(Parse(empty).value().current_snapshot_id, std::nullopt);
}

TEST(TableMetadataTest, RefusesOtherVersionsByName) {
  json document = json::parse(TableMetadataToJson(Events()));
  for (const auto& [version, advice] :
       {std::pair{1, "upgrade the table"}, {3, "version 3"}, {4, "found 4"}}) {
    document["format-version"] = version;
    const auto metadata = Parse(document);
    ASSERT_FALSE(metadata);
    EXPECT_EQ(metadata.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(metadata.error().message, HasSubstr("t.metadata.json"));
    EXPECT_THAT(metadata.error().message, HasSubstr(advice));
  }
}

struct Damage {
  const char* path;      // a JSON pointer
  json value;            // put there; discarded: removed
  const char* expected;  // in the message
};

TEST(TableMetadataTest, NamesWhatIsWrongAndWhere) {
  const json good = json::parse(TableMetadataToJson(EventsWithSnapshots()));
  ASSERT_TRUE(Parse(good)) << Parse(good).error().message;
  const std::vector<Damage> damages = {
      {"/table-uuid", "no", "table-uuid: expected a UUID"},
      {"/location", 5, "location: expected a string, found 5"},
      {"/last-column-id", 2, "last-column-id: is 2, but schema 0 has the field id 3"},
      {"/last-column-id", 3.5, "last-column-id: expected a long"},
      {"/current-schema-id", 7, "current-schema-id: there is no schema 7"},
      {"/default-spec-id", 7, "default-spec-id: there is no partition spec 7"},
      {"/last-partition-id", 999, "last-partition-id: is 999"},
      {"/default-sort-order-id", 7, "there is no sort order 7"},
      {"/schemas/0/fields/1/id", 1, "column 'created_at' has the field id of another, 1"},
      {"/schemas/0/fields/1/name", "id", "two columns are named 'id'"},
      {"/schemas/0/fields/1/required", 1, "schemas[0].fields[1].required: expected true or false"},
      {"/schemas/0/fields/1/type", "int", "created_at_day"},
      {"/schemas/0/identifier-field-ids", {3}, "identifier field 3"},
      {"/partition-specs/0/fields/0/source-id", 9, "no column with the source id 9"},
      {"/partition-specs/0/fields/0/field-id", 9, "field ids are 1000 and up, found 9"},
      {"/sort-orders/0/fields", 1, "sort-orders[0].fields: expected an array, found 1"},
      {"/snapshots/1/snapshot-id", 10, "snapshots: snapshot 10 appears twice"},
      {"/snapshots/1/sequence-number", 3, "above last-sequence-number 2"},
      {"/snapshots/1/schema-id", 4, "snapshot 20: there is no schema 4"},
      {"/snapshots/1/summary", {{"operation", 1}}, "snapshots[1].summary.operation"},
      {"/snapshots/1", 1, "snapshots[1]: expected an object, found 1"},
      {"/current-snapshot-id", 99, "current-snapshot-id: there is no snapshot 99"},
      {"/current-snapshot-id", 10, "'main' is snapshot 20, but current-snapshot-id is 10"},
      {"/refs/main/type", "tag", "'main' must be a branch"},
      {"/refs/main/type", "head", "refs.main.type: expected 'branch' or 'tag', found \"head\""},
      {"/refs/octolake.journal/snapshot-id", 5, "'octolake.journal': there is no snapshot 5"},
      {"/snapshot-log/1/timestamp-ms", -100000, "snapshot-log[1]"},
      {"/metadata-log/0/timestamp-ms", 100000, "metadata-log: ends at 100000 ms"},
      {"/last-updated-ms", 9223372036854775808ULL, "last-updated-ms: expected a long"},
      {"/last-updated-ms", 9223372036854775807,
       "last-updated-ms: 9223372036854775807 ms is no time"},
      {"/snapshot-log/0/timestamp-ms", -9223372036854775807, "ms is no time between 1970 and 9999"},
      {"/snapshots/0/timestamp-ms", -1, "snapshot 10: timestamp-ms: -1 ms is no time"},
      {"/last-sequence-number", 9223372036854775807, "last-sequence-number: no table can have had"},
      {"/statistics", 1, "statistics: expected an array"},
  };
  for (const Damage& damage : damages) {
    json document = good;
    document[json::json_pointer(damage.path)] = damage.value;
    const auto metadata = Parse(document);
    ASSERT_FALSE(metadata) << damage.path;
    EXPECT_EQ(metadata.error().kind, ErrorKind::kCorruption) << damage.path;
    EXPECT_THAT(metadata.error().message, HasSubstr(damage.expected));
    EXPECT_THAT(metadata.error().message, HasSubstr("t.metadata.json"));
  }
}

TEST(TableMetadataTest, EveryRequiredMemberIsAskedFor) {
  const json good = json::parse(TableMetadataToJson(Events()));
  for (const char* key :
       {"format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms",
        "last-column-id", "schemas", "current-schema-id", "partition-specs", "default-spec-id",
        "last-partition-id", "sort-orders", "default-sort-order-id"}) {
    json document = good;
    document.erase(key);
    const auto metadata = Parse(document);
    ASSERT_FALSE(metadata) << key;
    EXPECT_THAT(metadata.error().message, HasSubstr(std::string(key) + ": expected"));
  }
}

TEST(TableMetadataTest, NoCutOrChangedTextThrows) {
  const std::string good = TableMetadataToJson(EventsWithSnapshots());
  for (size_t length = 0; length < good.size(); length += 3) {
    const auto metadata = ParseTableMetadata(good.substr(0, length), "cut");
    ASSERT_FALSE(metadata);
    EXPECT_EQ(metadata.error().kind, ErrorKind::kCorruption);
  }
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char c : {'0', '"', '{', ']', '\xFF', '-'}) {
      std::string changed = good;
      changed[at] = c;
      const auto metadata = ParseTableMetadata(changed, "changed");
      if (metadata) {
        EXPECT_FALSE(TableMetadataToJson(*metadata).empty());
      }
    }
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += R"({"type":"list","element-id":1,"element":)";
  EXPECT_FALSE(ParseTableMetadata(deep, "deep"));
  // What is kept as it was read is printed by recursion.
  std::string text = TableMetadataToJson(Events());
  const std::string empty = R"("statistics":[])";
  const std::string brackets = std::string(300'000, '[') + std::string(300'000, ']');
  text.replace(text.find(empty), empty.size(), R"("statistics":)" + brackets);
  const auto nested = ParseTableMetadata(text, "nested");
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().kind, ErrorKind::kUnsupported);
}

TEST(SchemaJsonTest, RefusesNestingBeyondTheLimit) {
  std::string type = "\"int\"";
  for (int i = 0; i < 100; ++i) {
    type = R"({"type":"list","element-id":)" + std::to_string(i + 2) +
           R"(,"element-required":false,"element":)" + type + "}";
  }
  const auto schema = ParseSchema(
      R"({"type":"struct","fields":[{"id":1,"name":"x","required":false,"type":)" + type + "}]}");
  ASSERT_FALSE(schema);
  EXPECT_EQ(schema.error().kind, ErrorKind::kUnsupported);
}

TEST(SchemaJsonTest, UnknownTypesAreNamedWithTheirPlace) {
  const auto schema = ParseSchema(
      R"({"type":"struct","fields":[{"id":1,"name":"x","required":false,"type":"variant"}]})");
  ASSERT_FALSE(schema);
  EXPECT_EQ(schema.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(schema.error().message, HasSubstr("schema.fields[0].type"));
  EXPECT_THAT(schema.error().message, HasSubstr("'variant'"));
}

TEST(MakeTableMetadataTest, RefusesWhatCannotBeATable) {
  const auto error = [](NewTable table) {
    auto metadata = MakeTableMetadata(table, kUuid, 1);
    return metadata ? std::string("none") : metadata.error().message;
  };
  NewTable table = EventsTable();
  table.schema.fields[1].id = 1;
  EXPECT_THAT(error(table), HasSubstr("field id of another"));
  table = EventsTable();
  table.schema.fields[1].id = 0;
  EXPECT_THAT(error(table), HasSubstr("ids are 1 and up"));
  table = EventsTable();
  table.spec.fields[0].name = "type";
  EXPECT_THAT(error(table), HasSubstr("has the name of a column"));
  table = EventsTable();
  table.spec.fields[0].source_id = 3;
  EXPECT_THAT(error(table), HasSubstr("transform day cannot be applied to type string"));
  table = EventsTable();
  table.sort_order.fields = {SortField{.transform = {}, .source_id = 8}};
  EXPECT_THAT(error(table), HasSubstr("no column with the source id 8"));
  table = EventsTable();
  table.location = "/";
  EXPECT_THAT(error(table), HasSubstr("needs a location"));
  EXPECT_FALSE(MakeTableMetadata(EventsTable(), "no-uuid", 1));
}

TEST(MakeTableMetadataTest, NumbersASortOrder) {
  NewTable table = EventsTable();
  table.sort_order.fields = {SortField{.transform = {}, .source_id = 1}};
  const TableMetadata metadata = MakeTableMetadata(table, kUuid, 1).value();
  EXPECT_EQ(metadata.default_sort_order_id, 1);
  EXPECT_TRUE(ParseTableMetadata(TableMetadataToJson(metadata), "x"));
}

TEST(SnapshotLookupTest, AsOfFollowsTheSnapshotLog) {
  const TableMetadata metadata = EventsWithSnapshots();
  EXPECT_EQ(SnapshotAsOf(metadata, 2000).value()->snapshot_id, 10);
  EXPECT_EQ(SnapshotAsOf(metadata, 2999).value()->snapshot_id, 10);
  EXPECT_EQ(SnapshotAsOf(metadata, 9000).value()->snapshot_id, 20);
  const auto before = SnapshotAsOf(metadata, 1999);
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(before.error().message, HasSubstr("2000"));
}

TEST(SnapshotLookupTest, AsOfNamesWhatIsLeftWhereTheLogWasCut) {
  TableMetadata metadata = EventsWithSnapshots();
  metadata.snapshot_log.erase(metadata.snapshot_log.begin());
  const auto forgotten = SnapshotAsOf(metadata, 2500);
  ASSERT_FALSE(forgotten);
  EXPECT_EQ(forgotten.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(forgotten.error().message, HasSubstr("snapshot 10"));
  EXPECT_THAT(SnapshotAsOf(metadata, 1).error().message, HasSubstr("choose a later time"));
}

TEST(SnapshotListTest, CopiesShareWhatNoneHasChanged) {
  const TableMetadata before = EventsWithSnapshots();
  const std::string text = TableMetadataToJson(before);
  TableMetadata after = before;
  EXPECT_EQ(&after.snapshots[0], &before.snapshots[0]);
  after.snapshots.Change(1, [](Snapshot& last) { last.summary["operation"] = "replace"; });
  EXPECT_EQ(&after.snapshots[0], &before.snapshots[0]);
  EXPECT_EQ(before.snapshots[1].summary.at("operation"), "append");
  EXPECT_EQ(TableMetadataToJson(before), text);
  const auto reread = ParseTableMetadata(TableMetadataToJson(after), "again").value();
  EXPECT_EQ(reread.snapshots[1].summary.at("operation"), "replace");
  EXPECT_EQ(TableMetadataToJson(reread), TableMetadataToJson(after));
}

TEST(SnapshotLookupTest, AncestryEndsAtExpiredSnapshotsAndCircles) {
  TableMetadata metadata = EventsWithSnapshots();
  EXPECT_TRUE(IsAncestorOf(metadata, 10, 20));
  EXPECT_TRUE(IsAncestorOf(metadata, 20, 20));
  EXPECT_FALSE(IsAncestorOf(metadata, 20, 10));
  EXPECT_FALSE(IsAncestorOf(metadata, 5, 20));
  metadata.snapshots.Change(0, [](Snapshot& first) { first.parent_snapshot_id = 20; });
  EXPECT_FALSE(IsAncestorOf(metadata, 5, 20));
}

// With a search through all snapshots at every step this takes minutes.
TEST(SnapshotLookupTest, LongHistoriesAreWalkedOnce) {
  TableMetadata metadata = Events();
  const int64_t count = 200'000;
  for (int64_t id = 1; id <= count; ++id) {
    Snapshot snapshot;
    snapshot.snapshot_id = id;
    if (id > 1) snapshot.parent_snapshot_id = id - 1;
    metadata.snapshots.push_back(std::move(snapshot));
  }
  EXPECT_TRUE(IsAncestorOf(metadata, 1, count));
  EXPECT_FALSE(IsAncestorOf(metadata, count, count - 1));
  const auto ancestors = AncestorsOf(metadata, count);
  ASSERT_EQ(std::ssize(ancestors), count);
  EXPECT_EQ(ancestors.front()->snapshot_id, count);
  EXPECT_EQ(ancestors.back()->snapshot_id, 1);
}

}  // namespace
}  // namespace octolake::iceberg
