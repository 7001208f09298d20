// Writes JSON text member by member; commas are its own business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "event/json_index.h"

namespace octolake::event {

// The caller opens and closes what it nests; keys are plain ASCII without escapes.
class JsonWriter {
 public:
  JsonWriter& Open(char bracket) {
    Separate();
    out_ += bracket;
    return *this;
  }
  JsonWriter& Close(char bracket) {
    out_ += bracket;
    return *this;
  }
  JsonWriter& Key(std::string_view key) {
    Separate();
    out_.append("\"").append(key).append("\":");
    return *this;
  }
  JsonWriter& Add(std::string_view text) {
    Separate();
    AppendJsonString(text, &out_);
    return *this;
  }
  // Number, literal or object as JSON text.
  JsonWriter& AddRaw(std::string_view json) {
    Separate();
    out_ += json;
    return *this;
  }
  JsonWriter& Member(std::string_view key, std::string_view text) { return Key(key).Add(text); }
  JsonWriter& Member(std::string_view key, const char* text) { return Key(key).Add(text); }
  JsonWriter& Member(std::string_view key, int64_t number) {
    return Key(key).AddRaw(std::to_string(number));
  }
  JsonWriter& Flag(std::string_view key, bool flag) {
    return Key(key).AddRaw(flag ? "true" : "false");
  }
  JsonWriter& Null(std::string_view key) { return Key(key).AddRaw("null"); }

  const std::string& text() const { return out_; }

 private:
  void Separate() {
    if (out_.empty()) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':') out_ += ',';
  }

  std::string out_;
};

}  // namespace octolake::event
