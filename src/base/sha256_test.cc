#include "base/sha256.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace octolake {
namespace {

// Examples of FIPS 180-4.
constexpr char kOfNothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256Test, KnownDigests) {
  EXPECT_EQ(Sha256Hex(""), kOfNothing);
  EXPECT_EQ(Sha256Hex("abc"), kOfAbc);
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PiecesGiveTheSameAndFinishBeginsAnew) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.FinishHex(), kOfAbc);
  EXPECT_EQ(hash.FinishHex(), kOfNothing);
  Sha256 moved = std::move(hash);
  moved.Update("abc");
  EXPECT_EQ(moved.Finish()[0], 0xba);
}

TEST(HexTest, BothWays) {
  const std::string bytes("\x00\x7f\xff\xa0", 4);
  EXPECT_EQ(HexEncode(bytes), "007fffa0");
  EXPECT_EQ(HexDecode("007FffA0").value(), bytes);
  EXPECT_EQ(HexDecode("").value(), "");
  EXPECT_EQ(HexDecode("0").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(HexDecode("00zz").error().message, "not a hexadecimal digit at position 2");
}

}  // namespace
}  // namespace octolake
