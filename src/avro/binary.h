// Avro's binary encoding (specification 1.12.0, "Binary Encoding").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "avro/schema.h"
#include "avro/value.h"
#include "base/result.h"

namespace octolake::avro {

// Zig-zag, 7 bits a byte, least significant first.
void AppendLong(int64_t value, std::string& out);

// Appends `value` as `schema` says. kInvalidArgument, naming the field's path, if the value does
// not fit the schema; `out` then has a part of it. An int value is accepted for a long.
Status Encode(const Schema& schema, const Value& value, std::string& out);

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

  // The pieces of which containers are made.
  Result<int64_t> ReadLong();
  Result<std::string_view> ReadBytes();              // a long, then so many bytes
  Result<std::string_view> ReadRaw(int64_t length);  // so many bytes

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

 private:
  friend class ValueDecoder;
  std::string_view bytes_;
  size_t position_;
  int64_t* values_left_ = nullptr;  // null: no limit
};

}  // namespace octolake::avro
