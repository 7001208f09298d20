#include "base/sha256.h"

#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>

#include "base/hex.h"

namespace octolake {
namespace {

// OpenSSL's digests fail only without memory or without their provider; ids and file digests that
// were silently wrong would be worse than an end.
void Require(int ok, const char* call) {
  if (ok == 1) return;
  std::fprintf(stderr, "octolake: OpenSSL cannot compute SHA-256 (%s failed)\n", call);
  std::abort();
}

// Fetched once: fetching the implementation for every short text costs more than hashing it.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Require(algorithm != nullptr, "EVP_MD_fetch");
  return algorithm;
}

}  // namespace

void Sha256::Deleter::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  Require(context_ != nullptr, "EVP_MD_CTX_new");
  Begin();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Begin() {
  Require(EVP_DigestInit_ex(context_.get(), Algorithm(), nullptr), "EVP_DigestInit_ex");
}

void Sha256::Update(std::string_view bytes) {
  Require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()), "EVP_DigestUpdate");
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  Require(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr), "EVP_DigestFinal_ex");
  Begin();
  return digest;
}

std::string Sha256::FinishHex() {
  const Sha256Digest digest = Finish();
  return HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.FinishHex();
}

}  // namespace octolake
