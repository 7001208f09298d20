#include "avro/value.h"

namespace octolake::avro {

std::optional<bool> Value::IfBoolean() const {
  if (type_ != Type::kBoolean) return std::nullopt;
  return *std::get_if<int64_t>(&data_) != 0;
}

std::optional<int64_t> Value::IfInteger() const {
  if (type_ != Type::kInt && type_ != Type::kLong) return std::nullopt;
  return *std::get_if<int64_t>(&data_);
}

std::optional<double> Value::IfReal() const {
  if (type_ != Type::kFloat && type_ != Type::kDouble) return std::nullopt;
  return *std::get_if<double>(&data_);
}

std::optional<int32_t> Value::IfEnum() const {
  if (type_ != Type::kEnum) return std::nullopt;
  return static_cast<int32_t>(*std::get_if<int64_t>(&data_));
}

const std::string* Value::IfString() const {
  return type_ == Type::kString ? std::get_if<std::string>(&data_) : nullptr;
}

const std::string* Value::IfBytes() const {
  return type_ == Type::kBytes || type_ == Type::kFixed ? std::get_if<std::string>(&data_)
                                                        : nullptr;
}

const std::vector<Value>* Value::IfRecord() const {
  return type_ == Type::kRecord ? std::get_if<std::vector<Value>>(&data_) : nullptr;
}

const std::vector<Value>* Value::IfArray() const {
  return type_ == Type::kArray ? std::get_if<std::vector<Value>>(&data_) : nullptr;
}

const std::vector<MapEntry>* Value::IfMap() const {
  return type_ == Type::kMap ? std::get_if<std::vector<MapEntry>>(&data_) : nullptr;
}

std::string Value::TakeText() && {
  auto* text = std::get_if<std::string>(&data_);
  return text == nullptr ? std::string() : std::move(*text);
}

std::vector<Value> Value::TakeItems() && {
  auto* items = std::get_if<std::vector<Value>>(&data_);
  return items == nullptr ? std::vector<Value>() : std::move(*items);
}

bool operator==(const Value& a, const Value& b) { return a.type_ == b.type_ && a.data_ == b.data_; }

}  // namespace octolake::avro
