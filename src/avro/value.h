// One datum of an Avro schema, as decoded or to be encoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "avro/schema.h"

namespace octolake::avro {

struct MapEntry;

// A value knows its type (never kUnion or kNamed). The value of a union is the value of the chosen
// branch, with branch() telling which one: unions do not nest in Avro. The If… accessors give
// nothing (nullopt, nullptr) if the value is of another type, so that a reader of foreign files
// decides what that means.
class Value {
 public:
  Value();  // null

  static Value Null();
  static Value Boolean(bool v);
  static Value Int(int32_t v);
  static Value Long(int64_t v);
  static Value Float(float v);
  static Value Double(double v);
  static Value Bytes(std::string v);
  static Value String(std::string v);
  static Value Fixed(std::string v);
  // The position of the symbol in the schema.
  static Value Enum(int32_t index);
  // One value a field, in the order of the schema's fields.
  static Value Record(std::vector<Value> v);
  static Value Array(std::vector<Value> v);
  // In the order written; Avro does not forbid a key to come twice.
  static Value Map(std::vector<MapEntry> v);

  Type type() const { return type_; }
  bool IsNull() const { return type_ == Type::kNull; }

  std::optional<bool> IfBoolean() const;
  // Of an int or a long.
  std::optional<int64_t> IfInteger() const;
  // Of a float or a double.
  std::optional<double> IfReal() const;
  std::optional<int32_t> IfEnum() const;
  const std::string* IfString() const;
  // Of bytes or a fixed.
  const std::string* IfBytes() const;
  const std::vector<Value>* IfRecord() const;
  const std::vector<Value>* IfArray() const;
  const std::vector<MapEntry>* IfMap() const;

  // The branch of the union this value was read from, or -1. When encoding a union, a value
  // without a branch takes the first branch of its type.
  int32_t branch() const { return branch_; }
  Value&& WithBranch(int32_t branch) &&;

  // Moves the text or bytes, the elements or the fields out; empty if the value is of another type.
  std::string TakeText() &&;
  std::vector<Value> TakeItems() &&;

  // Equal type and content; the branch does not count.
  friend bool operator==(const Value& a, const Value& b);

 private:
  using Data =
      std::variant<int64_t, double, std::string, std::vector<Value>, std::vector<MapEntry>>;
  Value(Type type, Data data);

  Type type_ = Type::kNull;
  int32_t branch_ = -1;
  Data data_;
};

struct MapEntry {
  std::string key;
  Value value;
  friend bool operator==(const MapEntry& a, const MapEntry& b) = default;
};

// Below MapEntry, which must be complete where a value is made.
inline Value::Value() = default;
inline Value::Value(Type type, Data data) : type_(type), data_(std::move(data)) {}
inline Value Value::Null() { return {}; }
inline Value Value::Boolean(bool v) { return {Type::kBoolean, int64_t{v}}; }
inline Value Value::Int(int32_t v) { return {Type::kInt, int64_t{v}}; }
inline Value Value::Long(int64_t v) { return {Type::kLong, v}; }
inline Value Value::Float(float v) { return {Type::kFloat, double{v}}; }
inline Value Value::Double(double v) { return {Type::kDouble, v}; }
inline Value Value::Bytes(std::string v) { return {Type::kBytes, std::move(v)}; }
inline Value Value::String(std::string v) { return {Type::kString, std::move(v)}; }
inline Value Value::Fixed(std::string v) { return {Type::kFixed, std::move(v)}; }
inline Value Value::Enum(int32_t index) { return {Type::kEnum, int64_t{index}}; }
inline Value Value::Record(std::vector<Value> v) { return {Type::kRecord, std::move(v)}; }
inline Value Value::Array(std::vector<Value> v) { return {Type::kArray, std::move(v)}; }
inline Value Value::Map(std::vector<MapEntry> v) { return {Type::kMap, std::move(v)}; }
inline Value&& Value::WithBranch(int32_t branch) && {
  branch_ = branch;
  return std::move(*this);
}

}  // namespace octolake::avro
