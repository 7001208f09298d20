#include "base/crc32.h"

#include <gtest/gtest.h>

#include <string>

namespace octolake {
namespace {

TEST(Crc32Test, TheCheckValueOfTheStandard) {
  EXPECT_EQ(Crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(Crc32(""), 0U);
}

TEST(Crc32Test, PiecesGiveTheSameAsTheWhole) {
  std::string bytes;
  for (int i = 0; i < 10'000; ++i) bytes.push_back(static_cast<char>(i * 7));
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{4'097}, bytes.size()}) {
    EXPECT_EQ(Crc32(bytes.substr(cut), Crc32(bytes.substr(0, cut))), Crc32(bytes)) << cut;
  }
}

}  // namespace
}  // namespace octolake
