// Where the decoder (decode.cc) puts a datum: one of the two classes below, which are handed around
// by value. Every Put is of the datum itself; the members of Record, Array and Map give the targets
// of what is inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "avro/binary.h"
#include "avro/value.h"

namespace octolake::avro {

// It becomes a Value.
class IntoValue {
 public:
  explicit IntoValue(Value& value) : value_(value) {}

  void PutNull() { value_ = Value::Null(); }
  void PutBoolean(bool v) { value_ = Value::Boolean(v); }
  void PutInt(int32_t v) { value_ = Value::Int(v); }
  void PutLong(int64_t v) { value_ = Value::Long(v); }
  void PutFloat(float v) { value_ = Value::Float(v); }
  void PutDouble(double v) { value_ = Value::Double(v); }
  void PutBytes(std::string_view v) { value_ = Value::Bytes(std::string(v)); }
  void PutString(std::string_view v) { value_ = Value::String(std::string(v)); }
  void PutFixed(std::string_view v) { value_ = Value::Fixed(std::string(v)); }
  void PutEnum(int32_t v) { value_ = Value::Enum(v); }
  void PutBranch(int32_t branch) { std::move(value_).WithBranch(branch); }

  class Record {
   public:
    explicit Record(size_t fields) : fields_(fields) {}
    IntoValue At(size_t i) { return IntoValue(fields_[i]); }
    void PutInto(IntoValue target) { target.value_ = Value::Record(std::move(fields_)); }

   private:
    std::vector<Value> fields_;
  };
  class Array {
   public:
    IntoValue Add() { return IntoValue(items_.emplace_back()); }
    void PutInto(IntoValue target) { target.value_ = Value::Array(std::move(items_)); }

   private:
    std::vector<Value> items_;
  };
  class Map {
   public:
    IntoValue Add(std::string_view key) {
      entries_.push_back({std::string(key), Value()});
      return IntoValue(entries_.back().value);
    }
    void PutInto(IntoValue target) { target.value_ = Value::Map(std::move(entries_)); }

   private:
    std::vector<MapEntry> entries_;
  };

  Record MakeRecord(size_t fields) const { return Record(fields); }

 private:
  Value& value_;
};

// What is wanted of it becomes FieldViews, all else nothing.
class IntoViews {
 public:
  // `wanted` may be null: nothing is.
  IntoViews(const WantedFields* wanted, std::span<FieldView> views)
      : wanted_(wanted), views_(views) {}

  void PutNull() { Put({}); }
  void PutBoolean(bool v) { Put({Type::kBoolean, v, {}}); }
  void PutInt(int32_t v) { Put({Type::kInt, v, {}}); }
  void PutLong(int64_t v) { Put({Type::kLong, v, {}}); }
  void PutFloat(float) { Put({Type::kFloat, 0, {}}); }
  void PutDouble(double) { Put({Type::kDouble, 0, {}}); }
  void PutBytes(std::string_view v) { Put({Type::kBytes, 0, v}); }
  void PutString(std::string_view v) { Put({Type::kString, 0, v}); }
  void PutFixed(std::string_view v) { Put({Type::kFixed, 0, v}); }
  void PutEnum(int32_t v) { Put({Type::kEnum, v, {}}); }
  void PutBranch(int32_t) {}

  class Record {
   public:
    Record(const WantedFields* wanted, std::span<FieldView> views)
        : wanted_(wanted), views_(views) {}
    IntoViews At(size_t i) {
      const bool has_wanted = wanted_ != nullptr && i < wanted_->fields.size();
      return {has_wanted ? &wanted_->fields[i] : nullptr, views_};
    }
    void PutInto(IntoViews target) { target.Put({Type::kRecord, 0, {}}); }

   private:
    const WantedFields* wanted_;
    std::span<FieldView> views_;
  };
  struct Array {
    IntoViews Add() { return {nullptr, {}}; }
    void PutInto(IntoViews target) { target.Put({Type::kArray, 0, {}}); }
  };
  struct Map {
    IntoViews Add(std::string_view) { return {nullptr, {}}; }
    void PutInto(IntoViews target) { target.Put({Type::kMap, 0, {}}); }
  };

  Record MakeRecord(size_t) const { return {wanted_, views_}; }

 private:
  void Put(const FieldView& view) {
    if (wanted_ != nullptr && wanted_->place) views_[*wanted_->place] = view;
  }

  const WantedFields* wanted_;
  std::span<FieldView> views_;
};

}  // namespace octolake::avro
