// gzip (RFC 1952) around isa-l's inflate. Header and trailer are read here, since isa-l skips the
// header's checksum and cannot tell a cut header from a cut body.
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "io/stream_decoder.h"

namespace octolake::io {
namespace {

constexpr uint8_t kMagic1 = 0x1f;
constexpr uint8_t kMagic2 = 0x8b;
constexpr uint8_t kMethodDeflate = 8;
constexpr uint8_t kFlagHeaderCrc = 0x02;
constexpr uint8_t kFlagExtra = 0x04;
constexpr uint8_t kFlagName = 0x08;
constexpr uint8_t kFlagComment = 0x10;
constexpr uint8_t kFlagsReserved = 0xe0;

class GzipDecoder final : public StreamDecoder {
 public:
  GzipDecoder(BufferedInput& input, std::string name)
      : input_(input), name_(std::move(name)), inflate_(std::make_unique<inflate_state>()) {}

  Status Decode(char* out, int64_t capacity, int64_t* produced) override {
    *produced = 0;
    while (*produced == 0) {
      switch (state_) {
        case State::kBetween:
          OCTO_TRY(BeginMember());
          break;
        case State::kBody:
          OCTO_TRY(Inflate(out, capacity, produced));
          break;
        case State::kTrailer:
          OCTO_TRY(CheckTrailer());
          break;
        case State::kEnd:
          return {};
      }
    }
    return {};
  }

 private:
  enum class State { kBetween, kBody, kTrailer, kEnd };

  tl::unexpected<Error> Corrupt(const std::string& what) const {
    return MakeError(ErrorKind::kCorruption,
                     name_ + ": gzip member " + std::to_string(member_) + " " + what);
  }
  tl::unexpected<Error> Cut() const {
    return Corrupt("is cut: the input ended before the member did");
  }

  Result<uint8_t> HeaderByte() {
    OCTO_ASSIGN(const std::optional<uint8_t> byte, input_.TakeByte());
    if (!byte) return Cut();
    header_crc_ = crc32_gzip_refl(header_crc_, &*byte, 1);
    return *byte;
  }

  Status SkipHeaderText() {
    for (;;) {
      OCTO_ASSIGN(const uint8_t byte, HeaderByte());
      if (byte == 0) return {};
    }
  }

  Status BeginMember() {
    OCTO_ASSIGN(const bool more, input_.Require(1));
    if (!more) {
      state_ = State::kEnd;
      return {};
    }
    // Tapes and block devices pad with zeros, as gzip itself accepts.
    if (member_ > 0 && input_.window().front() == 0) return SkipPadding();
    ++member_;
    header_crc_ = 0;
    OCTO_ASSIGN(const uint8_t magic1, HeaderByte());
    if (magic1 != kMagic1) return TrailingGarbage();
    OCTO_ASSIGN(const uint8_t magic2, HeaderByte());
    if (magic2 != kMagic2) return TrailingGarbage();
    OCTO_TRY(ReadHeader());
    isal_inflate_init(inflate_.get());
    inflate_->crc_flag = ISAL_GZIP_NO_HDR;
    state_ = State::kBody;
    return {};
  }

  tl::unexpected<Error> TrailingGarbage() const {
    return MakeError(ErrorKind::kCorruption, name_ + ": bytes after gzip member " +
                                                 std::to_string(member_ - 1) +
                                                 " that begin no other member");
  }

