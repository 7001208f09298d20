#include "iceberg/literal.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace octolake::iceberg {
namespace {

constexpr size_t kUuidLength = 16;
constexpr size_t kMaxDecimalLength = 16;

tl::unexpected<Error> WrongValue(const Type& type, std::string_view what) {
  return MakeError(ErrorKind::kInvalidArgument,
                   "a value of type " + TypeName(type) + " " + std::string(what));
}

tl::unexpected<Error> BadBytes(const Type& type, std::string_view bytes,
                               std::string_view expected) {
  return MakeError(ErrorKind::kCorruption, "a value of type " + TypeName(type) + " must have " +
                                               std::string(expected) + ", found " +
                                               std::to_string(bytes.size()) + " bytes");
}

template <typename T>
std::string ToLittleEndian(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

template <typename T>
T FromLittleEndian(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

template <typename T>
Result<std::string> EncodeFixed(const Type& type, const Literal& value) {
  const T* held = std::get_if<T>(&value);
  if (held == nullptr) return WrongValue(type, "is held in another representation");
  return ToLittleEndian(*held);
}

template <typename T>
Result<Literal> DecodeFixed(const Type& type, std::string_view bytes) {
  if (bytes.size() != sizeof(T)) {
    return BadBytes(type, bytes, std::to_string(sizeof(T)) + " bytes");
  }
  return Literal(FromLittleEndian<T>(bytes));
}

bool FitsPrecision(__int128 unscaled, int32_t precision) {
  __int128 limit = 1;
  for (int32_t i = 0; i < precision; ++i) limit *= 10;
  return unscaled < limit && unscaled > -limit;
}

std::string EncodeDecimal(__int128 unscaled) {
  std::string bytes;
  // Stops when what is left is only the sign of the byte written last.
  while (true) {
    const auto low = static_cast<uint8_t>(unscaled & 0xFF);
    bytes.insert(bytes.begin(), static_cast<char>(low));
    unscaled >>= 8;
    const bool negative = (low & 0x80) != 0;
    if ((unscaled == 0 && !negative) || (unscaled == -1 && negative)) return bytes;
  }
}

Result<Literal> DecodeDecimal(const Type& type, std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kMaxDecimalLength) {
    return BadBytes(type, bytes, "1 to 16 bytes");
  }
  auto value = static_cast<unsigned __int128>(
      static_cast<__int128>(static_cast<signed char>(bytes.front())));
  for (const char byte : bytes.substr(1)) value = (value << 8) | static_cast<uint8_t>(byte);
  const auto unscaled = static_cast<__int128>(value);
  if (!FitsPrecision(unscaled, type.precision)) {
    return MakeError(ErrorKind::kCorruption,
                     "a value of type " + TypeName(type) + " has more digits than its precision");
  }
  return Literal(unscaled);
}

Result<std::string> EncodeBytes(const Type& type, const Literal& value) {
  const auto* held = std::get_if<std::string>(&value);
  if (held == nullptr) return WrongValue(type, "is held in another representation");
  if (type.id == TypeId::kUuid && held->size() != kUuidLength) {
    return WrongValue(type, "must have 16 bytes, found " + std::to_string(held->size()));
  }
  if (type.id == TypeId::kFixed && held->size() != static_cast<size_t>(type.length)) {
    return WrongValue(type, "has " + std::to_string(held->size()) + " bytes");
  }
  return *held;
}

Result<Literal> DecodeBytes(const Type& type, std::string_view bytes) {
  if (type.id == TypeId::kUuid && bytes.size() != kUuidLength) {
    return BadBytes(type, bytes, "16 bytes");
  }
  if (type.id == TypeId::kFixed && bytes.size() != static_cast<size_t>(type.length)) {
    return BadBytes(type, bytes, std::to_string(type.length) + " bytes");
  }
  return Literal(std::string(bytes));
}

template <typename T>
std::strong_ordering Order(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::strong_order(a, b);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return a.compare(b) <=> 0;
  } else {
    if (a < b) return std::strong_ordering::less;
    return b < a ? std::strong_ordering::greater : std::strong_ordering::equal;
  }
}

}  // namespace

Result<std::string> EncodeLiteral(const Type& type, const Literal& value) {
  switch (type.id) {
    case TypeId::kBoolean: {
      const bool* held = std::get_if<bool>(&value);
      if (held == nullptr) return WrongValue(type, "is held in another representation");
      return std::string(1, *held ? '\x01' : '\x00');
    }
    case TypeId::kInt:
    case TypeId::kDate:
      return EncodeFixed<int32_t>(type, value);
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      return EncodeFixed<int64_t>(type, value);
    case TypeId::kFloat:
      return EncodeFixed<float>(type, value);
    case TypeId::kDouble:
      return EncodeFixed<double>(type, value);
    case TypeId::kDecimal: {
      const auto* held = std::get_if<__int128>(&value);
      if (held == nullptr) return WrongValue(type, "is held in another representation");
      if (!FitsPrecision(*held, type.precision)) return WrongValue(type, "has too many digits");
      return EncodeDecimal(*held);
    }
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary:
      return EncodeBytes(type, value);
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap:
      break;
  }
  return WrongValue(type, "has no single-value form");
}

Result<Literal> DecodeLiteral(const Type& type, std::string_view bytes) {
  switch (type.id) {
    case TypeId::kBoolean:
      if (bytes.size() != 1) return BadBytes(type, bytes, "1 byte");
      return Literal(bytes.front() != '\0');
    case TypeId::kInt:
    case TypeId::kDate:
      return DecodeFixed<int32_t>(type, bytes);
    case TypeId::kLong:
      if (bytes.size() == sizeof(int32_t)) {
        return Literal(static_cast<int64_t>(FromLittleEndian<int32_t>(bytes)));
      }
      return DecodeFixed<int64_t>(type, bytes);
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestamptz:
      return DecodeFixed<int64_t>(type, bytes);
    case TypeId::kFloat:
      return DecodeFixed<float>(type, bytes);
    case TypeId::kDouble:
      if (bytes.size() == sizeof(float)) {
        return Literal(static_cast<double>(FromLittleEndian<float>(bytes)));
      }
      return DecodeFixed<double>(type, bytes);
    case TypeId::kDecimal:
      return DecodeDecimal(type, bytes);
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary:
      return DecodeBytes(type, bytes);
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap:
      break;
  }
  return MakeError(ErrorKind::kCorruption,
                   "a value of type " + TypeName(type) + " has no single-value form");
}

std::strong_ordering CompareLiterals(const Literal& a, const Literal& b) {
  if (a.index() != b.index()) return a.index() <=> b.index();
  return std::visit(
      [&b](const auto& left) { return Order(left, std::get<std::decay_t<decltype(left)>>(b)); }, a);
}

}  // namespace octolake::iceberg
