#include "iceberg/filter_text.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/string_util.h"
#include "iceberg/literal_parse.h"

namespace octolake::iceberg {
namespace {

using Op = Predicate::Op;

// More would be tested against every file of a table.
constexpr size_t kMaxConditions = 100;
constexpr size_t kMaxValues = 10'000;

struct Token {
  enum class Kind { kWord, kNumber, kText, kQuotedName, kSign, kEnd };
  Kind kind = Kind::kEnd;
  std::string value;  // without quotes
  size_t at = 0;      // where it begins in the text
};

tl::unexpected<Error> Refuse(std::string_view text, size_t at, const std::string& why) {
  constexpr int kShown = 24;  // characters
  const std::string shown = TruncateLower(text.substr(at), kShown);
  const bool is_all = at + shown.size() == text.size();
  return MakeError(ErrorKind::kInvalidArgument,
                   "filter, at character " + std::to_string(at + 1) +
                       (shown.empty() ? ", its end" : " (" + shown + (is_all ? ")" : "…)")) + ": " +
                       why);
}

bool IsWordStart(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalpha(byte) != 0 || c == '_' || byte >= 0x80;
}
bool IsWordPart(char c) {
  return IsWordStart(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool IsNumberPart(char c) { return IsWordPart(c) || c == '.' || c == '-' || c == '+'; }

class Tokens {
 public:
  static Result<std::vector<Token>> Of(std::string_view text);

 private:
  explicit Tokens(std::string_view text) : text_(text) {}
  Result<Token> Next();
  Result<Token> Quoted(Token token);
  Token Run(Token token, bool (*is_part)(char));

  const std::string_view text_;
  size_t at_ = 0;
};

Token Tokens::Run(Token token, bool (*is_part)(char)) {
  while (at_ < text_.size() && (at_ == token.at || is_part(text_[at_]))) ++at_;
  token.value = text_.substr(token.at, at_ - token.at);
  return token;
}

Result<Token> Tokens::Quoted(Token token) {
  const char quote = text_[at_++];
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    const bool doubled = c == quote && at_ < text_.size() && text_[at_] == quote;
    if (c == quote && !doubled) return token;
    if (doubled) ++at_;
    token.value += c;
  }
  return Refuse(text_, token.at, "the quote that ends this is missing");
}

Result<Token> Tokens::Next() {
  while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  Token token;
  token.at = at_;
  if (at_ == text_.size()) return token;
  const char c = text_[at_];
  if (c == '\'' || c == '"') {
    token.kind = c == '"' ? Token::Kind::kQuotedName : Token::Kind::kText;
    return Quoted(std::move(token));
  }
  if (IsWordStart(c)) {
    token.kind = Token::Kind::kWord;
    return Run(std::move(token), IsWordPart);
  }
  if (IsNumberPart(c)) {
    token.kind = Token::Kind::kNumber;
    return Run(std::move(token), IsNumberPart);
  }
  token.kind = Token::Kind::kSign;
  at_ += text_.substr(at_).starts_with("<=") || text_.substr(at_).starts_with(">=") ? 2 : 1;
  token.value = text_.substr(token.at, at_ - token.at);
  return token;
}

Result<std::vector<Token>> Tokens::Of(std::string_view text) {
  Tokens tokens(text);
  std::vector<Token> all;
  do {
    OCTO_ASSIGN(Token token, tokens.Next());
    all.push_back(std::move(token));
  } while (all.back().kind != Token::Kind::kEnd);
  return all;
}

class FilterParser {
 public:
  FilterParser(std::string_view text, std::vector<Token> tokens, const Schema& schema)
      : text_(text), tokens_(std::move(tokens)), schema_(schema) {}

  Result<Filter> Parse();

 private:
  const Token& Peek() const { return tokens_[next_]; }
  Token Take() { return tokens_[Peek().kind == Token::Kind::kEnd ? next_ : next_++]; }
  bool TakeWord(std::string_view word);
  bool TakeSign(std::string_view sign);
  tl::unexpected<Error> RefuseNext(const std::string& why) const {
    return Refuse(text_, Peek().at, why);
  }

  Status ParseCondition();
  Result<const Field*> ParseColumn();
  Status ParseIn(const Field& column);
  Status ParseBetween(const Field& column);
  Status ParseNullTest(const Field& column);
  Status ParseComparison(const Field& column);
  Result<Literal> ParseValue(const Field& column);
  Status Add(const Field& column, Op op, std::vector<Literal> values = {});

  const std::string_view text_;
  const std::vector<Token> tokens_;
  const Schema& schema_;
  size_t next_ = 0;
  Filter filter_;
};

bool FilterParser::TakeWord(std::string_view word) {
  if (Peek().kind != Token::Kind::kWord || !EqualsIgnoringCase(Peek().value, word)) return false;
  ++next_;
  return true;
}

bool FilterParser::TakeSign(std::string_view sign) {
  if (Peek().kind != Token::Kind::kSign || Peek().value != sign) return false;
  ++next_;
  return true;
}

Status FilterParser::Add(const Field& column, Op op, std::vector<Literal> values) {
  if (filter_.size() == kMaxConditions) {
    return RefuseNext("more than " + std::to_string(kMaxConditions) + " conditions");
  }
  filter_.push_back({.column = column.name, .op = op, .values = std::move(values)});
  return {};
}

Result<const Field*> FilterParser::ParseColumn() {
  const bool is_name = Peek().kind == Token::Kind::kWord || Peek().kind == Token::Kind::kQuotedName;
  if (!is_name) return RefuseNext("expected a column");
  const Token token = Take();
  if (const Field* column = schema_.FindByName(token.value)) return column;
  std::vector<std::string> names;
  for (const Field& field : schema_.fields) names.push_back(field.name);
  return Refuse(text_, token.at,
                "there is no column '" + token.value + "'" + DidYouMean(token.value, names));
}

Result<Literal> FilterParser::ParseValue(const Field& column) {
  const Type& type = *column.type;
  const bool bare = type.id <= TypeId::kDecimal;
  Token token = Peek();
  const bool is_value = bare
                            ? token.kind == Token::Kind::kNumber || token.kind == Token::Kind::kWord
                            : token.kind == Token::Kind::kText;
  if (!is_value) {
    return RefuseNext("expected a value of column '" + column.name + "', of type " +
                      TypeName(type) + (bare ? ", without quotes" : ", in single quotes"));
  }
  for (const char* word : {"true", "false"}) {
    if (type.id == TypeId::kBoolean && EqualsIgnoringCase(token.value, word)) token.value = word;
  }
  auto value = ParseLiteral(type, token.value);
  if (!value) return RefuseNext("column '" + column.name + "': " + value.error().message);
  Take();
  return value;
}

Status FilterParser::ParseIn(const Field& column) {
  if (!TakeSign("(")) return RefuseNext("expected ( and the values of IN");
  std::vector<Literal> values;
  do {
    if (values.size() == kMaxValues) {
      return RefuseNext("more than " + std::to_string(kMaxValues) + " values");
    }
    OCTO_ASSIGN(Literal value, ParseValue(column));
    values.push_back(std::move(value));
  } while (TakeSign(","));
  if (!TakeSign(")")) return RefuseNext("expected , or ) in the values of IN");
  return Add(column, Op::kIn, std::move(values));
}

Status FilterParser::ParseBetween(const Field& column) {
  OCTO_ASSIGN(Literal least, ParseValue(column));
  if (!TakeWord("and")) return RefuseNext("expected AND and the greatest value of BETWEEN");
  OCTO_ASSIGN(Literal greatest, ParseValue(column));
  OCTO_TRY(Add(column, Op::kGreaterOrEqual, {std::move(least)}));
  return Add(column, Op::kLessOrEqual, {std::move(greatest)});
}

Status FilterParser::ParseNullTest(const Field& column) {
  const bool negated = TakeWord("not");
  if (!TakeWord("null")) return RefuseNext("expected NULL or NOT NULL behind IS");
  return Add(column, negated ? Op::kNotNull : Op::kIsNull);
}

Status FilterParser::ParseComparison(const Field& column) {
  static constexpr std::pair<std::string_view, Op> kSigns[] = {{"=", Op::kEq},
                                                               {"<=", Op::kLessOrEqual},
                                                               {"<", Op::kLess},
                                                               {">=", Op::kGreaterOrEqual},
                                                               {">", Op::kGreater}};
  for (const auto& [sign, op] : kSigns) {
    if (!TakeSign(sign)) continue;
    OCTO_ASSIGN(Literal value, ParseValue(column));
    return Add(column, op, {std::move(value)});
  }
  return RefuseNext("expected =, <, <=, >, >=, IN, BETWEEN or IS [NOT] NULL");
}

Status FilterParser::ParseCondition() {
  OCTO_ASSIGN(const Field* column, ParseColumn());
  if (TakeWord("is")) return ParseNullTest(*column);
  if (!column->type->is_primitive()) {
    return RefuseNext("column '" + column->name + "' is a " + TypeName(*column->type) +
                      ": expected IS NULL or IS NOT NULL");
  }
  if (TakeWord("in")) return ParseIn(*column);
  if (TakeWord("between")) return ParseBetween(*column);
  return ParseComparison(*column);
}

Result<Filter> FilterParser::Parse() {
  do {
    OCTO_TRY(ParseCondition());
  } while (TakeWord("and"));
  if (Peek().kind != Token::Kind::kEnd) {
    return RefuseNext("expected AND or the end; other than conditions joined by AND is not known");
  }
  return std::move(filter_);
}

}  // namespace

Result<Filter> ParseFilter(std::string_view text, const Schema& schema) {
  if (text.size() > kMaxFilterTextBytes) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "filter: expected at most " + std::to_string(kMaxFilterTextBytes) +
                         " bytes, found " + std::to_string(text.size()));
  }
  OCTO_ASSIGN(std::vector<Token> tokens, Tokens::Of(text));
  return FilterParser(text, std::move(tokens), schema).Parse();
}

}  // namespace octolake::iceberg
