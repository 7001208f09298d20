#include "event/avro_json.h"

#include <cmath>
#include <cstdio>
#include <string_view>

#include "event/json_index.h"

namespace octolake::event {
namespace {

using avro::MapEntry;
using avro::Schema;
using avro::Type;
using avro::Value;

void Append(const Schema& schema, const Value& value, std::string* out);

std::string NumberText(double number) {
  if (!std::isfinite(number)) {
    return std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
  char text[32];  // 17 digits, a sign, a point and an exponent
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

// `one` appends the element at a position.
template <typename One>
void AppendAll(size_t count, const char* brackets, std::string* out, const One& one) {
  *out += brackets[0];
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) *out += ',';
    one(i);
  }
  *out += brackets[1];
}

void AppendContainer(const Schema& schema, const Value& value, std::string* out) {
  if (const auto* fields = value.IfRecord()) {
    AppendAll(fields->size(), "{}", out, [&](size_t i) {
      AppendJsonString(schema.fields[i].name, out);
      *out += ':';
      Append(*schema.fields[i].schema, (*fields)[i], out);
    });
  } else if (const auto* entries = value.IfMap()) {
    AppendAll(entries->size(), "{}", out, [&](size_t i) {
      AppendJsonString((*entries)[i].key, out);
      *out += ':';
      Append(*schema.items, (*entries)[i].value, out);
    });
  } else if (const auto* items = value.IfArray()) {
    AppendAll(items->size(), "[]", out, [&](size_t i) { Append(*schema.items, (*items)[i], out); });
  }
}

void Append(const Schema& schema, const Value& value, std::string* out) {
  if (schema.type == Type::kUnion) {
    return Append(*schema.branches[static_cast<size_t>(value.branch())], value, out);
  }
  if (schema.type == Type::kNamed) return Append(*schema.named.lock(), value, out);
  if (const std::string* text = value.IfString() ? value.IfString() : value.IfBytes()) {
    AppendJsonString(*text, out);
  } else if (const auto symbol = value.IfEnum()) {
    AppendJsonString(schema.symbols[static_cast<size_t>(*symbol)], out);
  } else if (const auto flag = value.IfBoolean()) {
    *out += *flag ? "true" : "false";
  } else if (const auto integer = value.IfInteger()) {
    *out += std::to_string(*integer);
  } else if (const auto real = value.IfReal()) {
    *out += NumberText(*real);
  } else if (value.IsNull()) {
    *out += "null";
  } else {
    AppendContainer(schema, value, out);
  }
}

}  // namespace

std::string JsonOfAvro(const Schema& schema, const Value& value) {
  std::string out;
  Append(schema, value, &out);
  return out;
}

}  // namespace octolake::event
