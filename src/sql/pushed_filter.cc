#include "sql/pushed_filter.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/civil_time.h"
#include "base/string_util.h"

namespace octolake::sql {
namespace {

using iceberg::Filter;
using iceberg::Literal;
using iceberg::Predicate;
using iceberg::TypeId;
using Op = Predicate::Op;

constexpr std::string_view kAnd = " AND ";
constexpr std::string_view kOptional = "optional: ";

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool Take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// The end of the quoted text that begins at `at`, past its closing quote; npos if it has none.
size_t EndOfQuoted(std::string_view text, size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] != quote) continue;
    if (at + 1 == text.size() || text[at + 1] != quote) return at + 1;
    ++at;
  }
  return std::string_view::npos;
}

// Cuts at every `separator` outside quotes and parentheses; nullopt if these do not match up.
std::optional<std::vector<std::string_view>> Split(std::string_view text,
                                                   std::string_view separator) {
  std::vector<std::string_view> pieces;
  int depth = 0;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\'' || c == '"') {
      at = EndOfQuoted(text, at);
      if (at == std::string_view::npos) return std::nullopt;
      continue;
    }
    if (c == '(') ++depth;
    if (c == ')' && --depth < 0) return std::nullopt;
    if (depth == 0 && text.substr(at).starts_with(separator)) {
      pieces.push_back(text.substr(begin, at - begin));
      at += separator.size();
      begin = at;
      continue;
    }
    ++at;
  }
  if (depth != 0) return std::nullopt;
  pieces.push_back(text.substr(begin));
  return pieces;
}

// What one pair of parentheses around all of the text holds; nullopt if there is none.
std::optional<std::string_view> Inside(std::string_view text) {
  if (!text.starts_with('(') || !text.ends_with(')')) return std::nullopt;
  const std::string_view inner = text.substr(1, text.size() - 2);
  if (!Split(inner, kAnd)) return std::nullopt;  // such as "(a) OR (b)"
  return inner;
}

std::string_view TakeName(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && IsNameCharacter(text[end])) ++end;
  const std::string_view name = text.substr(0, end);
  text.remove_prefix(end);
  return name;
}

std::optional<Op> TakeComparison(std::string_view& text) {
  static constexpr std::pair<std::string_view, Op> kOperators[] = {{">=", Op::kGreaterOrEqual},
                                                                   {"<=", Op::kLessOrEqual},
                                                                   {"=", Op::kEq},
                                                                   {">", Op::kGreater},
                                                                   {"<", Op::kLess}};
  const bool spaced = Take(text, " ");
  for (const auto& [sign, op] : kOperators) {
    if (!Take(text, sign)) continue;
    if (spaced && !Take(text, " ")) return std::nullopt;
    return op;
  }
  return std::nullopt;
}

// A whole quoted text, doubled quotes undone.
std::optional<std::string> Unquoted(std::string_view text) {
  if (!text.starts_with('\'') || EndOfQuoted(text, 0) != text.size()) return std::nullopt;
  std::string value;
  for (size_t at = 1; at + 1 < text.size(); ++at) {
    value += text[at];
    if (text[at] == '\'') ++at;
  }
  return value;
}

template <typename Integer>
std::optional<Literal> ParseInteger(std::string_view text) {
  const std::optional<Integer> value = ParseNumber<Integer>(text);
  return value ? std::optional(Literal(*value)) : std::nullopt;
}

std::optional<int64_t> ParseDateConstant(std::string_view text) {
  constexpr std::string_view kType = "::DATE";
  if (!text.ends_with(kType)) return std::nullopt;
  text.remove_suffix(kType.size());
  const auto quoted = Unquoted(text);
  if (!quoted) return std::nullopt;
  const auto days = ParseDate(*quoted);
  if (!days) return std::nullopt;
  return *days;
}

std::optional<Literal> ParseTimestampConstant(std::string_view text, std::string_view type) {
  if (!text.ends_with(type)) return std::nullopt;
  text.remove_suffix(type.size());
  auto quoted = Unquoted(text);
  if (!quoted) return std::nullopt;
  // As the session's time zone is UTC, no other offset is printed.
  constexpr std::string_view kUtc = "+00";
  if (quoted->ends_with(kUtc)) quoted->replace(quoted->size() - kUtc.size(), kUtc.size(), "Z");
  const auto micros = ParseTimestamp(*quoted);
  if (!micros) return std::nullopt;
  return Literal(*micros);
}

