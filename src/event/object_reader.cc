#include "event/object_reader.h"

#include "event/event_parser.h"

namespace octolake::event {
namespace {

std::string DeeperThan(int max_depth) {
  return "nested deeper than " + std::to_string(max_depth) + " levels";
}

}  // namespace

std::string DescribeProblem(const JsonProblem& problem, int max_depth) {
  const std::string at = " at byte " + std::to_string(problem.position);
  switch (problem.kind) {
    case JsonProblem::Kind::kInvalidUtf8:
      return "invalid UTF-8" + at;
    case JsonProblem::Kind::kTooDeep:
      return DeeperThan(max_depth);
    case JsonProblem::Kind::kInvalidJson:
      return "invalid JSON" + at + ": " + problem.what;
    case JsonProblem::Kind::kNone:
      break;
  }
  return "";
}

// Parses a document, finding its real end if the line was not one document.
Result<JsonProblem> ObjectReader::Parse(Document* document) {
  JsonProblem problem = index_.Parse(document->text);
  if (problem && document->kind == Document::Kind::kLine) {
    OCTO_TRY(documents_.Rescan(document));
    if (document->kind == Document::Kind::kTooLong) return problem;
    problem = index_.Parse(document->text);
  }
  if (problem && document->kind == Document::Kind::kScanned) {
    const size_t size = document->text.size();
    OCTO_TRY(documents_.Discard(document));
    if (document->text.size() != size) problem = index_.Parse(document->text);
  }
  return problem;
}

Result<bool> ObjectReader::Next(Item* item) {
  Document& document = item->document;
  OCTO_ASSIGN(const bool found, documents_.Next(&document));
  if (!found) return false;
  using Kind = Document::Kind;
  JsonProblem problem;
  if (document.kind != Kind::kTooLong) {
    OCTO_ASSIGN(problem, Parse(&document));
  }
  const bool object = document.kind == Kind::kLine || document.kind == Kind::kScanned;
  if (!object || problem) {
    item->problem = ReasonOf(document, problem);
    return true;
  }
  item->problem.clear();
  if (!index_.only_root()) {
    document.text = document.text.substr(0, index_.root_end());
    documents_.Shorten(document.text.size());
  }
  return true;
}

std::string ObjectReader::ReasonOf(const Document& document, const JsonProblem& problem) const {
  switch (document.kind) {
    case Document::Kind::kTooLong:
      return "longer than " + std::to_string(limits_.max_document_bytes) + " bytes";
    case Document::Kind::kUnclosedArray:
      return "the array that begins here has no end";
    case Document::Kind::kDeepArray:
      return DeeperThan(limits_.max_depth);
    case Document::Kind::kUnterminated:
      if (problem.kind == JsonProblem::Kind::kInvalidUtf8 ||
          problem.kind == JsonProblem::Kind::kTooDeep) {
        break;
      }
      return "the input ends inside this document";
    default:
      break;
  }
  if (problem) return DescribeProblem(problem, limits_.max_depth);
  if (index_.only_root() && !index_.root().IsObject()) return kNotAnObject;
  return "invalid JSON at byte " + std::to_string(index_.root_end()) +
         ": expected the end of the document";
}

}  // namespace octolake::event
