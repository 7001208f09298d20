#include "journal/record.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/crc32c.h"
#include "journal/little_endian.h"

namespace octolake::journal {
namespace {

constexpr size_t kHeadBytes = 8;  // length and CRC
constexpr size_t kFixedBytes = 1 + 16 + 8;
constexpr uint8_t kEvent = 1;

void PutText(std::string_view text, std::string& out) {
  PutInteger<uint32_t>(static_cast<uint32_t>(text.size()), out);
  out.append(text);
}

tl::unexpected<Error> Broken(const std::string& what) {
  return MakeError(ErrorKind::kCorruption, "a record " + what);
}

class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  template <typename Integer>
  std::optional<Integer> TakeInteger() {
    if (rest_.size() < sizeof(Integer)) return std::nullopt;
    const auto value = GetInteger<Integer>(rest_, 0);
    rest_.remove_prefix(sizeof(Integer));
    return value;
  }
  std::optional<std::string> TakeText() {
    const auto size = TakeInteger<uint32_t>();
    if (!size || *size > rest_.size()) return std::nullopt;
    std::string text(rest_.substr(0, *size));
    rest_.remove_prefix(*size);
    return text;
  }
  bool TakeUuid(Uuid& uuid) {
    if (rest_.size() < uuid.bytes.size()) return false;
    std::memcpy(uuid.bytes.data(), rest_.data(), uuid.bytes.size());
    rest_.remove_prefix(uuid.bytes.size());
    return true;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

bool TakeHeaders(Fields& fields, Record& record) {
  const auto count = fields.TakeInteger<uint32_t>();
  if (!count) return false;
  for (uint32_t i = 0; i < *count; ++i) {
    auto name = fields.TakeText();
    auto value = fields.TakeText();
    if (!name || !value) return false;
    record.headers.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

Result<Record> Decode(std::string_view bytes) {
  Record record;
  Fields fields(bytes);
  const auto kind = fields.TakeInteger<uint8_t>();
  if (kind != kEvent) {
    return Broken("is of kind " + std::to_string(kind.value_or(0)) + ", expected " +
                  std::to_string(kEvent) + ": it was written by a newer version");
  }
  const bool has_trace = fields.TakeUuid(record.trace_id);
  const auto received_at = fields.TakeInteger<int64_t>();
  auto source = fields.TakeText();
  auto delivery_id = fields.TakeText();
  if (!has_trace || !received_at || !source || !delivery_id || !TakeHeaders(fields, record)) {
    return Broken("ends within its envelope, although its CRC is right");
  }
  record.received_at = *received_at;
  record.source = std::move(*source);
  record.delivery_id = std::move(*delivery_id);
  record.body = fields.rest();
  return record;
}

}  // namespace

int64_t EncodedSize(const Record& record) {
  size_t size = kHeadBytes + kFixedBytes + 4 + record.source.size() + 4 +
                record.delivery_id.size() + 4 + record.body.size();
  for (const auto& [name, value] : record.headers) size += 8 + name.size() + value.size();
  return static_cast<int64_t>(size);
}

void AppendRecord(const Record& record, uint32_t crc_before, std::string& out) {
  const size_t begin = out.size();
  PutInteger<uint32_t>(static_cast<uint32_t>(EncodedSize(record) - kHeadBytes), out);
  PutInteger<uint32_t>(0, out);  // the CRC, once the rest is there
  PutInteger<uint8_t>(kEvent, out);
  out.append(reinterpret_cast<const char*>(record.trace_id.bytes.data()),
             record.trace_id.bytes.size());
  PutInteger<int64_t>(record.received_at, out);
  PutText(record.source, out);
  PutText(record.delivery_id, out);
  PutInteger<uint32_t>(static_cast<uint32_t>(record.headers.size()), out);
  for (const auto& [name, value] : record.headers) {
    PutText(name, out);
    PutText(value, out);
  }
  out.append(record.body);
  const std::string_view all = std::string_view(out).substr(begin);
  const uint32_t crc = Crc32c(all.substr(kHeadBytes), Crc32c(all.substr(0, 4), crc_before));
  std::memcpy(out.data() + begin + 4, &crc, sizeof(crc));
}

Result<Record> TakeRecord(std::string_view& bytes, uint32_t crc_before) {
  if (bytes.size() < kHeadBytes) return Broken("is cut within its length and CRC");
  const auto length = GetInteger<uint32_t>(bytes, 0);
  if (length > bytes.size() - kHeadBytes) {
    return Broken("says that it has " + std::to_string(length) + " bytes, of which " +
                  std::to_string(bytes.size() - kHeadBytes) + " are there");
  }
  const std::string_view content = bytes.substr(kHeadBytes, length);
  if (Crc32c(content, Crc32c(bytes.substr(0, 4), crc_before)) != GetInteger<uint32_t>(bytes, 4)) {
    return Broken("of " + std::to_string(length) + " bytes has another CRC than was written");
  }
  OCTO_ASSIGN(Record record, Decode(content));
  bytes.remove_prefix(kHeadBytes + length);
  return record;
}

}  // namespace octolake::journal
