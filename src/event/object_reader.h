// Reads an input's JSON objects one by one, whatever the framing, and says of what is none why.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "event/document_reader.h"
#include "event/json_index.h"
#include "io/byte_source.h"

namespace octolake::event {

// Memory is bounded by the limits. Not thread-safe.
class ObjectReader {
 public:
  ObjectReader(std::unique_ptr<io::ByteSource> input, const DocumentLimits& limits)
      : limits_(limits), documents_(std::move(input), limits), index_(limits.max_depth) {}

  struct Item {
    Document document;
    std::string problem;  // empty: a valid object, which index() has parsed
  };
  // The next document, good until the next call; false at the end. An error of the input is final.
  Result<bool> Next(Item* item);

  const JsonIndex& index() const { return index_; }

 private:
  Result<JsonProblem> Parse(Document* document);
  std::string ReasonOf(const Document& document, const JsonProblem& problem) const;

  DocumentLimits limits_;
  DocumentReader documents_;
  JsonIndex index_;
};

// "invalid JSON at byte 7: …", of a text that Parse has refused.
std::string DescribeProblem(const JsonProblem& problem, int max_depth);

}  // namespace octolake::event
