#include <cstdint>
#include <limits>

#include "base/civil_time.h"
#include "base/string_util.h"
#include "iceberg/murmur3.h"
#include "iceberg/partition.h"
#include "iceberg/utf8.h"

namespace octolake::iceberg {
namespace {

using Kind = Transform::Kind;

struct NamedKind {
  std::string_view name;
  Kind kind;
};

constexpr NamedKind kNamedKinds[] = {
    {"identity", Kind::kIdentity}, {"bucket", Kind::kBucket}, {"truncate", Kind::kTruncate},
    {"year", Kind::kYear},         {"month", Kind::kMonth},   {"day", Kind::kDay},
    {"hour", Kind::kHour},         {"void", Kind::kVoid},
};

bool HasWidth(Kind kind) { return kind == Kind::kBucket || kind == Kind::kTruncate; }

bool IsTimestamp(TypeId id) { return id == TypeId::kTimestamp || id == TypeId::kTimestamptz; }

bool CanApply(Kind kind, TypeId source) {
  switch (kind) {
    case Kind::kIdentity:
    case Kind::kVoid:
      return source < TypeId::kStruct;
    case Kind::kBucket:
      return source < TypeId::kStruct && source != TypeId::kBoolean && source != TypeId::kFloat &&
             source != TypeId::kDouble;
    case Kind::kTruncate:
      return source == TypeId::kInt || source == TypeId::kLong || source == TypeId::kDecimal ||
             source == TypeId::kString || source == TypeId::kBinary;
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kDay:
      return source == TypeId::kDate || IsTimestamp(source);
    case Kind::kHour:
      return IsTimestamp(source);
  }
  return false;
}

tl::unexpected<Error> CannotApply(const Transform& transform, const Type& source) {
  return MakeError(
      ErrorKind::kInvalidArgument,
      "transform " + transform.ToString() + " cannot be applied to type " + TypeName(source));
}

// All integers hash as 8 bytes, so that widening int to long keeps the bucket.
Result<std::string> BytesToHash(const Type& source, const Literal& value) {
  if (const int32_t* held = std::get_if<int32_t>(&value)) {
    return EncodeLiteral(*LongType(), Literal(static_cast<int64_t>(*held)));
  }
  return EncodeLiteral(source, value);
}

template <typename T>
T TruncateNumber(T value, int32_t width) {
  T remainder = value % width;
  if (remainder < 0) remainder += width;
  // Near the least value the result wraps around, as it does in the reference implementation.
  using Unsigned =
      std::conditional_t<std::is_same_v<T, __int128>, unsigned __int128,
                         std::conditional_t<std::is_same_v<T, int64_t>, uint64_t, uint32_t>>;
  return static_cast<T>(static_cast<Unsigned>(value) - static_cast<Unsigned>(remainder));
}

Literal Truncate(const Type& source, const Literal& value, int32_t width) {
  if (const auto* held = std::get_if<int32_t>(&value)) return TruncateNumber(*held, width);
  if (const auto* held = std::get_if<int64_t>(&value)) return TruncateNumber(*held, width);
  if (const auto* held = std::get_if<__int128>(&value)) return TruncateNumber(*held, width);
  const auto& bytes = std::get<std::string>(value);
  const size_t length =
      source.id == TypeId::kString ? PrefixLength(bytes, width) : static_cast<size_t>(width);
  return bytes.substr(0, length);
}

// Years, months, days or hours since 1970.
int64_t ApplyDatePart(Kind kind, const Literal& value) {
  if (const int32_t* days = std::get_if<int32_t>(&value)) {
    if (kind == Kind::kYear) return YearsOfDays(*days);
    return kind == Kind::kMonth ? MonthsOfDays(*days) : *days;
  }
  const int64_t micros = std::get<int64_t>(value);
  if (kind == Kind::kYear) return YearsOfMicros(micros);
  if (kind == Kind::kMonth) return MonthsOfMicros(micros);
  return kind == Kind::kDay ? DaysOfMicros(micros) : HoursOfMicros(micros);
}

}  // namespace

Result<Transform> Transform::Parse(std::string_view text) {
  const size_t bracket = text.find('[');
  const std::string_view name = text.substr(0, bracket);
  const bool with_width = bracket != std::string_view::npos && text.back() == ']';
  for (const NamedKind& named : kNamedKinds) {
    if (named.name != name || HasWidth(named.kind) != with_width) continue;
    if (!with_width && name.size() == text.size()) return Transform{.kind = named.kind};
    const std::string_view number = text.substr(bracket + 1, text.size() - bracket - 2);
    const int32_t width = ParseNumber<int32_t>(number).value_or(0);
    if (width > 0) return Transform{.kind = named.kind, .width = width};
  }
  return MakeError(ErrorKind::kUnsupported,
                   "partition transform '" + std::string(text) +
                       "' is not known; expected identity, bucket[N], truncate[W], year, month, "
                       "day, hour or void");
}

std::string Transform::ToString() const {
  for (const NamedKind& named : kNamedKinds) {
    if (named.kind != kind) continue;
    std::string text(named.name);
    if (HasWidth(kind)) text += "[" + std::to_string(width) + "]";
    return text;
  }
  return "unknown";
}

Result<TypePtr> Transform::ResultType(const TypePtr& source) const {
  if (!CanApply(kind, source->id)) return CannotApply(*this, *source);
  switch (kind) {
    case Kind::kIdentity:
    case Kind::kTruncate:
    case Kind::kVoid:
      return source;
    case Kind::kDay:
      return DateType();
    case Kind::kBucket:
    case Kind::kYear:
    case Kind::kMonth:
    case Kind::kHour:
      break;
  }
  return IntType();
}

Result<std::optional<Literal>> Transform::Apply(const Type& source,
                                                const std::optional<Literal>& v) const {
  using Value = std::optional<Literal>;
  if (!CanApply(kind, source.id)) return CannotApply(*this, source);
  if (HasWidth(kind) && width < 1) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "transform " + ToString() + " needs a width of 1 or more");
  }
  if (!v || kind == Kind::kVoid) return Value();
  // Encoding checks that the value is of the type; the cases below rely on it.
  OCTO_ASSIGN(const std::string encoded, EncodeLiteral(source, *v));
  switch (kind) {
    case Kind::kIdentity:
      return v;
    case Kind::kTruncate:
      return Value(Truncate(source, *v, width));
    case Kind::kBucket: {
      OCTO_ASSIGN(const std::string bytes, BytesToHash(source, *v));
      const auto positive = static_cast<int32_t>(Murmur3(bytes) & 0x7FFFFFFFU);
      return Value(Literal(positive % width));
    }
    default:
      break;
  }
  const int64_t part = ApplyDatePart(kind, *v);
  if (part < std::numeric_limits<int32_t>::min() || part > std::numeric_limits<int32_t>::max()) {
    return MakeError(
        ErrorKind::kInvalidArgument,
        "transform " + ToString() + " of " + LiteralText(source, *v) + " does not fit in 32 bits");
  }
  return Value(Literal(static_cast<int32_t>(part)));
}

}  // namespace octolake::iceberg
