// Cuts an input into JSON documents: lines, concatenated objects, elements of arrays,
// pretty-printed or not, in any mixture. Commas and the brackets of arrays around documents are
// framing and are left out, as are a byte order mark and white space.
//
// The reader looks at quotes and brackets, the caller parses; together they find where a document
// ends. A line is guessed to be one document, which is right nearly always and costs one search for
// its end. The caller says when the guess was wrong (Rescan, Shorten) or the document is no JSON
// (Discard). What is damaged becomes one document up to the end of its line, or up to `}{"`, which
// no valid document holds outside a string; reading goes on behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "event/structure_scan.h"
#include "event/text_window.h"

namespace octolake::event {

struct Document {
  enum class Kind {
    kLine,           // a whole line that looks like one object
    kScanned,        // an object by its brackets
    kText,           // anything else, up to where documents may begin again
    kTooLong,        // longer than max_document_bytes; text is its beginning
    kUnterminated,   // the input ended inside it
    kUnclosedArray,  // the input ended inside an array that began here; text is its bracket
    kDeepArray,      // more arrays around documents than max_depth, with the rest of the line
  };
  Kind kind = Kind::kLine;
  std::string_view text;    // good until the next call; kJsonPadding bytes after it are readable
  int64_t ordinal = 0;      // documents before it in the input
  int64_t byte_offset = 0;  // of its first byte in the (decompressed) input
};

struct DocumentLimits {
  int64_t max_document_bytes;
  int64_t max_rejected_bytes;
  int max_depth;
};

// Memory is bounded by max_document_bytes. Not thread-safe.
class DocumentReader {
 public:
  DocumentReader(std::unique_ptr<io::ByteSource> input, const DocumentLimits& limits);

  // The next document; false at the end. After an error of the input, which is final, the document
  // in which it happened is not given.
  Result<bool> Next(Document* document);

  // The next three change the document given last. Its text moves.

  // Of a kLine that could not be parsed: looks for its end by its brackets.
  Status Rescan(Document* document);
  // Of a kLine or kScanned: only its first `size` bytes were one document, more follows.
  void Shorten(size_t size);
  // Of a kScanned that could not be parsed: takes what belongs to the damage.
  Status Discard(Document* document);

 private:
  Result<bool> SkipFraming();
  Result<bool> GuessLine(Document* document);
  Status Scan(Document* document);
  Status Recover(Document* document, size_t broken_at);
  Status SkipLong(Document* document);
  Status SkipLine(Document* document);
  Status TakeText(Document* document);
  Status TakeToken(Document* document);
  Result<size_t> FindDamageEnd(bool* at_document);
  Result<size_t> FindLineEnd(size_t from);
  Result<char> NextSignificant(size_t at);
  void KeepBeginning(Document* document);
  void Take(Document* document, Document::Kind kind, size_t size);
  bool longer_than_allowed(size_t size) const {
    return static_cast<int64_t>(size) > limits_.max_document_bytes;
  }

  TextWindow window_;
  DocumentLimits limits_;
  StructureScan scan_;
  int64_t ordinal_ = 0;
  size_t taken_ = 0;              // bytes of the last document, still ahead in the window
  bool line_start_ = true;        // no document began on this line yet
  bool several_on_line_ = false;  // this line is known not to be one document
  int array_depth_ = 0;
  int64_t array_offset_ = 0;  // of the outermost open array
  std::string kept_;          // the beginning of a document that is too long
};

}  // namespace octolake::event