std::optional<Literal> ParseConstant(std::string_view text, const iceberg::Type& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      if (text == "true") return Literal(true);
      if (text == "false") return Literal(false);
      return std::nullopt;
    case TypeId::kInt:
      return ParseInteger<int32_t>(text);
    case TypeId::kLong:
      return ParseInteger<int64_t>(text);
    case TypeId::kString:
      if (auto value = Unquoted(text)) return Literal(std::move(*value));
      return std::nullopt;
    case TypeId::kDate: {
      const auto days = ParseDateConstant(text);
      if (!days || *days != static_cast<int32_t>(*days)) return std::nullopt;
      return Literal(static_cast<int32_t>(*days));
    }
    case TypeId::kTimestamp:
      return ParseTimestampConstant(text, "::TIMESTAMP");
    case TypeId::kTimestamptz:
      return ParseTimestampConstant(text, "::TIMESTAMP WITH TIME ZONE");
    default:
      return std::nullopt;
  }
}

bool IsTimestamp(const iceberg::Type& type) {
  return type.id == TypeId::kTimestamp || type.id == TypeId::kTimestamptz;
}

class ConditionParser {
 public:
  explicit ConditionParser(const iceberg::Schema& schema) : schema_(schema) {}

  // False if the text is no condition understood; `filter` is then as it was.
  bool Parse(std::string_view text, Filter& filter) const {
    if (const auto inner = Inside(text)) text = *inner;
    if (Take(text, "CAST(")) return ParseDateCast(text, filter);
    const std::string_view name = TakeName(text);
    const iceberg::Field* column = schema_.FindByName(name);
    if (column == nullptr) return false;
    if (text == " IS NULL" || text == " IS NOT NULL") {
      filter.push_back({column->name, text == " IS NULL" ? Op::kIsNull : Op::kNotNull, {}});
      return true;
    }
    if (Take(text, " IN (") && text.ends_with(')')) return ParseIn(*column, text, filter);
    const auto op = TakeComparison(text);
    if (!op) return false;
    auto value = ParseConstant(text, *column->type);
    if (!value) return false;
    filter.push_back({column->name, *op, {std::move(*value)}});
    return true;
  }

 private:
  // "'a', 'b')", after the opening parenthesis.
  static bool ParseIn(const iceberg::Field& column, std::string_view text, Filter& filter) {
    text.remove_suffix(1);
    const auto items = Split(text, ", ");
    if (!items) return false;
    Predicate predicate{column.name, Op::kIn, {}};
    for (const std::string_view item : *items) {
      auto value = ParseConstant(item, *column.type);
      if (!value) return false;
      predicate.values.push_back(std::move(*value));
    }
    filter.push_back(std::move(predicate));
    return true;
  }

  // "created_at AS DATE) >= '2015-01-02'::DATE", after "CAST(": days are UTC's, as the session's.
  bool ParseDateCast(std::string_view text, Filter& filter) const {
    const iceberg::Field* column = schema_.FindByName(TakeName(text));
    if (column == nullptr || !IsTimestamp(*column->type) || !Take(text, " AS DATE)")) return false;
    const auto op = TakeComparison(text);
    const auto day = ParseDateConstant(text);
    constexpr int64_t kMostDays = std::numeric_limits<int64_t>::max() / kMicrosPerDay - 1;
    if (!op || !day || *day > kMostDays || *day < -kMostDays) return false;
    const Literal begin(*day * kMicrosPerDay);
    const Literal end((*day + 1) * kMicrosPerDay);
    if (*op == Op::kEq || *op == Op::kGreaterOrEqual) {
      filter.push_back({column->name, Op::kGreaterOrEqual, {begin}});
    }
    if (*op == Op::kEq || *op == Op::kLessOrEqual) {
      filter.push_back({column->name, Op::kLess, {end}});
    }
    if (*op == Op::kGreater) filter.push_back({column->name, Op::kGreaterOrEqual, {end}});
    if (*op == Op::kLess) filter.push_back({column->name, Op::kLess, {begin}});
    return true;
  }

  const iceberg::Schema& schema_;
};

// A condition of its own, whatever it says: in parentheses, or a call. Anything else may hide an
// OR, or an AND that belongs to a BETWEEN or a CASE.
bool StandsAlone(std::string_view text) {
  TakeName(text);
  return Inside(text).has_value();
}

}  // namespace

bool IsPlainName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), IsNameCharacter) &&
         std::isdigit(static_cast<unsigned char>(name[0])) == 0;
}

Filter ParsePushedFilter(std::string_view text, const iceberg::Schema& schema) {
  // A hint for the scan that holds for the rows of the result all the same.
  Take(text, kOptional);
  const auto conditions = Split(text, kAnd);
  if (!conditions) return {};
  const ConditionParser parser(schema);
  Filter filter;
  for (const std::string_view condition : *conditions) {
    if (!parser.Parse(condition, filter) && !StandsAlone(condition)) return {};
  }
  return filter;
}

}  // namespace octolake::sql
