// Any bytes as one JSON text: accepted as simdjson's own parser does, and canonical in one step.
#include <simdjson.h>

#include <charconv>
#include <string>
#include <string_view>

#include "base/fuzz.h"
#include "event/canonical_json.h"
#include "event/json_index.h"

namespace octolake::event {
namespace {

constexpr int kMaxDepth = 64;

enum class Verdict { kValid, kInvalid, kUnknown };

// What simdjson's document parser says. It refuses numbers beyond its types and surrogates without
// their pair, both of which are well-formed JSON.
Verdict AskSimdjson(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  switch (parser.parse(simdjson::padded_string(json)).get(root)) {
    case simdjson::SUCCESS:
      return Verdict::kValid;
    case simdjson::NUMBER_ERROR:
    case simdjson::BIGINT_ERROR:
    case simdjson::STRING_ERROR:
    case simdjson::DEPTH_ERROR:
      return Verdict::kUnknown;
    default:
      return Verdict::kInvalid;
  }
}

void CheckVerdict(std::string_view json, const Result<std::string>& canonical) {
  // It takes a mark that RFC 8259 says must not be there.
  if (json.starts_with("\xef\xbb\xbf")) return;
  const Verdict verdict = AskSimdjson(json);
  if (verdict == Verdict::kUnknown) return;
  JsonIndex index(kMaxDepth);
  std::string padded(json);
  padded.append(kJsonPadding, '\0');
  const JsonProblem problem = index.Parse({padded.data(), json.size()});
  if (problem.kind == JsonProblem::Kind::kTooDeep) return;
  fuzz::Check(problem.position <= json.size(), "a problem behind the end of the text");
  fuzz::Check((verdict == Verdict::kValid) == canonical.has_value(),
              canonical ? "accepted what simdjson refuses" : "refused what simdjson accepts", json);
}

// A number as its literal and in canonical form is the same double, or keeps its digits.
void CheckNumber(std::string_view literal) {
  const std::string canonical = CanonicalNumber(literal);
  fuzz::Check(CanonicalNumber(canonical) == canonical, "a number is not canonical", canonical);
  double before = 0;
  double after = 0;
  const auto read = [](std::string_view text, double* value) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
    fuzz::Check(parsed.ptr == text.data() + text.size(), "a number that is none", text);
    return parsed.ec == std::errc();
  };
  fuzz::Check(read(literal, &before) == read(canonical, &after), "a number changed its range",
              canonical);
  fuzz::Check(before == after, "a number changed its value", canonical);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto canonical = CanonicalJson(json, kMaxDepth);
  CheckVerdict(json, canonical);
  if (!canonical) return 0;
  fuzz::Check(fuzz::Value(CanonicalJson(*canonical), "canonical JSON is no JSON") == *canonical,
              "canonical JSON is not canonical", *canonical);
  const bool number =
      canonical->front() == '-' || (canonical->front() >= '0' && canonical->front() <= '9');
  if (number) {
    const size_t begin = json.find_first_not_of(" \t\r\n");
    CheckNumber(json.substr(begin, json.find_last_not_of(" \t\r\n") + 1 - begin));
  }
  return 0;
}

}  // namespace octolake::event
