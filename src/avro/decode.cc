#include <algorithm>
#include <bit>
#include <limits>

#include "avro/binary.h"
#include "avro/decode_target.h"

namespace octolake::avro {
namespace {

constexpr int kMaxDepth = 64;
// Values that take no bytes (null outside of unions, fixed of size 0, records without fields) are
// bounded by nothing in the input: arrays and records within records can multiply them.
constexpr int64_t kMaxEmptyValues = 1 << 20;

}  // namespace

// Reads one datum, into whatever. The member functions return false at the first error, kept in
// `what_`; the path is put together on the way back, so that a good datum pays nothing for it.
class DatumDecoder {
 public:
  explicit DatumDecoder(Decoder& decoder) : d_(decoder), start_(decoder.position_) {}

  template <typename Target>
  Status Run(const Schema& schema, Target target) {
    if (Spend(1) && Get(schema, target, 0)) return {};
    const std::string place = (path_.empty() ? "" : " in field " + path_) + " at byte " +
                              std::to_string(d_.position_) + ": " + what_;
    if (exhausted_) return MakeError(ErrorKind::kResourceExhausted, "Avro data" + place);
    return MakeError(ErrorKind::kCorruption, "broken Avro data" + place);
  }

  Result<int64_t> RunLong() {
    int64_t value = 0;
    if (GetLong(value)) return value;
    return MakeError(ErrorKind::kCorruption,
                     "broken Avro data at byte " + std::to_string(d_.position_) + ": " + what_);
  }

 private:
  bool Fail(std::string what) {
    what_ = std::move(what);
    return false;
  }
  bool FailAt(const std::string& step) {
    path_ = step + (path_.empty() || path_[0] == '[' ? "" : ".") + path_;
    return false;
  }

  // Before the memory of so many values is taken.
  bool Spend(size_t values) {
    if (d_.values_left_ == nullptr) return true;
    *d_.values_left_ -= static_cast<int64_t>(values);
    if (*d_.values_left_ >= 0) return true;
    exhausted_ = true;
    return Fail("more values than are allowed");
  }

  // The bytes read so far count too: a null in a union takes one for its branch.
  bool CountEmpty() {
    const auto bytes = static_cast<int64_t>(d_.position_ - start_);
    if (++empty_values_ <= kMaxEmptyValues + bytes) return true;
    return Fail("too many empty values, more than " + std::to_string(kMaxEmptyValues));
  }

