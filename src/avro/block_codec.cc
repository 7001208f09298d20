#include "avro/block_codec.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

namespace octolake::avro {
namespace {

constexpr int kDefaultZstdLevel = 3;
constexpr int kMaxZstdWindowLog = 27;
// isa-l counts in 32 bits.
constexpr size_t kMaxDeflateInput = size_t{1} << 30;
constexpr size_t kFirstOutput = 64 * 1024;
// What takes more memory is not kept for the next block.
constexpr size_t kMaxKept = size_t{1} << 20;

uint8_t* Bytes(const char* text) {
  // isa-l takes pointers to non-const but does not write to its input.
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text));
}

size_t DeflateLevelBuffer(int level) {
  static constexpr size_t kSizes[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
                                      ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
  return kSizes[level];
}

tl::unexpected<Error> BadLevel(Codec codec, int level, int low, int high) {
  return MakeError(ErrorKind::kInvalidArgument, "Avro codec " + std::string(CodecName(codec)) +
                                                    " has no level " + std::to_string(level) +
                                                    ": expected " + std::to_string(low) + " to " +
                                                    std::to_string(high));
}

tl::unexpected<Error> TooLarge(int64_t limit) {
  return MakeError(ErrorKind::kResourceExhausted,
                   "a block of more than " + std::to_string(limit) + " bytes after decompression");
}

Result<std::string> Deflate(std::optional<int> wanted, std::string_view input) {
  const int level = wanted.value_or(1);
  if (level < ISAL_DEF_MIN_LEVEL || level > ISAL_DEF_MAX_LEVEL) {
    return BadLevel(Codec::kDeflate, level, ISAL_DEF_MIN_LEVEL, ISAL_DEF_MAX_LEVEL);
  }
  if (input.size() > kMaxDeflateInput) {
    return MakeError(ErrorKind::kResourceExhausted, "an Avro block of more than 1 GiB");
  }
  auto stream = std::make_unique<isal_zstream>();
  std::vector<uint8_t> level_buffer(DeflateLevelBuffer(level));
  isal_deflate_init(stream.get());
  stream->level = static_cast<uint32_t>(level);
  stream->level_buf = level_buffer.data();
  stream->level_buf_size = static_cast<uint32_t>(level_buffer.size());
  stream->gzip_flag = IGZIP_DEFLATE;
  stream->end_of_stream = 1;
  stream->flush = NO_FLUSH;
  stream->next_in = Bytes(input.data());
  stream->avail_in = static_cast<uint32_t>(input.size());
  std::string out;
  size_t used = 0;
  do {
    out.resize(std::max(kFirstOutput, out.size() * 2));
    stream->next_out = Bytes(out.data()) + used;
    stream->avail_out = static_cast<uint32_t>(out.size() - used);
    if (isal_deflate(stream.get()) != COMP_OK) {
      return MakeError(ErrorKind::kIo, "deflate failed on an Avro block");
    }
    used = out.size() - stream->avail_out;
  } while (stream->internal_state.state != ZSTATE_END);
  out.resize(used);
  return out;
}

Result<std::string> CompressZstd(std::optional<int> wanted, std::string_view input) {
  const int level = wanted.value_or(kDefaultZstdLevel);
  if (level < 1 || level > 19) return BadLevel(Codec::kZstandard, level, 1, 19);
  std::string out(ZSTD_compressBound(input.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), input.data(), input.size(), level);
  if (ZSTD_isError(size)) {
    return MakeError(ErrorKind::kResourceExhausted,
                     std::string("zstd failed on an Avro block: ") + ZSTD_getErrorName(size));
  }
  out.resize(size);
  return out;
}

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

}  // namespace

std::string_view CodecName(Codec codec) {
  switch (codec) {
    case Codec::kNull:
      return "null";
    case Codec::kDeflate:
      return "deflate";
    case Codec::kZstandard:
      return "zstandard";
  }
  return "unknown";
}

Result<Codec> ParseCodec(std::string_view name) {
  for (const Codec codec : {Codec::kNull, Codec::kDeflate, Codec::kZstandard}) {
    if (name == CodecName(codec)) return codec;
  }
  return MakeError(ErrorKind::kUnsupported,
                   "Avro codec '" + std::string(name.substr(0, 64)) +
                       "' is not supported: write the file with null, deflate or zstandard");
}

Result<std::string> CompressBlock(Codec codec, std::optional<int> level, std::string_view input) {
  switch (codec) {
    case Codec::kNull:
      return std::string(input);
    case Codec::kDeflate:
      return Deflate(level, input);
    case Codec::kZstandard:
      return CompressZstd(level, input);
  }
  return MakeError(ErrorKind::kInvalidArgument, "unknown Avro codec");
}

// Where a block is decompressed to. It is as large as the largest was, but offers the same room to
// each.
class BlockDecompressor::Buffer {
 public:
  void Begin(int64_t limit) {
    if (bytes_.size() > kMaxKept) bytes_ = std::string();  // {} would keep its memory
    most_ = static_cast<size_t>(limit) + 1;
    room_ = used_ = 0;
  }

