#include "base/arguments.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace octolake {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kOfAShell = "$`|&;<>()*?";

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  Result<std::vector<std::string>> Split() {
    while (at_ < line_.size()) OCTO_TRY(TakeOne());
    EndWord();
    return std::move(words_);
  }

 private:
  std::string& Word() {
    if (!word_) word_.emplace();
    return *word_;
  }
  void EndWord() {
    if (word_) words_.push_back(*std::exchange(word_, std::nullopt));
  }
  Status TakeOne() {
    const char c = line_[at_];
    if (kSpaces.find(c) != std::string_view::npos) {
      EndWord();
      ++at_;
      return {};
    }
    if (c == '\'' || c == '"') return TakeQuoted(c);
    if (c == '\\') {
      if (at_ + 1 == line_.size()) return Refuse("a \\ at the end, with nothing behind it");
      ++at_;
    } else if (kOfAShell.find(c) != std::string_view::npos) {
      return Refuse(std::string("a ") + c +
                    " outside quotes: no shell reads this; quote it, or call sh -c '...'");
    }
    Word() += line_[at_++];
    return {};
  }
  Status TakeQuoted(char quote) {
    Word();  // also of nothing
    const size_t begin = at_;
    for (++at_; at_ < line_.size(); ++at_) {
      if (line_[at_] == quote) {
        ++at_;
        return {};
      }
      const char next = at_ + 1 < line_.size() ? line_[at_ + 1] : '\0';
      if (quote == '"' && line_[at_] == '\\' && (next == '"' || next == '\\')) ++at_;
      Word() += line_[at_];
    }
    at_ = begin;
    return Refuse(std::string("a ") + quote + " that does not end");
  }
  tl::unexpected<Error> Refuse(const std::string& what) const {
    return MakeError(ErrorKind::kInvalidArgument,
                     "at character " + std::to_string(at_ + 1) + " there is " + what);
  }

  const std::string_view line_;
  size_t at_ = 0;
  std::optional<std::string> word_;
  std::vector<std::string> words_;
};

bool IsPlain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("-_=+,./:@%").find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string Quoted(const std::string& argument) {
  if (!argument.empty() && std::all_of(argument.begin(), argument.end(), IsPlain)) return argument;
  std::string text = "'";
  for (const char c : argument) {
    if (c == '\'') {
      text += "'\\''";
    } else {
      text += c;
    }
  }
  return text + "'";
}

}  // namespace

Result<std::vector<std::string>> SplitArguments(std::string_view line) {
  return Splitter(line).Split();
}

std::string JoinArguments(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments)
    line += (line.empty() ? "" : " ") + Quoted(argument);
  return line;
}

}  // namespace octolake
