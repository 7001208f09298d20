#include "io/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>
#include <zstd.h>

#include <cstring>
#include <filesystem>
#include <random>
#include <thread>
#include <vector>

#include "base/no_threads_for_test.h"
#include "base/temp_directory_for_test.h"
#include "io/local_file_system.h"

namespace octolake::io {
namespace {

using ::testing::HasSubstr;

// Gives at most `step` bytes a call, as pipes and sockets do, and an error in place of the end.
class SlowSource final : public ByteSource {
 public:
  SlowSource(std::string bytes, int64_t step, bool fails = false)
      : inner_(MakeMemorySource(std::move(bytes))), step_(step), fails_(fails) {}
  Result<int64_t> Read(char* out, int64_t capacity) override {
    auto got = inner_->Read(out, std::min(capacity, step_));
    if (fails_ && got && *got == 0) return MakeError(ErrorKind::kIo, "the cable is cut");
    return got;
  }
  int64_t consumed() const override { return inner_->consumed(); }

 private:
  std::unique_ptr<ByteSource> inner_;
  int64_t step_;
  bool fails_;
};

struct Outcome {
  std::string bytes;
  std::optional<Error> error;
};

Outcome ReadToEnd(ByteSource& source, int64_t capacity = 4096) {
  Outcome outcome;
  std::vector<char> buffer(static_cast<size_t>(capacity));
  for (;;) {
    const auto got = source.Read(buffer.data(), capacity);
    if (!got) {
      outcome.error = got.error();
      // An error is final.
      EXPECT_FALSE(source.Read(buffer.data(), capacity));
      return outcome;
    }
    if (*got == 0) {
      EXPECT_EQ(source.Read(buffer.data(), capacity).value(), 0);
      return outcome;
    }
    outcome.bytes.append(buffer.data(), static_cast<size_t>(*got));
  }
}

Outcome Decompress(const std::string& bytes, int64_t step = 1 << 20, int64_t capacity = 4096) {
  const auto source = MakeDecompressedSource(std::make_unique<SlowSource>(bytes, step), "input");
  return ReadToEnd(*source, capacity);
}

// Text that compresses, but not to nothing.
std::string Sample(size_t length, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  while (text.size() < length) {
    text += "{\"id\":\"" + std::to_string(random() % 100'000) + "\",\"type\":\"PushEvent\"}\n";
  }
  text.resize(length);
  return text;
}

void AppendLittleEndian(uint32_t value, std::string& out) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::string RawDeflate(const std::string& text) {
  isal_zstream stream;
  isal_deflate_init(&stream);
  std::vector<uint8_t> level_buffer(ISAL_DEF_LVL1_DEFAULT);
  std::string out(text.size() * 2 + 1000, '\0');
  stream.level = 1;
  stream.level_buf = level_buffer.data();
  stream.level_buf_size = static_cast<uint32_t>(level_buffer.size());
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uint32_t>(text.size());
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  EXPECT_EQ(isal_deflate(&stream), COMP_OK);
  out.resize(stream.total_out);
  return out;
}

// A member as RFC 1952 lays it out, put together here so that a test can break each part.
std::string Gzip(const std::string& text, int flags = 0, const std::string& optional = "") {
  std::string out("\x1f\x8b\x08", 3);
  out.push_back(static_cast<char>(flags));
  out += std::string("\0\0\0\0\0\xff", 6) + optional;
  if ((flags & 2) != 0) {
    const uint32_t crc =
        crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(out.data()), out.size());
    out.push_back(static_cast<char>(crc));
    out.push_back(static_cast<char>(crc >> 8));
  }
  out += RawDeflate(text);
  AppendLittleEndian(
      crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(text.data()), text.size()), out);
  AppendLittleEndian(static_cast<uint32_t>(text.size()), out);
  return out;
}

std::string Zstd(const std::string& text, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  // Streaming, so that the header has a window and not just the size of the content.
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  if (window_log != 0) {
    ZSTD_compressStream2(context, &target, &in, ZSTD_e_flush);
  }
  EXPECT_EQ(ZSTD_compressStream2(context, &target, &in, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  out.resize(target.pos);
  return out;
}

void ExpectCorrupt(const Outcome& outcome, const std::string& why) {
  ASSERT_TRUE(outcome.error) << "expected: " << why;
  EXPECT_EQ(outcome.error->kind, ErrorKind::kCorruption);
  EXPECT_THAT(outcome.error->message, HasSubstr(why));
  EXPECT_THAT(outcome.error->message, HasSubstr("input"));
}

TEST(ByteSourceTest, FileSourceReadsInSequence) {
  const TempDirectory temp;
  const std::string path = temp.path() + "/input";
  const auto fs = MakeLocalFileSystem();
  const std::string text = Sample(100'000, 1);
  ASSERT_TRUE(WriteAll(*fs, path, text));
  const auto source = MakeFileSource(fs->Open(path).value());
  EXPECT_EQ(ReadToEnd(*source, 777).bytes, text);
  EXPECT_EQ(source->consumed(), 100'000);
}

TEST(ByteSourceTest, DescriptorSourceReadsAPipeToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string text = Sample(300'000, 2);
  std::thread writer([&] {
    std::string_view left = text;
    while (!left.empty()) {
      const ssize_t written = ::write(ends[1], left.data(), std::min<size_t>(left.size(), 7'001));
      if (written <= 0) break;
      left.remove_prefix(static_cast<size_t>(written));
    }
    ::close(ends[1]);
  });
  const auto source = MakeDescriptorSource(ends[0], "standard input");
  const Outcome outcome = ReadToEnd(*source, 10'000);
  writer.join();
  EXPECT_EQ(outcome.bytes, text);
  EXPECT_EQ(source->consumed(), 300'000);
  ::close(ends[0]);
  const auto closed = MakeDescriptorSource(ends[0], "standard input");
  char byte = 0;
  EXPECT_THAT(closed->Read(&byte, 1).error().message, HasSubstr("cannot read standard input"));
}

TEST(ByteSourceTest, ObserverSeesTheCompressedBytes) {
  const std::string text = Sample(50'000, 3);
  const std::string compressed = Gzip(text) + std::string(100, '\0');
  std::string seen;
  auto observed = MakeObservedSource(MakeMemorySource(compressed),
                                     [&](std::string_view bytes) { seen += bytes; });
  const auto source = MakeDecompressedSource(std::move(observed), "input");
  EXPECT_EQ(ReadToEnd(*source).bytes, text);
  EXPECT_EQ(seen, compressed);
  EXPECT_EQ(source->consumed(), static_cast<int64_t>(compressed.size()));
}

TEST(ReadAheadSourceTest, GivesTheSameBytesAndTheErrorAfterThem) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100'000}, size_t{3'000'000}}) {
    for (const bool fails : {false, true}) {
      const std::string text = Sample(size, 7);
      const auto source = MakeReadAheadSource(std::make_unique<SlowSource>(text, 70'001, fails));
      const Outcome outcome = ReadToEnd(*source, 4'099);
      EXPECT_EQ(outcome.bytes, text);
      EXPECT_EQ(source->consumed(), static_cast<int64_t>(size));
      ASSERT_EQ(outcome.error.has_value(), fails);
      if (fails) {
        EXPECT_EQ(outcome.error->message, "the cable is cut");
      }
    }
  }
}

TEST(ReadAheadSourceTest, SaysThatThereIsNoThread) {
  const NoMoreThreads limit;
  const auto source = MakeReadAheadSource(MakeMemorySource("text"));
  char buffer[8];
  const auto read = source->Read(buffer, sizeof(buffer));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kResourceExhausted);
}

TEST(ReadAheadSourceTest, CanBeGivenUpAnywhere) {
  for (const int64_t taken : {0, 1, 200'000}) {
    const auto source = MakeReadAheadSource(MakeMemorySource(Sample(3'000'000, 8)));
    std::vector<char> buffer(200'000);
    int64_t got = 0;
    while (got < taken) got += source->Read(buffer.data(), taken - got).value();
    EXPECT_EQ(got, taken);
  }
}

TEST(DecompressedSourceTest, OtherBytesPassAsTheyAre) {
  for (const std::string& text : {std::string(), std::string("\x1f"), std::string("{}"),
                                  std::string("\x28\xb5\x2f"), Sample(1'000'000, 4)}) {
    const Outcome outcome = Decompress(text, 1'000);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.bytes, text);
  }
}

TEST(DecompressedSourceTest, ErrorsOfTheInputComeAfterItsBytes) {
  const std::string compressed = Gzip(Sample(50'000, 3));
  for (const std::string& bytes : {std::string("plain"), compressed.substr(0, 2'000)}) {
    const auto source =
        MakeDecompressedSource(std::make_unique<SlowSource>(bytes, 100, true), "input");
    const Outcome outcome = ReadToEnd(*source);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->kind, ErrorKind::kIo);
    EXPECT_FALSE(outcome.bytes.empty());
  }
}

TEST(GzipTest, OneMemberOfAnySizeInAnyPieces) {
  for (const size_t size : {0u, 1u, 100u, 70'000u, 3'000'000u}) {
    const std::string text = Sample(size, size);
    const std::string compressed = Gzip(text);
    for (const int64_t step : {1, 7, 4096, 1 << 20}) {
      if (step == 1 && size > 100'000) continue;
      const Outcome outcome = Decompress(compressed, step, step == 7 ? 13 : 65'536);
      ASSERT_FALSE(outcome.error) << outcome.error->message;
      ASSERT_EQ(outcome.bytes, text);
    }
  }
}

TEST(GzipTest, ManyMembersAreOneStream) {
  std::string compressed;
  std::string text;
  for (int i = 0; i < 50; ++i) {
    const std::string piece = Sample(static_cast<size_t>(i * 137), static_cast<uint64_t>(i));
    compressed += Gzip(piece);
    text += piece;
  }
  for (const int64_t step : {1, 5, 1 << 20}) EXPECT_EQ(Decompress(compressed, step).bytes, text);
}

TEST(GzipTest, OptionalHeaderPartsAreSkippedAndChecked) {
  const std::string extra = std::string("\x05\x00", 2) + "extra";
  const std::string names = std::string("name\0", 5) + std::string("comment\0", 8);
  const std::string good = Gzip("text", 0x1e, extra + names);
  EXPECT_EQ(Decompress(good).bytes, "text");
  std::string bad = good;
  bad[14] = 'X';
  ExpectCorrupt(Decompress(bad), "header that fails its checksum");
  ExpectCorrupt(Decompress(Gzip("text", 0x20)), "reserved flags");
  bad = good;
  bad[2] = 7;
  ExpectCorrupt(Decompress(bad), "compression method 7");
}

TEST(GzipTest, ZeroPaddingIsToleratedGarbageIsNot) {
  const std::string text = Sample(10'000, 1);
  EXPECT_EQ(Decompress(Gzip(text) + std::string(1'000'000, '\0')).bytes, text);
  EXPECT_FALSE(Decompress(Gzip(text) + std::string(1'000'000, '\0')).error);
  for (const std::string& garbage :
       {std::string("x"), std::string("\x1f\x8c"), std::string("{}\n"), std::string("\0\0x", 3)}) {
    const Outcome outcome = Decompress(Gzip(text) + garbage);
    EXPECT_EQ(outcome.bytes, text);
    ExpectCorrupt(outcome, "bytes after");
  }
}

TEST(GzipTest, EveryCutKeepsThePrefixAndIsAnError) {
  const std::string first = Sample(3'000, 1);
  const std::string second = Sample(2'000, 2);
  const std::string text = first + second;
  const std::string boundary = Gzip(first, 0x08, std::string("name\0", 5));
  const std::string compressed = boundary + Gzip(second);
  size_t longest = 0;
  for (size_t cut = 2; cut < compressed.size(); ++cut) {
    const Outcome outcome = Decompress(compressed.substr(0, cut), 64);
    ASSERT_EQ(outcome.bytes, text.substr(0, outcome.bytes.size())) << cut;
    ASSERT_GE(outcome.bytes.size(), longest) << cut;
    longest = outcome.bytes.size();
    if (cut == boundary.size()) {
      // Whole members are a whole file.
      EXPECT_FALSE(outcome.error);
      EXPECT_EQ(outcome.bytes, first);
    } else {
      ASSERT_TRUE(outcome.error) << cut;
      EXPECT_EQ(outcome.error->kind, ErrorKind::kCorruption);
    }
  }
  EXPECT_EQ(longest, text.size());
}

TEST(GzipTest, DamagedTrailersAreFound) {
  const std::string text = Sample(10'000, 1);
  const std::string good = Gzip(text);
  for (size_t i = 0; i < 8; ++i) {
    std::string bad = good;
    bad[bad.size() - 1 - i] ^= 0x40;
    const Outcome outcome = Decompress(bad);
    EXPECT_EQ(outcome.bytes, text);
    ExpectCorrupt(outcome, i < 4 ? "says it holds" : "fails its checksum");
  }
}

TEST(GzipTest, EveryFlippedByteOfTheDataIsFound) {
  const std::string text = Sample(2'000, 1);
  const std::string good = Gzip(text);
  for (size_t i = 10; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 0x11;
    const Outcome outcome = Decompress(bad);
    ASSERT_TRUE(outcome.error) << i;
    EXPECT_EQ(outcome.error->kind, ErrorKind::kCorruption);
  }
}

TEST(ZstdTest, OneOrManyFramesInAnyPieces) {
  const std::string first = Sample(200'000, 1);
  const std::string second = Sample(77, 2);
  // A skippable frame of three bytes stands between.
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  const std::string compressed = Zstd(first) + skippable + Zstd("") + Zstd(second);
  for (const int64_t step : {1, 5, 1 << 20}) {
    const Outcome outcome = Decompress(compressed, step);
    ASSERT_FALSE(outcome.error) << outcome.error->message;
    EXPECT_EQ(outcome.bytes, first + second);
  }
  EXPECT_EQ(Decompress(skippable + Zstd(second)).bytes, second);
}

TEST(ZstdTest, EveryCutKeepsThePrefixAndIsAnError) {
  const std::string first = Sample(3'000, 1);
  const std::string second = Sample(2'000, 2);
  const std::string text = first + second;
  const std::string boundary = Zstd(first);
  const std::string compressed = boundary + Zstd(second);
  for (size_t cut = 4; cut < compressed.size(); ++cut) {
    const Outcome outcome = Decompress(compressed.substr(0, cut), 64);
    ASSERT_EQ(outcome.bytes, text.substr(0, outcome.bytes.size())) << cut;
    ASSERT_EQ(outcome.error.has_value(), cut != boundary.size()) << cut;
    if (outcome.error) {
      EXPECT_EQ(outcome.error->kind, ErrorKind::kCorruption);
    }
  }
}

TEST(ZstdTest, DamageIsFound) {
  const std::string text = Sample(3'000, 1);
  std::string bad = Zstd(text);
  bad.back() ^= 1;
  const Outcome outcome = Decompress(bad);
  ExpectCorrupt(outcome, "broken zstd data");
  ExpectCorrupt(Decompress(Zstd(text) + "garbage"), "broken zstd data");
}

TEST(ZstdTest, WindowsBeyond128MiBAreRefused) {
  const std::string text = Sample(300'000, 1);
  EXPECT_EQ(Decompress(Zstd(text, 27)).bytes, text);
  const Outcome outcome = Decompress(Zstd(text, 28));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->kind, ErrorKind::kResourceExhausted);
  EXPECT_THAT(outcome.error->message, HasSubstr("128 MiB"));
}

}  // namespace
}  // namespace octolake::io
