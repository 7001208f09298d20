// A schema's JSON up to a NUL byte, then data of it: what can be read is written and read again as
// the same, and views are of the same values.
#include <string>
#include <string_view>

#include "avro/binary.h"
#include "avro/schema.h"
#include "avro/views_for_test.h"
#include "base/fuzz.h"

namespace octolake::avro {
namespace {

void CheckData(const Schema& schema, std::string_view data) {
  // A value that takes few bytes can take a second.
  constexpr int kMaxValues = 3;
  constexpr int64_t kFewValues = 20;
  Decoder decoder(data);
  for (int i = 0; i < kMaxValues && decoder.remaining() > 0; ++i) {
    const std::string_view rest = data.substr(decoder.position());
    for (const int64_t most : {kFewValues, int64_t{1} << 40}) {
      const std::string difference = DifferenceOfViews(schema, rest, most);
      fuzz::Check(difference.empty(), "views of another value", difference);
    }
    const auto value = decoder.Decode(schema);
    if (!value) return;
    std::string encoded;
    fuzz::Check(Encode(schema, *value, encoded).has_value(), "what was read cannot be written");
    Decoder again(encoded);
    const Value same = fuzz::Value(again.Decode(schema), "what was written cannot be read");
    fuzz::Check(again.remaining() == 0, "bytes behind what was written");
    std::string encoded_again;
    fuzz::Check(Encode(schema, same, encoded_again).has_value(), "it cannot be written twice");
    // Compared as bytes, since NaN is no equal of itself.
    fuzz::Check(encoded == encoded_again, "read back as another value");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const auto schema = ParseSchema(input.Text());
  if (!schema) return 0;
  const std::string json = ToJson(**schema);
  const auto again = fuzz::Value(ParseSchema(json), "a printed schema cannot be parsed");
  fuzz::Check(ToJson(*again) == json, "a schema is printed in another way", json);
  CheckData(**schema, input.Rest());
  CheckData(*again, input.Rest());
  return 0;
}

}  // namespace octolake::avro
