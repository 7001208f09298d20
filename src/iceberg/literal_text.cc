#include <array>
#include <charconv>

#include "base/civil_time.h"
#include "base/hex.h"
#include "iceberg/literal.h"

namespace octolake::iceberg {
namespace {

// Fractions as ISO 8601 allows: as many digits as are needed, none for a whole second.
std::string TimestampText(int64_t micros) {
  std::string text = FormatTimestamp(micros);
  text.pop_back();  // the Z
  return text;
}

// The part behind the T.
std::string TimeText(int64_t micros_of_day) {
  const std::string text = TimestampText(micros_of_day);
  return text.substr(text.find('T') + 1);
}

std::string DecimalText(__int128 unscaled, int32_t scale) {
  const bool negative = unscaled < 0;
  auto rest = negative ? -static_cast<unsigned __int128>(unscaled)
                       : static_cast<unsigned __int128>(unscaled);
  std::string digits;
  while (rest != 0 || digits.size() <= static_cast<size_t>(scale)) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  }
  if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  return negative ? "-" + digits : digits;
}

std::string UuidText(std::string_view bytes) {
  std::string text = HexEncode(bytes);
  if (text.size() != 32) return text;
  for (const size_t position : {20, 16, 12, 8}) text.insert(position, "-");
  return text;
}

template <typename T>
std::string FloatText(T value) {
  std::array<char, 64> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return std::string(text.data(), result.ptr);
}

std::string LongText(const Type& type, int64_t value) {
  switch (type.id) {
    case TypeId::kTime:
      return TimeText(value);
    case TypeId::kTimestamp:
      return TimestampText(value);
    case TypeId::kTimestamptz:
      return TimestampText(value) + "+00:00";
    default:
      return std::to_string(value);
  }
}

std::string BytesText(const Type& type, const std::string& value) {
  if (type.id == TypeId::kString) return value;
  return type.id == TypeId::kUuid ? UuidText(value) : HexEncode(value);
}

}  // namespace

std::string LiteralText(const Type& type, const Literal& value) {
  struct Writer {
    const Type& type;
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int32_t v) const {
      return type.id == TypeId::kDate ? FormatDate(v) : std::to_string(v);
    }
    std::string operator()(int64_t v) const { return LongText(type, v); }
    std::string operator()(float v) const { return FloatText(v); }
    std::string operator()(double v) const { return FloatText(v); }
    std::string operator()(__int128 v) const { return DecimalText(v, type.scale); }
    std::string operator()(const std::string& v) const { return BytesText(type, v); }
  };
  return std::visit(Writer{type}, value);
}

}  // namespace octolake::iceberg
