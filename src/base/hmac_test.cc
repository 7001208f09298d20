#include "base/hmac.h"

#include <gtest/gtest.h>

#include <string>

#include "base/hex.h"

namespace octolake {
namespace {

std::string Hmac(std::string_view key, std::string_view message) {
  const Sha256Digest digest = HmacSha256(key, message);
  return HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// RFC 4231, test cases 1, 2, 3 and 6; the last has a key that is longer than a block.
TEST(HmacTest, PublishedVectors) {
  EXPECT_EQ(Hmac(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hmac("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hmac(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(
      Hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacTest, EdgesOfTheKey) {
  // The HMAC of nothing under no key.
  EXPECT_EQ(Hmac("", ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  // A key of a block is taken as it is, a longer one is not.
  EXPECT_NE(Hmac(std::string(64, 'k'), "m"), Hmac(std::string(65, 'k'), "m"));
  EXPECT_NE(Hmac(std::string(63, 'k'), "m"), Hmac(std::string(64, 'k'), "m"));
}

}  // namespace
}  // namespace octolake
