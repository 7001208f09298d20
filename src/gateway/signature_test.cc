#include "gateway/signature.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace octolake::gateway {
namespace {

// docs.github.com, "Testing the webhook payload validation".
constexpr const char kSecret[] = "It's a Secret to Everybody";
constexpr const char kPayload[] = "Hello, World!";
constexpr const char kSignature[] =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

TEST(Signature, PublishedVector) {
  EXPECT_TRUE(IsSignedWith({kSecret}, kPayload, kSignature));
  EXPECT_FALSE(IsSignedWith({kSecret}, "Hello, World", kSignature));
  EXPECT_FALSE(IsSignedWith({"it's a Secret to Everybody"}, kPayload, kSignature));
}

TEST(Signature, AnyOfSeveralSecrets) {
  EXPECT_TRUE(IsSignedWith({"new", kSecret}, kPayload, kSignature));
  EXPECT_TRUE(IsSignedWith({kSecret, "new"}, kPayload, kSignature));
  EXPECT_FALSE(IsSignedWith({"new", "newer"}, kPayload, kSignature));
}

TEST(Signature, NothingIsSignedWithoutASecret) {
  // The HMAC of the payload under the empty key.
  EXPECT_FALSE(IsSignedWith({}, kPayload, kSignature));
  EXPECT_FALSE(IsSignedWith(
      {""}, "", "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

TEST(Signature, FiveThousandMutationsAreRefused) {
  SeededRandom random(20150101);
  const std::string good = kSignature;
  int tried = 0;
  while (tried < 5000) {
    std::string bad = good;
    const size_t at = random.Next() % bad.size();
    switch (random.Next() % 5) {
      case 0:
        bad[at] = static_cast<char>(random.Next() % 256);
        break;
      case 1:
        bad.erase(at, 1 + random.Next() % 8);
        break;
      case 2:
        bad.insert(at, 1, "0123456789abcdef"[random.Next() % 16]);
        break;
      case 3:
        std::swap(bad[at], bad[random.Next() % bad.size()]);
        break;
      default:
        bad += bad.substr(at);
    }
    // Hexadecimal digits in upper case are the same signature.
    std::string lower = bad;
    for (size_t i = 7; i < lower.size(); ++i) {
      if (lower[i] >= 'A' && lower[i] <= 'F') lower[i] = static_cast<char>(lower[i] | 0x20);
    }
    if (lower == good) continue;
    ++tried;
    ASSERT_FALSE(IsSignedWith({kSecret}, kPayload, bad)) << bad;
  }
}

TEST(Token, SchemeAndTokenAreCompared) {
  const std::vector<std::string> tokens = {"first", "second"};
  EXPECT_TRUE(HasToken(tokens, "Bearer first"));
  EXPECT_TRUE(HasToken(tokens, "bearer second"));
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer firs", "Bearer first ", "Basic first",
                            "first", "Bearer  first", "Bearer FIRST"}) {
    EXPECT_FALSE(HasToken(tokens, wrong)) << wrong;
  }
  EXPECT_FALSE(HasToken({""}, "Bearer "));
}

}  // namespace
}  // namespace octolake::gateway
