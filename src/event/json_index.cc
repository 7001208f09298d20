#include "event/json_index.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace octolake::event {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// RFC 8259 section 6.
bool IsNumber(std::string_view s) {
  size_t i = s[0] == '-' ? 1 : 0;
  const auto digits = [&] {
    const size_t from = i;
    while (i < s.size() && IsDigit(s[i])) ++i;
    return i > from;
  };
  if (i < s.size() && s[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < s.size() && s[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == s.size();
}

// The position of the first escape that JSON does not have, or npos. A backslash outside a string
// is part of a scalar, which the walk refuses.
size_t FindBadEscape(std::string_view text) {
  size_t at = text.find('\\');
  while (at != std::string_view::npos) {
    const char c = at + 1 < text.size() ? text[at + 1] : '\0';
    size_t length = 2;
    if (c == 'u') {
      for (size_t i = at + 2; i < at + 6; ++i) {
        if (i >= text.size() || !IsHex(text[i])) return at;
      }
      length = 6;
    } else if (std::strchr("\"\\/bfnrt", c) == nullptr || c == '\0') {
      return at;
    }
    // Escapes come in runs of lines: look next door before starting a search.
    at += length;
    if (at < text.size() && text[at] == '\\') continue;
    if (at >= text.size()) break;
    at = text.find('\\', at);
  }
  return std::string_view::npos;
}

// The position of the first byte that is not part of well-formed UTF-8 (Unicode table 3-7).
size_t FindInvalidUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  size_t i = 0;
  while (i < text.size()) {
    const uint8_t lead = byte(i);
    size_t trail = 0;
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      trail = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      trail = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      trail = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else if (lead >= 0x80) {
      return i;
    }
    for (size_t k = 1; k <= trail; ++k) {
      if (byte(i + k) < low || byte(i + k) > high) return i;
      low = 0x80;
      high = 0xbf;
    }
    i += trail + 1;
  }
  return std::string_view::npos;
}

// The position of the first control character inside a string, or the end.
size_t FindControlCharacter(std::string_view text) {
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string && static_cast<uint8_t>(text[i]) < 0x20) return i;
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    }
  }
  return text.size();
}

}  // namespace

JsonIndex::JsonIndex(int max_depth) : max_depth_(max_depth) {}
JsonIndex::~JsonIndex() = default;

bool JsonIndex::FindStructure(std::string_view text, JsonProblem* problem) {
  using simdjson::error_code;
  if (!stage1_ || stage1_->capacity() < text.size()) {
    const size_t capacity = std::max<size_t>(text.size() + text.size() / 2, size_t{64} << 10);
    const error_code made = simdjson::get_active_implementation()->create_dom_parser_implementation(
        capacity, static_cast<size_t>(max_depth_), stage1_);
    // As of any other memory here: it says nothing about the text.
    if (made == simdjson::MEMALLOC) throw std::bad_alloc();
    if (made != simdjson::SUCCESS) {
      *problem = {JsonProblem::Kind::kInvalidJson, 0, "it is too long"};
      return false;
    }
  }
  const error_code code = stage1_->stage1(reinterpret_cast<const uint8_t*>(text.data()),
                                          text.size(), simdjson::stage1_mode::regular);
  if (code == simdjson::SUCCESS) {
    index_ = stage1_->structural_indexes.get();
    tokens_ = stage1_->n_structural_indexes;
    return true;
  }
  // simdjson checks quotes before UTF-8; what is wrong with the bytes is the better news.
  if (const size_t at = FindInvalidUtf8(text); at != std::string_view::npos) {
    *problem = {JsonProblem::Kind::kInvalidUtf8, at, ""};
  } else if (code == simdjson::UNESCAPED_CHARS) {
    *problem = {JsonProblem::Kind::kInvalidJson, FindControlCharacter(text),
                "control character in a string"};
  } else if (code == simdjson::UNCLOSED_STRING) {
    *problem = {JsonProblem::Kind::kInvalidJson, text.size(), "a string has no end"};
  } else {
    *problem = {JsonProblem::Kind::kInvalidJson, 0, "expected a value"};
  }
  return false;
}

JsonProblem JsonIndex::Parse(std::string_view text) {
  text_ = text;
  JsonProblem problem;
  if (!FindStructure(text, &problem)) return problem;
  return Walk();
}

JsonProblem JsonIndex::Fail(uint32_t token, const char* what) const {
  const size_t at = token < tokens_ ? index_[token] : text_.size();
  return {JsonProblem::Kind::kInvalidJson, at, what};
}

