#include "base/units.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <limits>
#include <optional>

#include "base/string_util.h"

namespace octolake {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr int64_t kSecond = 1'000'000;
constexpr std::array<Unit, 7> kDurationUnits = {{{"us", 1},
                                                 {"ms", 1000},
                                                 {"s", kSecond},
                                                 {"m", 60 * kSecond},
                                                 {"h", 3600 * kSecond},
                                                 {"d", 24 * 3600 * kSecond},
                                                 {"w", 7 * 24 * 3600 * kSecond}}};
constexpr int64_t kKilo = 1000;
constexpr int64_t kKibi = 1024;
constexpr std::array<Unit, 9> kSizeUnits = {{{"B", 1},
                                             {"kB", kKilo},
                                             {"KiB", kKibi},
                                             {"MB", kKilo* kKilo},
                                             {"MiB", kKibi* kKibi},
                                             {"GB", kKilo* kKilo* kKilo},
                                             {"GiB", kKibi* kKibi* kKibi},
                                             {"TB", kKilo* kKilo* kKilo* kKilo},
                                             {"TiB", kKibi* kKibi* kKibi* kKibi}}};

// More digits than any 64-bit value has; keeps the arithmetic below within 128 bits.
constexpr int kMaxDigits = 19;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// A decimal number: digits / 10^decimals.
struct Decimal {
  __int128 digits = 0;
  __int128 scale = 1;
};

std::optional<Decimal> TakeDecimal(std::string_view& text) {
  Decimal number;
  int count = 0;
  bool point = false;
  while (!text.empty() && (IsDigit(text.front()) || (text.front() == '.' && !point))) {
    if (text.front() == '.') {
      point = true;
    } else {
      if (++count > kMaxDigits) return std::nullopt;
      number.digits = number.digits * 10 + (text.front() - '0');
      if (point) number.scale *= 10;
    }
    text.remove_prefix(1);
  }
  if (count == 0) return std::nullopt;
  return number;
}

std::string_view TakeLetters(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && IsLetter(text[length])) ++length;
  const std::string_view letters = text.substr(0, length);
  text.remove_prefix(length);
  return letters;
}

// The number in units of `factor`; nullopt if it is no whole number or beyond 64 bits.
std::optional<int64_t> Scale(const Decimal& number, int64_t factor) {
  const __int128 product = number.digits * factor;
  if (product % number.scale != 0) return std::nullopt;
  const __int128 value = product / number.scale;
  if (value > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(value);
}

template <size_t N>
std::string FormatExact(int64_t value, const std::array<Unit, N>& units, const Unit& zero) {
  const Unit* best = &units[0];
  if (value == 0) best = &zero;
  for (const Unit& unit : units) {
    if (unit.name == "w") continue;  // people say 7d
    if (value != 0 && value % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

tl::unexpected<Error> Refuse(std::string_view what, std::string_view text, std::string_view why) {
  return MakeError(ErrorKind::kInvalidArgument, "'" + std::string(text.substr(0, 64)) +
                                                    "' is not a " + std::string(what) + ": " +
                                                    std::string(why));
}

constexpr std::string_view kDurationHint =
    "expected a number with a unit (us, ms, s, m, h, d, w), for example 30s or 1h30m";
constexpr std::string_view kSizeHint =
    "expected a number with a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), for example 20MB";

}  // namespace

Result<int64_t> ParseDuration(std::string_view original) {
  std::string_view text = Trim(original);
  if (text == "0") return 0;
  if (text.empty()) return Refuse("duration", original, kDurationHint);
  int64_t total = 0;
  while (!text.empty()) {
    const auto number = TakeDecimal(text);
    text = Trim(text);
    const std::string_view name = TakeLetters(text);
    const Unit* found = nullptr;
    for (const Unit& unit : kDurationUnits) {
      if (unit.name == name) found = &unit;
    }
    if (!number || found == nullptr) return Refuse("duration", original, kDurationHint);
    const auto micros = Scale(*number, found->factor);
    if (!micros) {
      return Refuse("duration", original, "it is no whole number of microseconds in 64 bits");
    }
    if (__builtin_add_overflow(total, *micros, &total)) {
      return Refuse("duration", original, "it is beyond 64 bits of microseconds");
    }
    text = Trim(text);
  }
  return total;
}

Result<int64_t> ParseSize(std::string_view original) {
  std::string_view text = Trim(original);
  const auto number = TakeDecimal(text);
  text = Trim(text);
  const std::string_view name = TakeLetters(text);
  const Unit* found = name.empty() ? &kSizeUnits[0] : nullptr;
  for (const Unit& unit : kSizeUnits) {
    if (EqualsIgnoringCase(unit.name, name)) found = &unit;
  }
  if (!number || found == nullptr || !text.empty()) return Refuse("size", original, kSizeHint);
  const auto bytes = Scale(*number, found->factor);
  if (!bytes) return Refuse("size", original, "it is no whole number of bytes in 64 bits");
  return *bytes;
}

std::string FormatDuration(int64_t micros) {
  return FormatExact(micros, kDurationUnits, kDurationUnits[2]);
}

std::string FormatSize(int64_t bytes) { return FormatExact(bytes, kSizeUnits, kSizeUnits[0]); }

std::string HumanSize(int64_t bytes) {
  static constexpr std::array<const char*, 6> kNames = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  // 999.5 would be printed as 1000.
  while (value >= 999.5 && unit + 1 < kNames.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  char text[40];
  std::snprintf(text, sizeof(text), "%.*f %s", decimals, value, kNames[unit]);
  return text;
}

}  // namespace octolake
