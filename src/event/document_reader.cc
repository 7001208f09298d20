#include "event/document_reader.h"

#include <algorithm>

#include "event/json_index.h"

namespace octolake::event {
namespace {

// Beyond this no line end is searched for: many documents may stand on the line.
constexpr size_t kLongLineBytes = size_t{1} << 20;
// Between documents on a line; more is taken for the end of the line.
constexpr size_t kMaxBlanks = 4096;
constexpr std::string_view kNextDocument = "}{\"";

std::string_view TrimRight(std::string_view text, std::string_view characters) {
  const size_t last = text.find_last_not_of(characters);
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// Whether a quote in the string that begins the text is one of its characters. An even number of
// backslashes before it stand for characters themselves.
bool IsEscaped(std::string_view text, size_t at) {
  size_t first = at;
  while (first > 1 && text[first - 1] == '\\') --first;
  return text[at] == '"' && (at - first) % 2 == 1;
}

}  // namespace

DocumentReader::DocumentReader(std::unique_ptr<io::ByteSource> input, const DocumentLimits& limits)
    : window_(std::move(input)), limits_(limits), scan_(limits.max_depth) {}

void DocumentReader::Take(Document* document, Document::Kind kind, size_t size) {
  document->kind = kind;
  document->text = window_.ahead().substr(0, size);
  taken_ = size;
}

Result<bool> DocumentReader::Next(Document* document) {
  window_.Advance(taken_);
  taken_ = 0;
  OCTO_ASSIGN(const bool found, SkipFraming());
  document->ordinal = ordinal_;
  if (!found) {
    if (array_depth_ == 0) return false;
    array_depth_ = 0;
    kept_.assign("[").append(kJsonPadding, '\0');
    document->kind = Document::Kind::kUnclosedArray;
    document->text = std::string_view(kept_).substr(0, 1);
    document->byte_offset = array_offset_;
    ++ordinal_;
    return true;
  }
  ++ordinal_;
  document->byte_offset = window_.offset();
  if (array_depth_ > limits_.max_depth) {
    array_depth_ = 0;
    OCTO_TRY(TakeText(document));
    if (document->kind == Document::Kind::kText) document->kind = Document::Kind::kDeepArray;
  } else if (window_.ahead().front() == '{') {
    OCTO_ASSIGN(const bool guessed, GuessLine(document));
    if (!guessed) OCTO_TRY(Scan(document));
  } else if (line_start_ && array_depth_ == 0) {
    OCTO_TRY(TakeText(document));
  } else {
    OCTO_TRY(TakeToken(document));
  }
  line_start_ = false;
  return true;
}

// Moves to the first character of a document; false at the end of the input.
Result<bool> DocumentReader::SkipFraming() {
  for (;;) {
    const std::string_view ahead = window_.ahead();
    size_t at = 0;
    bool found = false;
    for (; at < ahead.size() && !found; ++at) {
      const char c = ahead[at];
      if (c == '\n') {
        line_start_ = true;
        several_on_line_ = false;
      } else if (c == '[') {
        if (array_depth_++ == 0) array_offset_ = window_.offset() + static_cast<int64_t>(at);
        found = array_depth_ > limits_.max_depth;
      } else if (c == ']' && array_depth_ > 0) {
        --array_depth_;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != ',') {
        found = true;
      }
    }
    if (found) --at;
    window_.Advance(at);
    if (found && !(line_start_ && window_.ahead().front() == kUtf8Mark[0])) return true;
    if (!found || window_.ahead().size() < kUtf8Mark.size()) {
      OCTO_ASSIGN(const bool more, window_.More());
      if (!more) return found;
      continue;
    }
    if (!window_.ahead().starts_with(kUtf8Mark)) return true;
    window_.Advance(kUtf8Mark.size());
  }
}

// How far damage that begins at the position goes: to the line's end, or to the beginning of the
// next document on it. Beyond max_document_bytes the search ends.
Result<size_t> DocumentReader::FindDamageEnd(bool* at_document) {
  size_t searched = 0;
  *at_document = false;
  for (;;) {
    const std::string_view ahead = window_.ahead();
    const size_t end = std::min(ahead.find('\n', searched), ahead.size());
    const size_t from = searched < kNextDocument.size() ? 0 : searched - kNextDocument.size();
    const size_t next = ahead.substr(0, end).find(kNextDocument, from);
    if (next != std::string_view::npos && !longer_than_allowed(next + 1)) {
      *at_document = true;
      return next + 1;
    }
    searched = ahead.size();
    // As far as a document that begins within the limit could show itself.
    if (end < searched || longer_than_allowed(end - std::min(end, kNextDocument.size()))) {
      return end;
    }
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) return end;
  }
}

// The first line break from `from` on, or the end of the input. Beyond max_document_bytes the
// search ends.
Result<size_t> DocumentReader::FindLineEnd(size_t from) {
  for (;;) {
    const std::string_view ahead = window_.ahead();
    const size_t end = std::min(ahead.find('\n', from), ahead.size());
    if (end < ahead.size() || longer_than_allowed(end)) return end;
    from = end;
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) return end;
  }
}

Result<bool> DocumentReader::GuessLine(Document* document) {
  if (several_on_line_) return false;
  size_t searched = 0;
  size_t end = std::string_view::npos;
  for (;;) {
    const std::string_view ahead = window_.ahead();
    end = ahead.find('\n', searched);
    if (end != std::string_view::npos) break;
    searched = ahead.size();
    if (searched >= kLongLineBytes) {
      several_on_line_ = true;
      return false;
    }
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) {
      end = searched;
      break;
    }
  }
  const size_t size = TrimRight(window_.ahead().substr(0, end), " \t\r,").size();
  if (size == 0 || window_.ahead()[size - 1] != '}' || longer_than_allowed(size)) return false;
  Take(document, Document::Kind::kLine, size);
  return true;
}