// Up to the next structural character, without the white space before that.
std::string_view JsonIndex::ScalarText(uint32_t token) const {
  const size_t from = index_[token];
  size_t to = token + 1 < tokens_ ? index_[token + 1] : text_.size();
  while (IsSpace(text_[to - 1])) --to;
  return text_.substr(from, to - from);
}

// Of anything but strings and containers.
const char* JsonIndex::CheckScalar(uint32_t token) const {
  const std::string_view s = ScalarText(token);
  switch (s[0]) {
    case 't':
      return s == "true" ? nullptr : "expected a value";
    case 'f':
      return s == "false" ? nullptr : "expected a value";
    case 'n':
      return s == "null" ? nullptr : "expected a value";
    default:
      if (s[0] != '-' && !IsDigit(s[0])) return "expected a value";
      return IsNumber(s) ? nullptr : "a number is not well formed";
  }
}

JsonProblem JsonIndex::Walk() {
  if (close_of_.size() < tokens_) close_of_.resize(std::max<size_t>(tokens_, 4096));
  open_.clear();
  // Copies, since the compiler must take every write for one to the members.
  const char* const text = text_.data();
  const uint32_t* const index = index_;
  uint32_t* const close_of = close_of_.data();
  const uint32_t tokens = tokens_;
  const auto kind = [=](uint32_t token) { return token < tokens ? text[index[token]] : '\0'; };
  char container = '\0';  // the bracket of the innermost open one
  uint32_t t = 0;
  // Each turn takes one value, with its key if it is a member, and what closes after it.
  for (;;) {
    if (container == '{') {
      if (kind(t) != '"') return Fail(t, "expected a key in quotes");
      if (kind(t + 1) != ':') return Fail(t + 1, "expected ':'");
      t += 2;
    }
    const char c = kind(t);
    if (c == '"') {
      // Stage 1 makes anything after the closing quote a token of its own.
      ++t;
    } else if (c == '{' || c == '[') {
      if (open_.size() >= static_cast<size_t>(max_depth_)) {
        return {JsonProblem::Kind::kTooDeep, index[t], ""};
      }
      const char closing = c == '{' ? '}' : ']';
      if (kind(t + 1) != closing) {
        open_.push_back(t++);
        container = c;
        continue;
      }
      close_of[t] = t + 1;
      t += 2;
    } else {
      if (c == '\0' && t >= tokens) return Fail(t, "expected a value");
      if (const char* what = CheckScalar(t)) return Fail(t, what);
      ++t;
    }
    while (container != '\0') {
      const char next = kind(t);
      if (next == ',') {
        ++t;
        break;
      }
      if (next != (container == '{' ? '}' : ']')) {
        return Fail(t, container == '{' ? "expected ',' or '}'" : "expected ',' or ']'");
      }
      close_of[open_.back()] = t++;
      open_.pop_back();
      container = open_.empty() ? '\0' : text[index[open_.back()]];
    }
    if (container == '\0') break;
  }
  only_root_ = t == tokens_;
  root_ = ValueAt(0);
  root_end_ = index_[0] + root_.raw.size();
  if (const size_t at = FindBadEscape(text_.substr(0, root_end_)); at != std::string_view::npos) {
    return {JsonProblem::Kind::kInvalidJson, at, "an escape is not one of JSON's"};
  }
  return {};
}

JsonValue JsonIndex::ValueAt(uint32_t token) const {
  const char c = text_[index_[token]];
  if (c != '{' && c != '[') return {ScalarText(token), token};
  const size_t from = index_[token];
  return {text_.substr(from, index_[close_of_[token]] + 1 - from), token};
}

uint32_t JsonIndex::After(const JsonValue& value) const {
  return (value.IsObject() || value.IsArray() ? close_of_[value.token] : value.token) + 1;
}

void JsonIndex::Members(const JsonValue& object, std::vector<JsonMember>* out) const {
  out->clear();
  const uint32_t end = close_of_[object.token];
  uint32_t t = object.token + 1;
  while (t < end) {
    const std::string_view key = ScalarText(t);
    const JsonValue value = ValueAt(t + 2);
    out->push_back({key.substr(1, key.size() - 2), value});
    t = After(value) + 1;
  }
}

void JsonIndex::Elements(const JsonValue& array, std::vector<JsonValue>* out) const {
  out->clear();
  const uint32_t end = close_of_[array.token];
  uint32_t t = array.token + 1;
  while (t < end) {
    out->push_back(ValueAt(t));
    t = After(out->back()) + 1;
  }
}

}  // namespace octolake::event
