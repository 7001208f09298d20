#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace octolake {
namespace {

TEST(Crc32cTest, GivesTheValuesOfTheStandard) {
  std::string ascending;
  for (int byte = 0; byte < 32; ++byte) ascending += static_cast<char>(byte);
  const std::string descending(ascending.rbegin(), ascending.rend());
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c(ascending), 0x46DD794Eu);
  EXPECT_EQ(Crc32c(descending), 0x113FDB5Cu);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(Crc32cTest, ContinuesAndAgreesWithoutTheInstruction) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>(i * 37);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string_view front = std::string_view(text).substr(0, cut);
    const std::string_view back = std::string_view(text).substr(cut);
    EXPECT_EQ(Crc32c(back, Crc32c(front)), Crc32c(text));
    EXPECT_EQ(Crc32cPortable(back, Crc32cPortable(front)), Crc32c(text));
  }
}

}  // namespace
}  // namespace octolake
