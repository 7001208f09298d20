// Finds where a JSON object ends by its quotes and brackets alone, in pieces of any size.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace octolake::event {

// An object may span lines, but what cannot be JSON ends the scan early, so that a damaged line
// does not swallow the lines after it: a line break inside a string, a bracket closed by the wrong
// one, and a line that begins with something which may not follow the line before.
class StructureScan {
 public:
  enum class State { kInside, kComplete, kBroken };

  // Brackets nested deeper than `max_depth` are counted but not told apart.
  explicit StructureScan(int max_depth);

  void Reset();

  // Takes the next bytes, the first of all being the object's '{', and returns how many belong to
  // it: all while it is inside, up to the closing bracket when it is complete, up to but without
  // the byte that broke it.
  size_t Feed(std::string_view bytes);
  State state() const { return state_; }

 private:
  size_t FeedString(std::string_view bytes, size_t at);
  void FeedSignificant(char c);
  bool MayFollowLineBreak(char c) const;
  void Open(char c);
  void Close(char c);

  size_t max_depth_;
  State state_ = State::kInside;
  bool in_string_ = false;
  bool escaped_ = false;
  bool after_line_break_ = false;
  char previous_ = '\0';  // the last character outside strings that is not white space
  size_t depth_ = 0;
  std::vector<char> open_;  // opening brackets, up to max_depth_
};

}  // namespace octolake::event
