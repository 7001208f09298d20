#include "datafile/page_header.h"

namespace octolake::datafile {
namespace {

// Of the compact protocol ("Struct encoding"). Lists, sets and maps do not occur in a page header.
enum class Type {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kStruct = 12
};

// Of PageHeader.
constexpr int64_t kCompressedPageSize = 3;
constexpr int64_t kCrc = 4;

// PageHeader, its data page header, and the statistics in that.
constexpr int kMaxDepth = 4;
constexpr int kMaxVarintBytes = 10;
constexpr size_t kDoubleBytes = 8;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  // Every function gives no value at the first byte that is not there, or that makes no sense; the
  // latter also sets `bad`.
  bool ReadHeader(PageHeader& header) {
    const bool whole = ReadStruct(&header, 0);
    header.header_bytes = static_cast<int64_t>(position_);
    return whole;
  }
  bool bad() const { return bad_; }

 private:
  bool Fail() {
    bad_ = true;
    return false;
  }

  std::optional<uint8_t> Byte() {
    if (position_ == bytes_.size()) return std::nullopt;
    return static_cast<uint8_t>(bytes_[position_++]);
  }

  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (int i = 0; i < kMaxVarintBytes; ++i) {
      const auto byte = Byte();
      if (!byte) return std::nullopt;
      value |= static_cast<uint64_t>(*byte & 0x7F) << (7 * i);
      if ((*byte & 0x80) == 0) return value;
    }
    bad_ = true;
    return std::nullopt;
  }

  std::optional<int64_t> Integer() {
    const auto value = Varint();
    if (!value) return std::nullopt;
    return static_cast<int64_t>(*value >> 1) ^ -static_cast<int64_t>(*value & 1);
  }

  bool Pass(uint64_t count) {
    if (count > bytes_.size() - position_) {
      position_ = bytes_.size();
      return false;
    }
    position_ += count;
    return true;
  }

  bool PassValue(Type type, int depth) {
    switch (type) {
      case Type::kTrue:
      case Type::kFalse:
        return true;
      case Type::kByte:
        return Pass(1);
      case Type::kI16:
      case Type::kI32:
      case Type::kI64:
        return Varint().has_value();
      case Type::kDouble:
        return Pass(kDoubleBytes);
      case Type::kBinary: {
        const auto length = Varint();
        return length && Pass(*length);
      }
      case Type::kStruct:
        return depth < kMaxDepth ? ReadStruct(nullptr, depth + 1) : Fail();
      default:
        return Fail();
    }
  }

  // Of an inner struct (no `header`) nothing is kept.
  bool ReadStruct(PageHeader* header, int depth) {
    int64_t field = 0;
    while (true) {
      const auto head = Byte();
      if (!head) return false;
      const Type type = static_cast<Type>(*head & 0x0F);
      if (type == Type::kStop) return *head == 0 || Fail();
      const int delta = *head >> 4;
      if (delta > 0) {
        field += delta;
      } else {
        const auto id = Integer();
        if (!id) return false;
        field = *id;
      }
      const bool wanted = header != nullptr && (field == kCompressedPageSize || field == kCrc);
      if (!wanted) {
        if (!PassValue(type, depth)) return false;
        continue;
      }
      if (type != Type::kI32) return Fail();
      const auto value = Integer();
      if (!value) return false;
      if (field == kCrc) {
        header->crc = static_cast<uint32_t>(*value);
      } else {
        if (*value < 0) return Fail();
        header->compressed_bytes = *value;
      }
    }
  }

  std::string_view bytes_;
  size_t position_ = 0;
  bool bad_ = false;
};

}  // namespace

Result<std::optional<PageHeader>> ParsePageHeader(std::string_view bytes) {
  Reader reader(bytes);
  PageHeader header;
  if (reader.ReadHeader(header)) return header;
  if (!reader.bad()) return std::optional<PageHeader>();
  return MakeError(ErrorKind::kCorruption, "it does not begin like a page of a Parquet file");
}

}  // namespace octolake::datafile
