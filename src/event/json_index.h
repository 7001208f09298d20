// A validating walk over one JSON text (RFC 8259) that gives every value as the slice of text it
// was received as.
//
// simdjson finds the structural characters, and checks UTF-8 and control characters, at several
// GB/s (its stage 1); the walk over them checks the grammar. Its own On-Demand walk would not check
// what it skips, and its DOM does not keep the text of values: payloads are skipped and kept here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace simdjson::internal {
class dom_parser_implementation;
}

namespace octolake::event {

// Bytes after a text that must be readable (their values do not matter).
inline constexpr size_t kJsonPadding = 64;

struct JsonProblem {
  enum class Kind { kNone, kInvalidJson, kInvalidUtf8, kTooDeep };
  Kind kind = Kind::kNone;
  size_t position = 0;    // byte in the text where it shows
  const char* what = "";  // for kInvalidJson; a constant

  explicit operator bool() const { return kind != Kind::kNone; }
};

// A value where it stands in the indexed text.
struct JsonValue {
  std::string_view raw;  // strings with their quotes
  uint32_t token = 0;    // its first structural character

  bool IsString() const { return raw.front() == '"'; }
  bool IsObject() const { return raw.front() == '{'; }
  bool IsArray() const { return raw.front() == '['; }
  bool IsNull() const { return raw.front() == 'n'; }
  // Of a string: what is between the quotes, escapes as they are.
  std::string_view Inner() const { return raw.substr(1, raw.size() - 2); }
};

struct JsonMember {
  std::string_view key;  // between the quotes, escapes as they are
  JsonValue value;
};

// Not thread-safe; reused for one text after another, it allocates only when a text is longer than
// all before. Values and members are good until the next call of Parse and while the text lives.
class JsonIndex {
 public:
  // Values nested in more than `max_depth` arrays and objects are refused.
  explicit JsonIndex(int max_depth);
  ~JsonIndex();

  // Indexes `text` (at most 4 GiB, with kJsonPadding readable bytes after it) and checks its first
  // value. What follows that value is not checked beyond UTF-8, quotes and control characters.
  // Without memory it throws std::bad_alloc, as containers do, and the text has no problem.
  JsonProblem Parse(std::string_view text);

  // The first value, after a successful Parse.
  const JsonValue& root() const { return root_; }
  // Where the first value ends, and whether only white space follows.
  size_t root_end() const { return root_end_; }
  bool only_root() const { return only_root_; }

  // The members of a checked object, or the elements of a checked array, in the order of the text.
  void Members(const JsonValue& object, std::vector<JsonMember>* out) const;
  void Elements(const JsonValue& array, std::vector<JsonValue>* out) const;

 private:
  bool FindStructure(std::string_view text, JsonProblem* problem);
  JsonProblem Walk();
  JsonProblem Fail(uint32_t token, const char* what) const;
  const char* CheckScalar(uint32_t token) const;
  std::string_view ScalarText(uint32_t token) const;
  JsonValue ValueAt(uint32_t token) const;
  uint32_t After(const JsonValue& value) const;

  int max_depth_;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage1_;
  std::string_view text_;
  const uint32_t* index_ = nullptr;  // positions of the structural characters, then text_.size()
  uint32_t tokens_ = 0;
  std::vector<uint32_t> close_of_;  // per token that opens a container: the token that closes it
  std::vector<uint32_t> open_;      // tokens of the containers around the walk
  JsonValue root_;
  size_t root_end_ = 0;
  bool only_root_ = false;
};

enum class Surrogates { kRefuse, kKeep };

// Replaces the escapes of a checked string's inside and appends it to `out` as UTF-8. A surrogate
// without its pair is no Unicode text: kRefuse returns false, kKeep encodes it like any code point.
bool AppendUnescaped(std::string_view inner, Surrogates surrogates, std::string* out);

// Appends `text` as a JSON string with quotes, escaped as RFC 8785 section 3.2.2.2 says. Lone
// surrogates kept by AppendUnescaped become escapes again.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace octolake::event
