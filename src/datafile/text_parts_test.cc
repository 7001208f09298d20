#include "datafile/text_parts.h"

#include <arrow/buffer.h>
#include <arrow/util/compression.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/exception.h>

#include <functional>
#include <string>
#include <vector>

namespace octolake::datafile {
namespace {

using Buffer = std::shared_ptr<arrow::Buffer>;

constexpr int64_t kMegabyte = int64_t{1} << 20;

std::string Length(size_t bytes) {
  std::string length(kLengthBytes, '\0');
  PutLength(reinterpret_cast<uint8_t*>(length.data()), bytes);
  return length;
}

// PLAIN.
std::string Plain(const std::vector<std::string>& texts) {
  std::string plain;
  for (const std::string& text : texts) plain += Length(text.size()) + text;
  return plain;
}

Buffer Compressed(const std::string& bytes) {
  const auto codec = arrow::util::Codec::Create(arrow::Compression::ZSTD).ValueOrDie();
  const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto size = static_cast<int64_t>(bytes.size());
  auto out = arrow::AllocateResizableBuffer(codec->MaxCompressedLen(size, in)).ValueOrDie();
  const int64_t written = codec->Compress(size, in, out->size(), out->mutable_data()).ValueOrDie();
  EXPECT_TRUE(out->Resize(written).ok());
  return out;
}

std::shared_ptr<parquet::DataPageV1> Page(Buffer bytes, int rows, int64_t size,
                                          parquet::Encoding::type encoding) {
  return std::make_shared<parquet::DataPageV1>(std::move(bytes), rows, encoding, kLevelEncoding,
                                               kLevelEncoding, size);
}

// The values of a required column.
std::vector<std::string> TextsOf(TextParts& parts) {
  std::vector<std::string> texts;
  while (const auto part = parts.Next()) {
    EXPECT_EQ(part->encoding(), parquet::Encoding::PLAIN);
    int64_t at = 0;
    for (int row = 0; row < part->num_values(); ++row) {
      const auto bytes = LengthAt(part->data() + at);
      texts.emplace_back(reinterpret_cast<const char*>(part->data()) + at + kLengthBytes,
                         static_cast<size_t>(bytes));
      at += kLengthBytes + bytes;
    }
    EXPECT_EQ(at, part->size());
  }
  return texts;
}

std::string ErrorOf(const std::function<void()>& read) {
  try {
    read();
  } catch (const parquet::ParquetException& error) {
    return error.what();
  }
  return "none";
}

// Of a page of `rows` texts with these bytes, which says that they are `more` bytes longer.
std::string ErrorOfDivided(const std::string& bytes, int rows, int64_t more = 0,
                           bool optional = false) {
  return ErrorOf([&] {
    DividedPage page(Page(Compressed(bytes), rows, static_cast<int64_t>(bytes.size()) + more,
                          parquet::Encoding::PLAIN),
                     optional);
    while (page.Next() != nullptr) {
    }
  });
}

// Places of one byte each in a dictionary, as they stand in a page without levels: the bits of one
// place, then a run of them that are not packed, for each.
std::string Places(const std::vector<int>& places) {
  std::string bytes(1, char{8});
  for (const int place : places) {
    bytes += char{1 << 1};
    bytes += static_cast<char>(place);
  }
  return bytes;
}

std::vector<std::string> Spell(const std::vector<int>& places, const TextDictionary& dictionary,
                               int rows) {
  const auto page =
      Page(arrow::Buffer::FromString(Places(places)), rows, 0, parquet::Encoding::RLE_DICTIONARY);
  SpelledPage spelled(*page, dictionary, false);
  return TextsOf(spelled);
}

TEST(TextPartsTest, APageIsDividedBetweenValues) {
  std::vector<std::string> texts;
  for (int i = 0; i < 30; ++i) texts.emplace_back(size_t{100'000} * (i % 4), 'x');
  texts.emplace_back(5 * kMegabyte, 'y');  // longer than a part
  texts.insert(texts.end(), {"", "the last"});
  const std::string bytes = Plain(texts);
  DividedPage page(Page(Compressed(bytes), static_cast<int>(texts.size()),
                        static_cast<int64_t>(bytes.size()), parquet::Encoding::PLAIN),
                   false);
  EXPECT_EQ(TextsOf(page), texts);
  EXPECT_EQ(page.Next(), nullptr);
}

TEST(TextPartsTest, APageThatIsNotWhatItSaysIsDamaged) {
  const std::string two = Plain({"one", std::string(3 * kMegabyte, 'x')});
  EXPECT_EQ(ErrorOfDivided(two, 2), "none");
  EXPECT_THAT(ErrorOfDivided(two, 3), testing::HasSubstr("ends within a value"));
  EXPECT_THAT(ErrorOfDivided(two, 1), testing::HasSubstr("longer than its values"));
  EXPECT_THAT(ErrorOfDivided(two, 2, 1), testing::HasSubstr("longer than its values"));
  EXPECT_THAT(ErrorOfDivided(two, 3, 1), testing::HasSubstr("shorter than it says"));
  EXPECT_THAT(ErrorOfDivided(two, 2, -1), testing::HasSubstr("ends within a value"));
  EXPECT_THAT(ErrorOfDivided(two + Plain({"three"}), 2, -9),
              testing::HasSubstr("longer than it says"));
  EXPECT_THAT(ErrorOfDivided(Length(0xFFFFFFFF) + "x", 1),
              testing::HasSubstr("ends within a value"));
  EXPECT_THAT(ErrorOfDivided(two, -1), testing::HasSubstr("a page of -1 rows"));
  // Levels that are longer than the page, and fewer than its rows.
  EXPECT_THAT(ErrorOfDivided(Length(100) + "x", 1, 0, true), testing::HasSubstr("ends within"));
  EXPECT_THAT(ErrorOfDivided(Length(2) + std::string({2 << 1, 1}) + Plain({"a", "b"}), 3, 0, true),
              testing::HasSubstr("fewer levels"));
  EXPECT_EQ(ErrorOfDivided(Length(2) + std::string({2 << 1, 1}) + Plain({"a", "b"}), 2, 0, true),
            "none");
}

TEST(TextPartsTest, AFrameThatIsCutShortIsDamaged) {
  const std::string bytes = Plain({std::string(3 * kMegabyte, 'x')});
  const Buffer whole = Compressed(bytes);
  EXPECT_THAT(ErrorOf([&] {
                DividedPage page(Page(arrow::SliceBuffer(whole, 0, whole->size() - 5), 1,
                                      static_cast<int64_t>(bytes.size()), parquet::Encoding::PLAIN),
                                 false);
                TextsOf(page);
              }),
              testing::HasSubstr("cut short"));
}

TEST(TextPartsTest, PlacesBecomeTheTextsOfTheirDictionary) {
  const std::string first(700'000, 'a');
  const TextDictionary dictionary(arrow::Buffer::FromString(Plain({first, "", "third"})), 3);
  EXPECT_THAT(Spell({2, 0, 1, 0, 0}, dictionary, 5),
              testing::ElementsAre("third", first, "", first, first));
  EXPECT_THAT(ErrorOf([&] {
                Spell({0, 3}, dictionary, 2);
              }),
              testing::HasSubstr("a place that its dictionary has not"));
  EXPECT_NE(ErrorOf([&] { Spell({0, 1}, dictionary, 3); }), "none");
}

TEST(TextPartsTest, ADictionaryThatEndsWithinAValueIsDamaged) {
  const std::string bytes = Plain({"one", "two"});
  for (const auto& [cut, values] : {std::pair{1, 2}, {5, 2}, {0, 3}}) {
    EXPECT_THAT(ErrorOf([&] {
                  TextDictionary(
                      arrow::Buffer::FromString(bytes.substr(0, bytes.size() - size_t(cut))),
                      values);
                }),
                testing::HasSubstr("ends within a value"));
  }
}

}  // namespace
}  // namespace octolake::datafile
