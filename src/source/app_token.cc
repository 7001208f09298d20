#include "source/app_token.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace octolake::source {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
// GitHub takes at most ten minutes, and asks for some leeway for clocks that differ.
constexpr int64_t kLifeSeconds = 540;
constexpr int64_t kLeewaySeconds = 60;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

// RFC 4648, section 5, without padding.
std::string Base64Url(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

Result<std::string> Sign(std::string_view text, const std::string& private_key) {
  const std::unique_ptr<BIO, FreeBio> pem(
      BIO_new_mem_buf(private_key.data(), static_cast<int>(private_key.size())));
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, nullptr));
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "the App's key is no RSA private key in PEM, as GitHub gives them out");
  }
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  if (digest == nullptr ||
      EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size()) != 1) {
    return MakeError(ErrorKind::kInvalidArgument, "the App's key cannot sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                     text.size()) != 1) {
    return MakeError(ErrorKind::kInvalidArgument, "the App's key cannot sign");
  }
  signature.resize(size);
  return signature;
}

}  // namespace

Result<std::string> MakeAppToken(const std::string& app, const std::string& private_key,
                                 TimestampMicros now) {
  const int64_t seconds = now / kMicrosPerSecond;
  const nlohmann::ordered_json claims = {
      {"iat", seconds - kLeewaySeconds}, {"exp", seconds + kLifeSeconds}, {"iss", app}};
  std::string token = Base64Url(R"({"alg":"RS256","typ":"JWT"})") + "." + Base64Url(claims.dump());
  OCTO_ASSIGN(const std::string signature, Sign(token, private_key));
  return token + "." + Base64Url(signature);
}

}  // namespace octolake::source
