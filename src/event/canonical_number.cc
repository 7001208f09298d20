#include <charconv>
#include <cmath>
#include <cstdlib>

#include "event/canonical_json.h"

namespace octolake::event {
namespace {

// sign * 0.d1d2d3… * 10^point, without zeros at either end of the digits; no digits is zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t point = 0;

  friend bool operator==(const Decimal&, const Decimal&) = default;
};

// Exponents beyond this cannot be told apart by anything a document can hold. A digit more must not
// overflow, nor must the digits of the number added to it.
constexpr int64_t kExponentLimit = int64_t{1} << 59;

Decimal ParseDecimal(std::string_view literal) {
  Decimal decimal;
  size_t i = 0;
  if (literal[0] == '-') {
    decimal.negative = true;
    ++i;
  }
  bool fraction = false;
  for (; i < literal.size() && literal[i] != 'e' && literal[i] != 'E'; ++i) {
    if (literal[i] == '.') {
      fraction = true;
      continue;
    }
    if (decimal.digits.empty() && literal[i] == '0') {
      if (fraction) --decimal.point;
      continue;
    }
    decimal.digits.push_back(literal[i]);
    if (!fraction) ++decimal.point;
  }
  int64_t exponent = 0;
  if (i < literal.size()) {
    const bool minus = literal[++i] == '-';
    if (literal[i] == '-' || literal[i] == '+') ++i;
    for (; i < literal.size(); ++i) {
      exponent = std::min(exponent * 10 + (literal[i] - '0'), kExponentLimit);
    }
    if (minus) exponent = -exponent;
  }
  decimal.point += exponent;
  while (!decimal.digits.empty() && decimal.digits.back() == '0') decimal.digits.pop_back();
  if (decimal.digits.empty()) return {};
  return decimal;
}

// The layout of ECMA-262, Number::toString, for any digits and exponent.
std::string Layout(const Decimal& decimal) {
  if (decimal.digits.empty()) return "0";
  const std::string& digits = decimal.digits;
  const auto count = static_cast<int64_t>(digits.size());
  const int64_t n = decimal.point;
  std::string out = decimal.negative ? "-" : "";
  if (count <= n && n <= 21) {
    out += digits;
    out.append(static_cast<size_t>(n - count), '0');
  } else if (0 < n && n <= 21) {
    out += digits.substr(0, static_cast<size_t>(n)) + '.' + digits.substr(static_cast<size_t>(n));
  } else if (-6 < n && n <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-n), '0');
    out += digits;
  } else {
    out += digits[0];
    if (count > 1) out += '.' + digits.substr(1);
    out += n - 1 < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(n - 1));
  }
  return out;
}

}  // namespace

std::string CanonicalNumber(std::string_view literal) {
  const Decimal exact = ParseDecimal(literal);
  if (exact.digits.empty()) return "0";
  // An integer beyond 2^53 keeps its digits, however it is written; see the header.
  const bool is_integer = exact.point >= static_cast<int64_t>(exact.digits.size());
  if (is_integer) return Layout(exact);
  // Up to 15 digits survive a double unchanged, so they are their own shortest form.
  if (exact.digits.size() <= 15 && std::abs(exact.point) < 300) return Layout(exact);
  double value = 0;
  const auto parsed = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (parsed.ec != std::errc() || !std::isfinite(value) || value == 0) return Layout(exact);
  char shortest[64];
  const auto end =
      std::to_chars(shortest, shortest + sizeof(shortest), value, std::chars_format::scientific);
  return Layout(ParseDecimal({shortest, static_cast<size_t>(end.ptr - shortest)}));
}

}  // namespace octolake::event
