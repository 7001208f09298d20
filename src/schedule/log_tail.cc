#include "schedule/log_tail.h"

namespace octolake::schedule {
namespace {

bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string LastLines(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  size_t start = text.size() - limit;
  // The line that begins there is whole if another ends before it.
  const size_t line_end = text.find('\n', start - 1);
  if (line_end != std::string_view::npos && line_end + 1 < text.size()) {
    start = line_end + 1;
  } else {
    while (start < text.size() && ContinuesCharacter(text[start])) ++start;
  }
  return std::string(text.substr(start));
}

void LogTail::Add(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (text.size() > 2 * limit_) text = text.substr(text.size() - 2 * limit_);
  text_ += text;
  if (text_.size() > 2 * limit_) text_ = LastLines(text_, limit_);
}

std::string LogTail::Text() const {
  const std::lock_guard lock(mutex_);
  return LastLines(text_, limit_);
}

}  // namespace octolake::schedule
