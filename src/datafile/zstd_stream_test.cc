#include "datafile/zstd_stream.h"

#include <arrow/buffer.h>
#include <gtest/gtest.h>
#include <parquet/exception.h>
#include <zstd.h>

#include <string>

namespace octolake::datafile {
namespace {

enum class Says { kItsLength, kNothing };

std::string Frame(const std::string& content, Says says) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, says == Says::kItsLength ? 1 : 0);
  std::string frame(ZSTD_compressBound(content.size()), '\0');
  frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), content.data(), content.size()));
  ZSTD_freeCCtx(context);
  EXPECT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()) == ZSTD_CONTENTSIZE_UNKNOWN,
            says == Says::kNothing);
  return frame;
}

std::string Content(size_t bytes) {
  std::string content;
  for (uint64_t i = 0; content.size() < bytes; ++i) content += std::to_string(i * i);
  content.resize(bytes);
  return content;
}

TEST(ZstdStreamTest, AllIsDecompressedWhetherOrNotALengthIsSaid) {
  // About the sizes that are read at once.
  for (const size_t bytes : {0, 1, 65'535, 65'536, 65'537, 131'072, 1'000'000}) {
    const std::string content = Content(bytes);
    for (const Says says : {Says::kItsLength, Says::kNothing}) {
      const std::string frame = Frame(content, says);
      EXPECT_EQ(DecompressAll(arrow::Buffer(frame))->ToString(), content) << bytes;
      // Several frames are one content.
      EXPECT_EQ(DecompressAll(arrow::Buffer(frame + frame))->ToString(), content + content);
      const auto size = static_cast<int64_t>(bytes);
      EXPECT_EQ(Decompress(arrow::Buffer(frame), size)->ToString(), content);
      EXPECT_THROW(Decompress(arrow::Buffer(frame), size + 1), parquet::ParquetException);
      EXPECT_THROW(Decompress(arrow::Buffer(frame), size - 1), parquet::ParquetException);
    }
  }
}

TEST(ZstdStreamTest, WhatIsReadInPiecesIsTheContent) {
  const std::string content = Content(100'000);
  const std::string frame = Frame(content, Says::kNothing);
  const arrow::Buffer compressed(frame);
  ZstdStream stream(compressed);
  std::string read;
  std::string piece(999, '\0');
  while (true) {
    const int64_t got = stream.Read(reinterpret_cast<uint8_t*>(piece.data()), 999);
    read.append(piece, 0, static_cast<size_t>(got));
    if (got < 999) break;
  }
  EXPECT_EQ(read, content);
  stream.CheckEnd();
}

TEST(ZstdStreamTest, WhatIsCutOrNoFrameIsAnError) {
  const std::string frame = Frame(Content(100'000), Says::kNothing);
  for (const size_t kept : {size_t{1}, size_t{10}, frame.size() / 2, frame.size() - 1}) {
    const std::string cut = frame.substr(0, kept);
    EXPECT_THROW(DecompressAll(arrow::Buffer(cut)), parquet::ParquetException) << kept;
  }
  const std::string text = "no frame at all";
  EXPECT_THROW(DecompressAll(arrow::Buffer(text)), parquet::ParquetException);
}

TEST(ZstdStreamTest, MoreThanWasReadIsAnError) {
  const std::string frame = Frame("content", Says::kNothing);
  const arrow::Buffer compressed(frame);
  ZstdStream stream(compressed);
  uint8_t read[6];
  EXPECT_EQ(stream.Read(read, 6), 6);
  EXPECT_THROW(stream.CheckEnd(), parquet::ParquetException);
}

}  // namespace
}  // namespace octolake::datafile