  bool GetLong(int64_t& value) {
    uint64_t bits = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (d_.position_ >= d_.bytes_.size()) return Fail("the data ends in a number");
      const auto byte = static_cast<uint8_t>(d_.bytes_[d_.position_++]);
      if (shift == 63 && byte > 1) return Fail("a number of more than 64 bits");
      bits |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        value = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
        return true;
      }
    }
    return Fail("a number of more than 10 bytes");
  }

  bool GetRaw(int64_t length, std::string_view& raw) {
    if (length < 0) return Fail("a length of " + std::to_string(length));
    if (static_cast<uint64_t>(length) > d_.remaining()) {
      return Fail("a length of " + std::to_string(length) + " with " +
                  std::to_string(d_.remaining()) + " bytes left");
    }
    raw = d_.bytes_.substr(d_.position_, static_cast<size_t>(length));
    d_.position_ += static_cast<size_t>(length);
    return true;
  }

  bool GetBytes(std::string_view& raw) {
    int64_t length = 0;
    return GetLong(length) && GetRaw(length, raw);
  }

  uint64_t LittleEndian(std::string_view raw) {
    uint64_t bits = 0;
    for (size_t i = 0; i < raw.size(); ++i) {
      bits |= uint64_t{static_cast<uint8_t>(raw[i])} << (8 * i);
    }
    return bits;
  }

  template <typename Target>
  bool Get(const Schema& schema, Target target, int depth) {
    if (depth > kMaxDepth) return Fail("values nested more than 64 deep");
    std::string_view raw;
    switch (schema.type) {
      case Type::kNull:
        target.PutNull();
        return CountEmpty();
      case Type::kBoolean:
        if (!GetRaw(1, raw)) return false;
        if (raw[0] != 0 && raw[0] != 1) return Fail("a boolean that is neither 0 nor 1");
        target.PutBoolean(raw[0] == 1);
        return true;
      case Type::kInt:
        return GetInt(target);
      case Type::kLong: {
        int64_t number = 0;
        if (!GetLong(number)) return false;
        target.PutLong(number);
        return true;
      }
      case Type::kFloat:
        if (!GetRaw(4, raw)) return false;
        target.PutFloat(std::bit_cast<float>(static_cast<uint32_t>(LittleEndian(raw))));
        return true;
      case Type::kDouble:
        if (!GetRaw(8, raw)) return false;
        target.PutDouble(std::bit_cast<double>(LittleEndian(raw)));
        return true;
      case Type::kBytes:
        if (!GetBytes(raw)) return false;
        target.PutBytes(raw);
        return true;
      case Type::kString:
        if (!GetBytes(raw)) return false;
        target.PutString(raw);
        return true;
      case Type::kFixed:
        if (!GetRaw(schema.size, raw)) return false;
        target.PutFixed(raw);
        return !raw.empty() || CountEmpty();
      default:
        return GetComplex(schema, target, depth);
    }
  }

  template <typename Target>
  bool GetComplex(const Schema& schema, Target target, int depth) {
    switch (schema.type) {
      case Type::kEnum:
        return GetEnum(schema, target);
      case Type::kRecord:
        return GetRecord(schema, target, depth);
      case Type::kArray:
        return GetArray(schema, target, depth);
      case Type::kMap:
        return GetMap(schema, target, depth);
      case Type::kUnion:
        return GetUnion(schema, target, depth);
      case Type::kNamed: {
        const SchemaPtr named = schema.named.lock();
        return named ? Get(*named, target, depth + 1)
                     : Fail("the definition of " + schema.name + " is gone");
      }
      default:
        return Fail("unknown type");
    }
  }

  template <typename Target>
  bool GetInt(Target target) {
    int64_t number = 0;
    if (!GetLong(number)) return false;
    if (number < std::numeric_limits<int32_t>::min() ||
        number > std::numeric_limits<int32_t>::max()) {
      return Fail("an int of more than 32 bits");
    }
    target.PutInt(static_cast<int32_t>(number));
    return true;
  }

  template <typename Target>
  bool GetEnum(const Schema& schema, Target target) {
    int64_t index = 0;
    if (!GetLong(index)) return false;
    if (index < 0 || static_cast<uint64_t>(index) >= schema.symbols.size()) {
      return Fail("no symbol " + std::to_string(index) + " in enum " + schema.name);
    }
    target.PutEnum(static_cast<int32_t>(index));
    return true;
  }

  template <typename Target>
  bool GetRecord(const Schema& schema, Target target, int depth) {
    if (schema.fields.empty() && !CountEmpty()) return false;
    if (!Spend(schema.fields.size())) return false;
    auto fields = target.MakeRecord(schema.fields.size());
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      const Field& field = schema.fields[i];
      if (!Get(*field.schema, fields.At(i), depth + 1)) return FailAt(field.name);
    }
    fields.PutInto(target);
    return true;
  }

  template <typename Target>
  bool GetUnion(const Schema& schema, Target target, int depth) {
    int64_t branch = 0;
    if (!GetLong(branch)) return false;
    if (branch < 0 || static_cast<uint64_t>(branch) >= schema.branches.size()) {
      return Fail("branch " + std::to_string(branch) + " of a union with " +
                  std::to_string(schema.branches.size()));
    }
    if (!Get(*schema.branches[static_cast<size_t>(branch)], target, depth + 1)) return false;
    target.PutBranch(static_cast<int32_t>(branch));
    return true;
  }

  // Calls `get_one` for every element of the blocks of an array or a map. A negative count is
  // followed by the block's size in bytes.
  template <typename GetOne>
  bool GetBlocks(GetOne get_one) {
    for (;;) {
      int64_t count = 0;
      if (!GetLong(count)) return false;
      if (count == 0) return true;
      std::optional<size_t> end;
      if (count < 0) {
        if (count == std::numeric_limits<int64_t>::min()) return Fail("a count beyond 64 bits");
        count = -count;
        int64_t size = 0;
        if (!GetLong(size)) return false;
        if (size < 0 || static_cast<uint64_t>(size) > d_.remaining()) {
          return Fail("a block of " + std::to_string(size) + " bytes with " +
                      std::to_string(d_.remaining()) + " left");
        }
        end = d_.position_ + static_cast<size_t>(size);
      }
      if (static_cast<uint64_t>(count) > d_.remaining() + kMaxEmptyValues) {
        return Fail("a count of " + std::to_string(count) + " with " +
                    std::to_string(d_.remaining()) + " bytes left");
      }
      for (int64_t i = 0; i < count; ++i) {
        if (!get_one()) return false;
      }
      if (end && *end != d_.position_) return Fail("a block whose size does not fit its elements");
    }
  }

  template <typename Target>
  bool GetArray(const Schema& schema, Target target, int depth) {
    typename Target::Array items;
    size_t count = 0;
    const bool good = GetBlocks([&] {
      if (!Spend(1)) return false;
      if (Get(*schema.items, items.Add(), depth + 1)) return ++count, true;
      return FailAt("[" + std::to_string(count) + "]");
    });
    if (good) items.PutInto(target);
    return good;
  }

  template <typename Target>
  bool GetMap(const Schema& schema, Target target, int depth) {
    typename Target::Map entries;
    const bool good = GetBlocks([&] {
      std::string_view key;
      if (!GetBytes(key) || !Spend(1)) return false;
      if (Get(*schema.items, entries.Add(key), depth + 1)) return true;
      return FailAt("['" + std::string(key.substr(0, 64)) + "']");
    });
    if (good) entries.PutInto(target);
    return good;
  }

  Decoder& d_;
  const size_t start_;
  int64_t empty_values_ = 0;
  bool exhausted_ = false;
  std::string path_;
  std::string what_;
};

Result<Value> Decoder::Decode(const Schema& schema) {
  Value value;
  OCTO_TRY(DatumDecoder(*this).Run(schema, IntoValue(value)));
  return value;
}

Status Decoder::Read(const Schema& schema, const WantedFields& wanted, std::span<FieldView> views) {
  std::fill(views.begin(), views.end(), FieldView());
  return DatumDecoder(*this).Run(schema, IntoViews(&wanted, views));
}

Result<int64_t> Decoder::ReadLong() { return DatumDecoder(*this).RunLong(); }

Result<std::string_view> Decoder::ReadBytes() {
  OCTO_ASSIGN(const int64_t length, ReadLong());
  return ReadRaw(length);
}

Result<std::string_view> Decoder::ReadRaw(int64_t length) {
  if (length < 0 || static_cast<uint64_t>(length) > remaining()) {
    return MakeError(ErrorKind::kCorruption, "broken Avro data at byte " +
                                                 std::to_string(position_) + ": a length of " +
                                                 std::to_string(length) + " with " +
                                                 std::to_string(remaining()) + " bytes left");
  }
  const std::string_view raw = bytes_.substr(position_, static_cast<size_t>(length));
  position_ += static_cast<size_t>(length);
  return raw;
}

}  // namespace octolake::avro
