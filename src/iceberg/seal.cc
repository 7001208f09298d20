#include "iceberg/seal.h"

#include <cstdio>

#include "base/crc32.h"

namespace octolake::iceberg {
namespace {

constexpr std::string_view kJsonPrefix = "{\"octolake-crc32\":\"";
constexpr std::string_view kJsonSuffix = "\",";
// Behind the last value of an Avro header: the end of the map, and the sync marker.
constexpr int64_t kAvroHeaderTail = 1 + 16;

std::string Digits(const std::string& location, size_t at, std::string_view bytes) {
  const std::string_view name = std::string_view(location).substr(location.rfind('/') + 1);
  uint32_t crc = Crc32(bytes.substr(0, at), Crc32(name));
  crc = Crc32(bytes.substr(at + kBlankSeal.size()), Crc32(kBlankSeal, crc));
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%08x", crc);
  return digits;
}

}  // namespace

void Seal(const std::string& location, size_t at, std::string& bytes) {
  bytes.replace(at, kBlankSeal.size(), Digits(location, at, bytes));
}

Status CheckSeal(const std::string& location, size_t at, std::string_view bytes) {
  if (at > bytes.size() || bytes.size() - at < kBlankSeal.size()) {
    return MakeError(ErrorKind::kCorruption, location + " is cut short: it ends within its header");
  }
  const std::string found(bytes.substr(at, kBlankSeal.size()));
  const std::string expected = Digits(location, at, bytes);
  if (found == expected) return {};
  return MakeError(ErrorKind::kCorruption,
                   location + " is damaged: its " + std::to_string(bytes.size()) +
                       " bytes have the checksum " + expected + ", it says " + found +
                       "; it was altered or cut, or another file was put in its place");
}

std::string SealJson(const std::string& location, std::string json) {
  std::string sealed(kJsonPrefix);
  sealed += kBlankSeal;
  sealed += kJsonSuffix;
  sealed.append(json, 1);  // without its opening brace
  Seal(location, kJsonPrefix.size(), sealed);
  return sealed;
}

Status CheckJsonSeal(const std::string& location, std::string_view json) {
  if (!json.starts_with(kJsonPrefix)) return {};
  return CheckSeal(location, kJsonPrefix.size(), json);
}

size_t AvroSealPosition(int64_t header_bytes) {
  return static_cast<size_t>(header_bytes - kAvroHeaderTail) - kBlankSeal.size();
}

}  // namespace octolake::iceberg
