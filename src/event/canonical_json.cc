#include "event/canonical_json.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace octolake::event {
namespace {

// Code points in the order of their UTF-16 code units: those beyond the Basic Multilingual Plane
// are written with surrogates (D800..DFFF) and so come before E000..FFFF. In UTF-8 that is a matter
// of the lead byte alone: F0..F4 sort before EE and EF, after all others.
int LeadRank(uint8_t byte) {
  if (byte >= 0xf0) return byte - 2;
  if (byte >= 0xee) return byte + 5;
  return byte;
}

bool Utf16Less(const std::string& a, const std::string& b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  return LeadRank(static_cast<uint8_t>(*x)) < LeadRank(static_cast<uint8_t>(*y));
}

struct KeyedValue {
  std::string key;
  JsonValue value;
};

void AppendObject(const JsonIndex& index, const JsonValue& object, std::string* out) {
  std::vector<JsonMember> members;
  index.Members(object, &members);
  std::vector<KeyedValue> sorted(members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    AppendUnescaped(members[i].key, Surrogates::kKeep, &sorted[i].key);
    sorted[i].value = members[i].value;
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const KeyedValue& a, const KeyedValue& b) {
    return Utf16Less(a.key, b.key);
  });
  out->push_back('{');
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(sorted[i].key, out);
    out->push_back(':');
    AppendCanonicalJson(index, sorted[i].value, out);
  }
  out->push_back('}');
}

void AppendArray(const JsonIndex& index, const JsonValue& array, std::string* out) {
  std::vector<JsonValue> elements;
  index.Elements(array, &elements);
  out->push_back('[');
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendCanonicalJson(index, elements[i], out);
  }
  out->push_back(']');
}

}  // namespace

void AppendCanonicalJson(const JsonIndex& index, const JsonValue& value, std::string* out) {
  switch (value.raw.front()) {
    case '{':
      return AppendObject(index, value, out);
    case '[':
      return AppendArray(index, value, out);
    case '"': {
      if (value.raw.find('\\') == std::string_view::npos) {
        *out += value.raw;
        return;
      }
      std::string text;
      AppendUnescaped(value.Inner(), Surrogates::kKeep, &text);
      return AppendJsonString(text, out);
    }
    case 't':
    case 'f':
    case 'n':
      *out += value.raw;
      return;
    default:
      *out += CanonicalNumber(value.raw);
  }
}

Result<std::string> CanonicalJson(std::string_view json, int max_depth) {
  std::string padded(json);
  padded.append(kJsonPadding, ' ');
  JsonIndex index(max_depth);
  if (const JsonProblem problem = index.Parse({padded.data(), json.size()})) {
    return MakeError(ErrorKind::kInvalidArgument, "not valid JSON at byte " +
                                                      std::to_string(problem.position) + ": " +
                                                      std::string(problem.what));
  }
  if (!index.only_root()) {
    return MakeError(
        ErrorKind::kInvalidArgument,
        "expected one JSON value, found more after byte " + std::to_string(index.root_end()));
  }
  std::string out;
  out.reserve(json.size());
  AppendCanonicalJson(index, index.root(), &out);
  return out;
}

}  // namespace octolake::event