  // What follows the magic number: method, flags, time (4), extra flags, system, optional parts.
  Status ReadHeader() {
    OCTO_ASSIGN(const uint8_t method, HeaderByte());
    if (method != kMethodDeflate) {
      return Corrupt("has compression method " + std::to_string(method) + ", expected 8 (deflate)");
    }
    OCTO_ASSIGN(const uint8_t flags, HeaderByte());
    if ((flags & kFlagsReserved) != 0) {
      return Corrupt("has reserved flags set: " + std::to_string(flags));
    }
    for (int i = 0; i < 6; ++i) OCTO_TRY(HeaderByte());
    if ((flags & kFlagExtra) != 0) {
      OCTO_ASSIGN(const uint8_t low, HeaderByte());
      OCTO_ASSIGN(const uint8_t high, HeaderByte());
      for (int left = low + high * 256; left > 0; --left) OCTO_TRY(HeaderByte());
    }
    if ((flags & kFlagName) != 0) OCTO_TRY(SkipHeaderText());
    if ((flags & kFlagComment) != 0) OCTO_TRY(SkipHeaderText());
    if ((flags & kFlagHeaderCrc) != 0) {
      const uint32_t expected = header_crc_ & 0xffff;
      OCTO_ASSIGN(const uint8_t low, HeaderByte());
      OCTO_ASSIGN(const uint8_t high, HeaderByte());
      if (uint32_t{low} + uint32_t{high} * 256 != expected) {
        return Corrupt("has a header that fails its checksum");
      }
    }
    return {};
  }

  Status SkipPadding() {
    for (;;) {
      OCTO_ASSIGN(const std::optional<uint8_t> byte, input_.TakeByte());
      if (!byte) {
        state_ = State::kEnd;
        return {};
      }
      if (*byte != 0) {
        return MakeError(
            ErrorKind::kCorruption,
            name_ + ": bytes after the zero padding behind gzip member " + std::to_string(member_));
      }
    }
  }

  Status Inflate(char* out, int64_t capacity, int64_t* produced) {
    constexpr int64_t kMaxOut = int64_t{1} << 30;
    const int64_t room = std::min(capacity, kMaxOut);
    OCTO_ASSIGN(const bool more, input_.Require(1));
    const std::string_view window = input_.window();
    // isa-l takes a pointer to non-const but does not write through it.
    inflate_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(window.data()));
    inflate_->avail_in = static_cast<uint32_t>(window.size());
    inflate_->next_out = reinterpret_cast<uint8_t*>(out);
    inflate_->avail_out = static_cast<uint32_t>(room);
    const int result = isal_inflate(inflate_.get());
    input_.Take(window.size() - inflate_->avail_in);
    *produced = room - inflate_->avail_out;
    if (result < 0) return Corrupt("holds no valid deflate data");
    if (inflate_->block_state == ISAL_BLOCK_FINISH) {
      GiveBackUnused();
      state_ = State::kTrailer;
      return {};
    }
    if (*produced == 0 && !more) return Cut();
    return {};
  }

  // isa-l reads ahead into a register of bits; its whole bytes belong to the trailer.
  void GiveBackUnused() {
    const int count = inflate_->read_in_length / 8;
    const uint64_t bits = inflate_->read_in >> (inflate_->read_in_length % 8);
    std::array<char, 8> bytes{};
    for (int i = 0; i < count; ++i) bytes[i] = static_cast<char>(bits >> (8 * i));
    input_.GiveBack({bytes.data(), static_cast<size_t>(count)});
  }

  Status CheckTrailer() {
    OCTO_ASSIGN(const bool complete, input_.Require(8));
    if (!complete) return Cut();
    const std::string_view window = input_.window();
    const uint32_t crc = LittleEndian(window.substr(0, 4));
    const uint32_t length = LittleEndian(window.substr(4, 4));
    input_.Take(8);
    if (crc != inflate_->crc) return Corrupt("fails its checksum: its data is damaged");
    if (length != inflate_->total_out) {
      return Corrupt("says it holds " + std::to_string(length) + " bytes (modulo 2^32) but holds " +
                     std::to_string(inflate_->total_out));
    }
    state_ = State::kBetween;
    return {};
  }

  static uint32_t LittleEndian(std::string_view bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) {
      value |= uint32_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
    }
    return value;
  }

  BufferedInput& input_;
  std::string name_;
  std::unique_ptr<inflate_state> inflate_;
  State state_ = State::kBetween;
  int64_t member_ = 0;
  uint32_t header_crc_ = 0;
};

}  // namespace

std::unique_ptr<StreamDecoder> MakeGzipDecoder(BufferedInput& input, std::string name) {
  return std::make_unique<GzipDecoder>(input, std::move(name));
}

}  // namespace octolake::io
