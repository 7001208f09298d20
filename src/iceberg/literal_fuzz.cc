// A type's name up to a NUL byte, a transform up to a NUL byte, then a value's bytes: decoded,
// encoded, shown, cut and transformed.
#include <compare>
#include <string>
#include <string_view>

#include "base/fuzz.h"
#include "iceberg/literal.h"
#include "iceberg/literal_avro.h"
#include "iceberg/partition.h"
#include "iceberg/utf8.h"

namespace octolake::iceberg {
namespace {

void CheckCut(const std::string& text) {
  for (const int code_points : {1, 4, 16}) {
    const std::string lower = TruncateLower(text, code_points);
    fuzz::Check(lower.size() <= text.size() && lower <= text, "a lower bound above", text);
    const auto upper = TruncateUpper(text, code_points);
    fuzz::Check(!upper || *upper >= text, "an upper bound below", text);
  }
}

void CheckAvro(const Type& type, const Literal& value) {
  const auto datum = fuzz::Value(LiteralToAvro(type, value), "a value that Avro cannot hold");
  const auto same = fuzz::Value(LiteralFromAvro(type, datum), "a value that Avro loses");
  fuzz::Check(std::is_eq(CompareLiterals(same, value)), "another value from Avro");
}

void CheckTransform(const TypePtr& type, const Literal& value, std::string_view name) {
  const auto transform = Transform::Parse(name);
  if (!transform) return;
  fuzz::Check(fuzz::Value(Transform::Parse(transform->ToString()), "no transform") == *transform,
              "another transform from its name", name);
  const auto result_type = transform->ResultType(type);
  const auto result = transform->Apply(*type, value);
  fuzz::Check(result_type || !result, "a value of no type");
  if (!result || !*result) return;
  fuzz::Check(EncodeLiteral(**result_type, **result).has_value() ||
                  transform->kind == Transform::Kind::kTruncate,
              "a value of another type");
  PartitionSpec spec;
  spec.fields.push_back({.source_id = 1, .field_id = 1000, .name = "p", .transform = *transform});
  Type partition;
  partition.id = TypeId::kStruct;
  Field& field = partition.fields.emplace_back();
  field.name = "p";
  field.type = *result_type;
  fuzz::Check(PartitionPath(spec, partition, {*result}).find('/') == std::string::npos,
              "a path of two levels");
}

void Run(std::string_view type_name, std::string_view transform, std::string_view bytes) {
  AvroName(bytes);
  const auto type = ParsePrimitiveType(type_name);
  if (!type) return;
  fuzz::Check(*fuzz::Value(ParsePrimitiveType(TypeName(**type)), "no type") == **type,
              "another type from its name", type_name);
  const auto value = DecodeLiteral(**type, bytes);
  if (!value) return;
  const std::string encoded = fuzz::Value(EncodeLiteral(**type, *value), "it cannot be encoded");
  const Literal same = fuzz::Value(DecodeLiteral(**type, encoded), "it cannot be decoded");
  fuzz::Check(std::is_eq(CompareLiterals(same, *value)), "another value");
  LiteralText(**type, *value);
  CheckAvro(**type, *value);
  CheckTransform(*type, *value, transform);
  if ((*type)->id == TypeId::kString) CheckCut(encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const std::string type = input.Text();
  const std::string transform = input.Text();
  Run(type, transform, input.Rest());
  return 0;
}

}  // namespace octolake::iceberg
