#include "base/uuid.h"

#include "base/hex.h"

namespace octolake {
namespace {

constexpr uint32_t kCounterBits = 26;
constexpr uint32_t kCounterLimit = uint32_t{1} << kCounterBits;

void PutBigEndian(uint64_t value, int bytes, uint8_t* out) {
  for (int i = 0; i < bytes; ++i) out[i] = static_cast<uint8_t>(value >> (8 * (bytes - 1 - i)));
}

void SetVersionAndVariant(int version, std::array<uint8_t, 16>& bytes) {
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
}

bool IsHyphenPosition(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

void Uuid::Write(char* out) const {
  static constexpr char kDigits[] = "0123456789abcdef";
  size_t at = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
    out[at++] = kDigits[bytes[i] >> 4];
    out[at++] = kDigits[bytes[i] & 15];
  }
}

std::string Uuid::ToString() const {
  std::string text(kTextBytes, '-');
  Write(text.data());
  return text;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
  const auto invalid = [&] {
    return MakeError(ErrorKind::kInvalidArgument,
                     "not a UUID (expected 8-4-4-4-12 hexadecimal digits): '" +
                         std::string(text.substr(0, 64)) + "'");
  };
  if (text.size() != kTextBytes) return invalid();
  Uuid uuid;
  size_t digit = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsHyphenPosition(i)) {
      if (text[i] != '-') return invalid();
      continue;
    }
    const int value = HexDigitValue(text[i]);
    if (value < 0) return invalid();
    uuid.bytes[digit / 2] = static_cast<uint8_t>(uuid.bytes[digit / 2] * 16 + value);
    ++digit;
  }
  return uuid;
}

Uuid Uuid::RandomV4(RandomSource& random) {
  Uuid uuid;
  PutBigEndian(random.Next(), 8, uuid.bytes.data());
  PutBigEndian(random.Next(), 8, uuid.bytes.data() + 8);
  SetVersionAndVariant(4, uuid.bytes);
  return uuid;
}

Uuid UuidV7Generator::Make(int64_t millis, uint64_t bits) {
  if (millis > last_millis_) {
    last_millis_ = millis;
    // Half of the counter's range stays free for the rest of this millisecond.
    counter_ = static_cast<uint32_t>(bits >> 48) << 9;
  } else if (++counter_ == kCounterLimit) {
    ++last_millis_;
    counter_ = 0;
  }
  Uuid uuid;
  PutBigEndian(static_cast<uint64_t>(last_millis_), 6, uuid.bytes.data());
  PutBigEndian(counter_ >> 14, 2, uuid.bytes.data() + 6);
  PutBigEndian(counter_ & 0x3fff, 2, uuid.bytes.data() + 8);
  PutBigEndian(bits & 0xffffffffffff, 6, uuid.bytes.data() + 10);
  SetVersionAndVariant(7, uuid.bytes);
  return uuid;
}

Uuid UuidV7Generator::Next() {
  const uint64_t bits = random_.Next();
  const int64_t micros = clock_.Now();
  const std::lock_guard lock(mutex_);
  return Make(micros / 1000, bits);
}

std::vector<Uuid> UuidV7Generator::Next(size_t count) {
  std::vector<Uuid> uuids(count);
  const int64_t micros = clock_.Now();
  const std::lock_guard lock(mutex_);
  for (Uuid& uuid : uuids) uuid = Make(micros / 1000, random_.Next());
  return uuids;
}

}  // namespace octolake
