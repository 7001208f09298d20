#include "event/structure_scan.h"

#include <array>

namespace octolake::event {
namespace {

constexpr std::array<bool, 256> EndsStringRun() {
  std::array<bool, 256> table{};
  table['"'] = table['\\'] = table['\n'] = true;
  return table;
}
constexpr std::array<bool, 256> kEndsStringRun = EndsStringRun();

}  // namespace

StructureScan::StructureScan(int max_depth) : max_depth_(static_cast<size_t>(max_depth)) {}

void StructureScan::Reset() {
  state_ = State::kInside;
  in_string_ = escaped_ = after_line_break_ = false;
  previous_ = '\0';
  depth_ = 0;
  open_.clear();
}

size_t StructureScan::Feed(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    if (in_string_) {
      at = FeedString(bytes, at);
      if (state_ != State::kInside) return at;
      continue;
    }
    const char c = bytes[at];
    if (c == '\n') {
      after_line_break_ = true;
    } else if (c != ' ' && c != '\r' && c != '\t') {
      FeedSignificant(c);
      if (state_ == State::kBroken) return at;
      if (state_ == State::kComplete) return at + 1;
    }
    ++at;
  }
  return at;
}

size_t StructureScan::FeedString(std::string_view bytes, size_t at) {
  if (escaped_) {
    escaped_ = false;
    if (bytes[at] != '\n') ++at;
  }
  while (at < bytes.size() && !kEndsStringRun[static_cast<uint8_t>(bytes[at])]) ++at;
  if (at == bytes.size()) return at;
  switch (bytes[at]) {
    case '\n':
      state_ = State::kBroken;
      return at;
    case '"':
      in_string_ = false;
      break;
    default:
      escaped_ = true;
  }
  return at + 1;
}

void StructureScan::FeedSignificant(char c) {
  if (after_line_break_) {
    after_line_break_ = false;
    if (!MayFollowLineBreak(c)) {
      state_ = State::kBroken;
      return;
    }
  }
  if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    Open(c);
  } else if (c == '}' || c == ']') {
    Close(c);
  }
  previous_ = c;
}

bool StructureScan::MayFollowLineBreak(char c) const {
  if (c == '}' || c == ']' || c == ',' || c == ':') return true;
  if (previous_ == ':' || previous_ == '[') return true;
  if (previous_ != ',' && previous_ != '{') return false;
  const bool in_object = depth_ <= max_depth_ && open_.back() == '{';
  return !in_object || c == '"';
}

void StructureScan::Open(char c) {
  if (++depth_ <= max_depth_) open_.push_back(c);
}

void StructureScan::Close(char c) {
  if (depth_ <= max_depth_) {
    if (open_.back() != (c == '}' ? '{' : '[')) {
      state_ = State::kBroken;
      return;
    }
    open_.pop_back();
  }
  if (--depth_ == 0) state_ = State::kComplete;
}

}  // namespace octolake::event
