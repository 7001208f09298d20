#include "iceberg/literal_parse.h"

#include <cctype>
#include <optional>
#include <utility>

#include "base/civil_time.h"
#include "base/hex.h"
#include "base/string_util.h"
#include "base/uuid.h"
#include "iceberg/partition_summary.h"

namespace octolake::iceberg {
namespace {

constexpr size_t kDateLength = std::string_view("2015-01-01").size();

tl::unexpected<Error> Expected(std::string_view what, std::string_view text) {
  constexpr int kShown = 40;  // characters
  const std::string shown = TruncateLower(text, kShown);
  return MakeError(ErrorKind::kInvalidArgument, "expected " + std::string(what) + ", found '" +
                                                    shown +
                                                    (shown.size() < text.size() ? "…'" : "'"));
}

template <typename Number>
Result<Literal> ParseNumberAs(std::string_view what, std::string_view text) {
  const std::optional<Number> number = ParseNumber<Number>(text);
  if (!number || IsNan(Literal(*number))) return Expected(what, text);
  return Literal(*number);
}

// Digits with at most one point among them, no more behind it than the type's scale.
Result<Literal> ParseDecimal(const Type& type, std::string_view text) {
  const auto refuse = [&] { return Expected("a number that fits " + TypeName(type), text); };
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const size_t point = digits.find('.');
  std::string all(digits.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "" : digits.substr(point + 1));
  const auto scale = static_cast<size_t>(type.scale);
  if (all.empty() || (point != std::string_view::npos && fraction.empty())) return refuse();
  if (fraction.size() > scale) return refuse();
  fraction.append(scale - fraction.size(), '0');
  all += fraction;
  all.erase(0, all.find_first_not_of('0'));
  if (all.size() > static_cast<size_t>(type.precision)) return refuse();
  __int128 unscaled = 0;  // at most 38 digits
  for (const char c : all) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return refuse();
    unscaled = unscaled * 10 + (c - '0');
  }
  return Literal(negative ? -unscaled : unscaled);
}

Result<Literal> ParseDateLiteral(std::string_view text) {
  const auto days = ParseDate(text);
  if (!days || *days != static_cast<int32_t>(*days)) {
    return Expected("a date such as 2015-01-01", text);
  }
  return Literal(static_cast<int32_t>(*days));
}

Result<Literal> ParseTimestampLiteral(const Type& type, std::string_view text) {
  const bool without_zone = type.id == TypeId::kTimestamp;
  const bool has_zone = text.size() > kDateLength &&
                        text.find_first_of("Zz+-", kDateLength) != std::string_view::npos;
  const auto micros = ParseTimestamp(text);
  if (!micros || (without_zone && has_zone)) {
    return Expected(without_zone ? "a time without a zone, such as 2015-01-01T15:00:00"
                                 : "a time such as 2015-01-01T15:00:00Z",
                    text);
  }
  return Literal(*micros);
}

Result<Literal> ParseTimeOfDay(std::string_view text) {
  const auto micros = ParseTimestamp("1970-01-01T" + std::string(text));
  if (!micros || text.find_first_of("Zz+-") != std::string_view::npos || *micros < 0 ||
      *micros >= kMicrosPerDay) {
    return Expected("a time of day such as 15:00:00", text);
  }
  return Literal(*micros);
}

Result<Literal> ParseUuidLiteral(std::string_view text) {
  const auto uuid = Uuid::Parse(text);
  if (!uuid) return Expected("a UUID such as f79c3e09-677c-4bbd-a479-3f349cb785e7", text);
  return Literal(std::string(uuid->bytes.begin(), uuid->bytes.end()));
}

Result<Literal> ParseBytes(const Type& type, std::string_view text) {
  auto bytes = HexDecode(text);
  const bool fits =
      bytes && (type.id != TypeId::kFixed || bytes->size() == static_cast<size_t>(type.length));
  if (!fits) return Expected("hexadecimal digits of " + TypeName(type), text);
  return Literal(*std::move(bytes));
}

}  // namespace

Result<Literal> ParseLiteral(const Type& type, std::string_view text) {
  switch (type.id) {
    case TypeId::kBoolean:
      if (text != "true" && text != "false") return Expected("true or false", text);
      return Literal(text == "true");
    case TypeId::kInt:
      return ParseNumberAs<int32_t>("a whole number of 32 bits", text);
    case TypeId::kLong:
      return ParseNumberAs<int64_t>("a whole number of 64 bits", text);
    case TypeId::kFloat:
      return ParseNumberAs<float>("a number that fits float", text);
    case TypeId::kDouble:
      return ParseNumberAs<double>("a number that fits double", text);
    case TypeId::kDecimal:
      return ParseDecimal(type, text);
    case TypeId::kDate:
      return ParseDateLiteral(text);
    case TypeId::kTime:
      return ParseTimeOfDay(text);
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      return ParseTimestampLiteral(type, text);
    case TypeId::kString:
      return Literal(std::string(text));
    case TypeId::kUuid:
      return ParseUuidLiteral(text);
    case TypeId::kFixed:
    case TypeId::kBinary:
      return ParseBytes(type, text);
    default:
      return MakeError(ErrorKind::kUnsupported, "a " + TypeName(type) + " cannot be written");
  }
}

}  // namespace octolake::iceberg
