// Avro's binary encoding (specification 1.12.0, "Binary Encoding").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "avro/schema.h"
#include "avro/value.h"
#include "base/result.h"

namespace octolake::avro {

// Zig-zag, 7 bits a byte, least significant first.
void AppendLong(int64_t value, std::string& out);

// Appends `value` as `schema` says. kInvalidArgument, naming the field's path, if the value does
// not fit the schema; `out` then has a part of it. An int value is accepted for a long.
Status Encode(const Schema& schema, const Value& value, std::string& out);

// What a reader wants of a datum, without a Value of it.
struct WantedFields {
  std::optional<size_t> place;  // in the views, of the datum itself; nullopt: it is not wanted
  // If it is a record: of its fields, in their order; there may be fewer.
  std::vector<WantedFields> fields;
};

// A datum where it stands among the bytes.
struct FieldView {
  Type type = Type::kNull;  // of a union that of the branch; never kUnion or kNamed
  int64_t integer = 0;      // of a boolean (0 or 1), an int, a long or an enum
  std::string_view text;    // of a string, bytes or a fixed
};

// Reads values one after another from bytes that must stay alive. Every length and count is checked
// against what is left, so that memory is bounded by a small multiple of the input: values that
// take no bytes (null, an empty record) may come about 1,048,576 times in a datum, and values
// nest at most 64 deep. Anything else than a valid encoding is kCorruption, with the path of the
// field and the position.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes, size_t position = 0)
      : bytes_(bytes), position_(position) {}

  // Takes what is decoded from now on, values within values included, from what `left` has, which
  // must outlive the decoder; kResourceExhausted when it has not enough. A value of one byte takes
  // some fifty bytes of memory.
  void LimitValues(int64_t* left) { values_left_ = left; }

  Result<Value> Decode(const Schema& schema);

  // Reads one datum as Decode does, within the same limits and to the same errors, but only what is
  // wanted of it is kept: `views` has each at its place, and the null value where the datum has no
  // such field. Every place must be in `views`. A field of a union is wanted of any branch.
  Status Read(const Schema& schema, const WantedFields& wanted, std::span<FieldView> views);

  // The pieces of which containers are made.
  Result<int64_t> ReadLong();
  Result<std::string_view> ReadBytes();              // a long, then so many bytes
  Result<std::string_view> ReadRaw(int64_t length);  // so many bytes

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

 private:
  friend class DatumDecoder;
  std::string_view bytes_;
  size_t position_;
  int64_t* values_left_ = nullptr;  // null: no limit
};

}  // namespace octolake::avro
