// The last lines of a log.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

namespace octolake::schedule {

// The last whole lines of `text` that are no more than `limit` bytes; of a longer last line its
// end.
std::string LastLines(std::string_view text, size_t limit);

// Thread-safe.
class LogTail {
 public:
  explicit LogTail(size_t limit) : limit_(limit) {}
  void Add(std::string_view text);
  std::string Text() const;

 private:
  const size_t limit_;
  mutable std::mutex mutex_;
  std::string text_;  // up to twice the limit, so that it is seldom moved
};

}  // namespace octolake::schedule
