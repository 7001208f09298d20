// The table whose manifests and manifest lists are fuzzed: a column and a partition field of every
// primitive type, so that every form of a partition value is read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/fuzz.h"
#include "iceberg/scan.h"
#include "iceberg/table_metadata.h"

namespace octolake::iceberg {

inline Schema FuzzSchema() {
  constexpr std::string_view kTypes[] = {"boolean", "int",          "long",           "float",
                                         "double",  "decimal(9,2)", "decimal(38,10)", "date",
                                         "time",    "timestamp",    "timestamptz",    "string",
                                         "uuid",    "fixed[4]",     "binary"};
  Schema schema;
  for (const std::string_view type : kTypes) {
    Field field;
    field.id = static_cast<int32_t>(schema.fields.size()) + 1;
    field.name = "c" + std::to_string(field.id);
    field.type = ParsePrimitiveType(type).value();
    schema.fields.push_back(std::move(field));
  }
  return schema;
}

// Identity of every column, then the other transforms.
inline PartitionSpec FuzzSpec(const Schema& schema) {
  PartitionSpec spec;
  const auto add = [&spec](int32_t source_id, std::string_view transform) {
    const auto id = 1000 + static_cast<int32_t>(spec.fields.size());
    spec.fields.push_back({.source_id = source_id,
                           .field_id = id,
                           .name = "p" + std::to_string(id),
                           .transform = Transform::Parse(transform).value()});
  };
  for (const Field& field : schema.fields) add(field.id, "identity");
  add(3, "bucket[8]");
  add(12, "truncate[4]");
  add(8, "year");
  add(11, "hour");
  add(2, "void");
  return spec;
}

inline TableMetadata FuzzTable() {
  NewTable table;
  table.location = "/fuzz";
  table.schema = FuzzSchema();
  table.spec = FuzzSpec(table.schema);
  return fuzz::Value(MakeTableMetadata(table, "00000000-0000-4000-8000-000000000000", 0),
                     "no table to fuzz");
}

// A test of every column that can be compared, and of NULL.
inline std::vector<Filter> FuzzFilters() {
  return {{{"c1", Predicate::Op::kEq, {Literal(true)}}},
          {{"c2", Predicate::Op::kLess, {Literal(int32_t{7})}}},
          {{"c3", Predicate::Op::kIn, {Literal(int64_t{1}), Literal(int64_t{2})}}},
          {{"c4", Predicate::Op::kGreater, {Literal(0.5F)}}},
          {{"c5", Predicate::Op::kLessOrEqual, {Literal(-0.0)}}},
          {{"c6", Predicate::Op::kEq, {Literal(static_cast<__int128>(1234))}}},
          {{"c8", Predicate::Op::kGreaterOrEqual, {Literal(int32_t{16436})}}},
          {{"c11", Predicate::Op::kEq, {Literal(int64_t{1'420'070'400'000'000})}}},
          {{"c12", Predicate::Op::kLess, {Literal(std::string("m"))}}},
          {{"c14", Predicate::Op::kEq, {Literal(std::string("abcd"))}}},
          {{"c15", Predicate::Op::kIsNull, {}}},
          {{"c13", Predicate::Op::kNotNull, {}}}};
}

}  // namespace octolake::iceberg