Status DocumentReader::Rescan(Document* document) {
  several_on_line_ = true;
  return Scan(document);
}

void DocumentReader::Shorten(size_t size) {
  taken_ = size;
  several_on_line_ = true;
}

Status DocumentReader::Scan(Document* document) {
  scan_.Reset();
  size_t at = 0;
  for (;;) {
    at += scan_.Feed(window_.ahead().substr(at));
    if (longer_than_allowed(at)) return SkipLong(document);
    if (scan_.state() == StructureScan::State::kBroken) return Recover(document, at);
    if (scan_.state() == StructureScan::State::kComplete) {
      Take(document, Document::Kind::kScanned, at);
      return {};
    }
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) {
      OCTO_TRY(Recover(document, at));
      if (taken_ == window_.ahead().size() && document->kind == Document::Kind::kText) {
        document->kind = Document::Kind::kUnterminated;
      }
      return {};
    }
  }
}

// Takes damage that begins at the position and was noticed at `broken_at`.
Status DocumentReader::Recover(Document* document, size_t broken_at) {
  bool at_document = false;
  OCTO_ASSIGN(const size_t line_end, FindDamageEnd(&at_document));
  if (at_document) {
    Take(document, Document::Kind::kText, line_end);
    several_on_line_ = true;
    return {};
  }
  if (longer_than_allowed(line_end)) return SkipLine(document);
  size_t end = line_end;
  if (line_end < broken_at) {
    // Several lines: the first that begins with a bracket in its first column is a new document,
    // for whoever prints objects over several lines indents what is in them.
    end = window_.ahead().substr(0, broken_at + 1).find("\n{");
    if (end == std::string_view::npos) {
      OCTO_ASSIGN(end, FindLineEnd(broken_at));
    }
    if (longer_than_allowed(end)) {
      KeepBeginning(document);
      window_.Advance(broken_at);
      return SkipLine(nullptr);
    }
  }
  const size_t size = TrimRight(window_.ahead().substr(0, end), " \t\r\n").size();
  Take(document, Document::Kind::kText, size);
  taken_ = end;
  return {};
}

Status DocumentReader::Discard(Document* document) {
  if (document->kind != Document::Kind::kScanned) return {};
  const size_t size = document->text.size();
  OCTO_ASSIGN(const char c, NextSignificant(size));
  const bool whole = c == '\n' || c == '{' || c == ',' || (c == ']' && array_depth_ > 0);
  if (!whole) return Recover(document, size);
  Take(document, document->kind, size);
  return {};
}

// The first character from `at` on that is not blank; a line break if there is none nearby.
Result<char> DocumentReader::NextSignificant(size_t at) {
  for (;;) {
    const std::string_view behind = window_.ahead().substr(at, kMaxBlanks);
    const size_t next = behind.find_first_not_of(" \t\r");
    if (next != std::string_view::npos) return behind[next];
    if (behind.size() == kMaxBlanks) return '\n';
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) return '\n';
  }
}

void DocumentReader::KeepBeginning(Document* document) {
  document->kind = Document::Kind::kTooLong;
  // The window moves on at once, not with the next document.
  taken_ = 0;
  const auto size = static_cast<size_t>(limits_.max_rejected_bytes);
  kept_ = window_.ahead().substr(0, size);
  const size_t kept = kept_.size();
  kept_.append(kJsonPadding, '\0');
  document->text = std::string_view(kept_).substr(0, kept);
}

// Leaves the rest of a document behind as the scan goes on through it.
Status DocumentReader::SkipLong(Document* document) {
  KeepBeginning(document);
  scan_.Reset();
  for (;;) {
    const size_t used = scan_.Feed(window_.ahead());
    window_.Advance(used);
    if (scan_.state() == StructureScan::State::kComplete) return {};
    if (scan_.state() == StructureScan::State::kBroken) {
      // A bracket of the wrong kind: the rest of the line is damaged too.
      const char c = window_.ahead().front();
      if (c != '}' && c != ']') return {};
      return SkipLine(nullptr);
    }
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) return {};
  }
}

Status DocumentReader::SkipLine(Document* document) {
  if (document != nullptr) KeepBeginning(document);
  for (;;) {
    const size_t end = window_.ahead().find('\n');
    window_.Advance(std::min(end, window_.ahead().size()));
    if (end != std::string_view::npos) return {};
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) return {};
  }
}

Status DocumentReader::TakeText(Document* document) { return Recover(document, 0); }

// A value that is no object among documents: a string, or what comes before the next bracket,
// comma or line break.
Status DocumentReader::TakeToken(Document* document) {
  const bool string = window_.ahead().front() == '"';
  const std::string_view stops = string ? "\"\n" : "{[],\"\n";
  size_t at = 1;
  for (;;) {
    const std::string_view ahead = window_.ahead();
    at = std::min(ahead.find_first_of(stops, at), ahead.size());
    if (longer_than_allowed(at)) return SkipLine(document);
    if (at < ahead.size()) {
      if (!string || !IsEscaped(ahead, at)) break;
      ++at;
      continue;
    }
    OCTO_ASSIGN(const bool more, window_.More());
    if (!more) break;
  }
  if (string && at < window_.ahead().size() && window_.ahead()[at] == '"') ++at;
  const size_t size = TrimRight(window_.ahead().substr(0, at), " \t\r").size();
  Take(document, Document::Kind::kText, size);
  taken_ = at;
  return {};
}

}  // namespace octolake::event
