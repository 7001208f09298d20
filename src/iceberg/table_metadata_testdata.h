// Table metadata as PyIceberg 0.12 wrote it for two synthetic tables (line breaks added).
#pragma once

#include <string_view>

namespace octolake::iceberg {

// Nested types, a partition spec, a sort order; no snapshot yet.
inline constexpr std::string_view kPyIcebergEmptyTable = R"json(
{"location": "file:///lake/ns/t", "table-uuid": "0ba436d8-bb3a-481c-a907-f8be92629872",
"last-updated-ms": 1795372262912, "last-column-id": 10, "schemas": [{"type": "struct",
"fields": [{"id": 1, "name": "id", "type": "long", "required": true, "doc": "an id"},
{"id": 2, "name": "ts", "type": "timestamptz", "required": false}, {"id": 3,
"name": "price", "type": "decimal(9, 2)", "required": false}, {"id": 4, "name": "tags",
"type": {"type": "list", "element-id": 7, "element": "string", "element-required": false},
"required": false}, {"id": 5, "name": "m", "type": {"type": "map", "key-id": 8,
"key": "string", "value-id": 9, "value": "int", "value-required": true}, "required": false},
{"id": 6, "name": "s", "type": {"type": "struct", "fields": [{"id": 10, "name": "x",
"type": "double", "required": false}]}, "required": false}], "schema-id": 0,
"identifier-field-ids": [1]}], "current-schema-id": 0, "partition-specs": [{"spec-id": 0,
"fields": [{"source-id": 2, "field-id": 1000, "transform": "day", "name": "ts_day"},
{"source-id": 1, "field-id": 1001, "transform": "bucket[4]", "name": "id_bucket"}]}],
"default-spec-id": 0, "last-partition-id": 1001, "properties": {"a": "b",
"write.metadata.previous-versions-max": "50"}, "snapshots": [], "snapshot-log": [],
"metadata-log": [], "sort-orders": [{"order-id": 1, "fields": [{"source-id": 2,
"transform": "identity", "direction": "asc", "null-order": "nulls-first"}]}],
"default-sort-order-id": 1, "refs": {}, "statistics": [], "partition-statistics": [],
"format-version": 2, "last-sequence-number": 0})json";

// Two appends and a tag.
inline constexpr std::string_view kPyIcebergTwoAppends = R"json(
{"location": "file:///lake/ns/plain", "table-uuid": "30663c9f-9d6f-4cbc-a53e-052dd1623b92",
"last-updated-ms": 1795372263625, "last-column-id": 2, "schemas": [{"type": "struct",
"fields": [{"id": 1, "name": "id", "type": "long", "required": false}, {"id": 2,
"name": "d", "type": "string", "required": false}], "schema-id": 0,
"identifier-field-ids": []}], "current-schema-id": 0, "partition-specs": [{"spec-id": 0,
"fields": []}], "default-spec-id": 0, "last-partition-id": 999, "properties": {},
"current-snapshot-id": 1046890667609942653,
"snapshots": [{"snapshot-id": 6167955448087708677, "sequence-number": 1,
"timestamp-ms": 1795372263458,
"manifest-list": "file:///lake/ns/plain/metadata/snap-6167955448087708677-0-acc1ca95-99c0-4272-83d0-93248049d313.avro",
"summary": {"operation": "append", "added-files-size": "902", "added-data-files": "1",
"added-records": "2", "total-data-files": "1", "total-delete-files": "0",
"total-records": "2", "total-files-size": "902", "total-position-deletes": "0",
"total-equality-deletes": "0"}, "schema-id": 0}, {"snapshot-id": 1046890667609942653,
"parent-snapshot-id": 6167955448087708677, "sequence-number": 2,
"timestamp-ms": 1795372263563,
"manifest-list": "file:///lake/ns/plain/metadata/snap-1046890667609942653-0-8e7befe9-1b7f-4700-ac5e-9b05b04adb37.avro",
"summary": {"operation": "append", "added-files-size": "889", "added-data-files": "1",
"added-records": "1", "total-data-files": "2", "total-delete-files": "0",
"total-records": "3", "total-files-size": "1791", "total-position-deletes": "0",
"total-equality-deletes": "0"}, "schema-id": 0}],
"snapshot-log": [{"snapshot-id": 6167955448087708677, "timestamp-ms": 1795372263458},
{"snapshot-id": 1046890667609942653, "timestamp-ms": 1795372263563}],
"metadata-log": [{"metadata-file": "file:///lake/ns/plain/metadata/00000-e90279e9-95a8-418c-b025-b678449ff9f9.metadata.json",
"timestamp-ms": 1795372263220},
{"metadata-file": "file:///lake/ns/plain/metadata/00001-6bf5293f-18c2-4f75-ae78-0d975f6a5dfc.metadata.json",
"timestamp-ms": 1795372263458},
{"metadata-file": "file:///lake/ns/plain/metadata/00002-450cc4ee-2f5b-4d35-b46e-292447d3a5a2.metadata.json",
"timestamp-ms": 1795372263563}], "sort-orders": [{"order-id": 0, "fields": []}],
"default-sort-order-id": 0, "refs": {"main": {"snapshot-id": 1046890667609942653,
"type": "branch"}, "v1": {"snapshot-id": 1046890667609942653, "type": "tag"}},
"statistics": [], "partition-statistics": [], "format-version": 2,
"last-sequence-number": 2})json";

}  // namespace octolake::iceberg
