#include "event/avro_json.h"

#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

#include "event/json_index.h"

namespace octolake::event {
namespace {

using avro::Schema;
using avro::Type;
using avro::Value;

std::string NumberText(double number) {
  if (!std::isfinite(number)) {
    return std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
  char text[32];  // 17 digits, a sign, a point and an exponent
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

class Writer {
 public:
  explicit Writer(size_t most) : most_(most) {}

  std::optional<std::string> Write(const Schema& schema, const Value& value) && {
    Append(schema, value);
    if (!HasRoom()) return std::nullopt;
    return std::move(out_);
  }

 private:
  bool HasRoom() const { return !too_long_ && out_.size() <= most_; }

  // Escaped, a text takes six times its length at most.
  void AppendText(std::string_view text) {
    too_long_ = too_long_ || text.size() > most_;
    if (HasRoom()) AppendJsonString(text, &out_);
  }

  // `one` appends the element at a position. Stops when there is too much already.
  template <typename One>
  void AppendAll(size_t count, const char* brackets, const One& one) {
    out_ += brackets[0];
    for (size_t i = 0; i < count && HasRoom(); ++i) {
      if (i > 0) out_ += ',';
      one(i);
    }
    out_ += brackets[1];
  }

  void AppendContainer(const Schema& schema, const Value& value) {
    if (const auto* fields = value.IfRecord()) {
      AppendAll(fields->size(), "{}", [&](size_t i) {
        AppendText(schema.fields[i].name);
        out_ += ':';
        Append(*schema.fields[i].schema, (*fields)[i]);
      });
    } else if (const auto* entries = value.IfMap()) {
      AppendAll(entries->size(), "{}", [&](size_t i) {
        AppendText((*entries)[i].key);
        out_ += ':';
        Append(*schema.items, (*entries)[i].value);
      });
    } else if (const auto* items = value.IfArray()) {
      AppendAll(items->size(), "[]", [&](size_t i) { Append(*schema.items, (*items)[i]); });
    }
  }

  void Append(const Schema& schema, const Value& value) {
    if (schema.type == Type::kUnion) {
      return Append(*schema.branches[static_cast<size_t>(value.branch())], value);
    }
    if (schema.type == Type::kNamed) return Append(*schema.named.lock(), value);
    if (const std::string* text = value.IfString() ? value.IfString() : value.IfBytes()) {
      AppendText(*text);
    } else if (const auto symbol = value.IfEnum()) {
      AppendText(schema.symbols[static_cast<size_t>(*symbol)]);
    } else if (const auto flag = value.IfBoolean()) {
      out_ += *flag ? "true" : "false";
    } else if (const auto integer = value.IfInteger()) {
      out_ += std::to_string(*integer);
    } else if (const auto real = value.IfReal()) {
      out_ += NumberText(*real);
    } else if (value.IsNull()) {
      out_ += "null";
    } else {
      AppendContainer(schema, value);
    }
  }

  const size_t most_;
  std::string out_;
  bool too_long_ = false;
};

}  // namespace

std::optional<std::string> JsonOfAvro(const Schema& schema, const Value& value, size_t most) {
  return Writer(most).Write(schema, value);
}

}  // namespace octolake::event