  // Doubles the room, up to `limit` + 1 bytes, so that one byte too many is noticed.
  bool Grow() {
    if (room_ >= most_) return false;
    room_ = std::min(most_, std::max(kFirstOutput, room_ * 2));
    if (bytes_.size() < room_) bytes_.resize(room_);
    return true;
  }

  bool IsFull() const { return used_ == room_; }
  char* data() { return bytes_.data(); }
  size_t room() const { return room_; }
  size_t used() const { return used_; }
  void set_used(size_t used) { used_ = used; }

  Result<std::string> Take() const {
    if (used_ >= most_) return TooLarge(static_cast<int64_t>(most_) - 1);
    return std::string(bytes_, 0, used_);
  }

 private:
  std::string bytes_;
  size_t most_ = 0;
  size_t room_ = 0;
  size_t used_ = 0;
};

// Making one takes as long as decompressing a small block.
struct BlockDecompressor::Decoders {
  std::unique_ptr<inflate_state> inflate;
  std::unique_ptr<ZSTD_DStream, FreeStream> zstd;

  inflate_state& Inflate() {
    // 80 KB, of which isal_inflate_init sets what counts.
    if (inflate == nullptr) inflate = std::make_unique_for_overwrite<inflate_state>();
    isal_inflate_init(inflate.get());
    inflate->crc_flag = ISAL_DEFLATE;
    return *inflate;
  }

  // nullptr if there is no memory.
  ZSTD_DStream* Zstd() {
    if (zstd != nullptr && ZSTD_sizeof_DStream(zstd.get()) > kMaxKept) zstd.reset();
    if (zstd == nullptr) zstd.reset(ZSTD_createDStream());
    const bool is_ready =
        zstd != nullptr &&
        !ZSTD_isError(ZSTD_DCtx_reset(zstd.get(), ZSTD_reset_session_and_parameters)) &&
        !ZSTD_isError(ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog));
    return is_ready ? zstd.get() : nullptr;
  }
};

BlockDecompressor::BlockDecompressor()
    : buffer_(std::make_unique<Buffer>()), decoders_(std::make_unique<Decoders>()) {}
BlockDecompressor::~BlockDecompressor() = default;

// Raw deflate (RFC 1951). Bytes behind its end are ignored: some writers leave a part of zlib's
// trailer there.
Status BlockDecompressor::Inflate(std::string_view input, int64_t limit) {
  if (input.size() > kMaxDeflateInput) return TooLarge(limit);
  inflate_state& state = decoders_->Inflate();
  state.next_in = Bytes(input.data());
  state.avail_in = static_cast<uint32_t>(input.size());
  while (state.block_state != ISAL_BLOCK_FINISH) {
    if (buffer_->IsFull() && !buffer_->Grow()) return TooLarge(limit);
    const size_t used = buffer_->used();
    const uint32_t input_before = state.avail_in;
    state.next_out = Bytes(buffer_->data()) + used;
    state.avail_out = static_cast<uint32_t>(
        std::min<size_t>(buffer_->room() - used, std::numeric_limits<uint32_t>::max()));
    const uint32_t room = state.avail_out;
    if (isal_inflate(&state) < 0) {
      return MakeError(ErrorKind::kCorruption, "a block that is no valid deflate data");
    }
    const uint32_t added = room - state.avail_out;
    buffer_->set_used(used + added);
    const bool stuck = added == 0 && state.avail_in == input_before;
    if (stuck && state.block_state != ISAL_BLOCK_FINISH) {
      return MakeError(ErrorKind::kCorruption, "a block whose deflate data is cut");
    }
  }
  return {};
}

// Frames one after another, since nothing forbids a writer to flush.
Status BlockDecompressor::DecompressZstd(std::string_view input, int64_t limit) {
  ZSTD_DStream* const stream = decoders_->Zstd();
  if (stream == nullptr) {
    return MakeError(ErrorKind::kResourceExhausted, "no memory for a zstd decoder");
  }
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  size_t result = 1;
  while (in.pos < in.size || result != 0) {
    if (buffer_->IsFull() && !buffer_->Grow()) return TooLarge(limit);
    const size_t before = buffer_->used() + in.pos;
    ZSTD_outBuffer target{buffer_->data(), buffer_->room(), buffer_->used()};
    result = ZSTD_decompressStream(stream, &target, &in);
    if (ZSTD_isError(result)) {
      return MakeError(ErrorKind::kCorruption,
                       std::string("a block of broken zstd data: ") + ZSTD_getErrorName(result));
    }
    buffer_->set_used(target.pos);
    if (result != 0 && target.pos + in.pos == before) {
      return MakeError(ErrorKind::kCorruption, "a block whose zstd data is cut");
    }
  }
  return {};
}

Result<std::string> BlockDecompressor::Decompress(Codec codec, std::string_view input,
                                                  int64_t limit) {
  buffer_->Begin(limit);
  switch (codec) {
    case Codec::kNull:
      if (input.size() > static_cast<size_t>(limit)) return TooLarge(limit);
      return std::string(input);
    case Codec::kDeflate:
      OCTO_TRY(Inflate(input, limit));
      break;
    case Codec::kZstandard:
      OCTO_TRY(DecompressZstd(input, limit));
      break;
  }
  return buffer_->Take();
}

}  // namespace octolake::avro
