// SHA-256 (FIPS 180-4) of bytes given piece by piece.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace octolake {

using Sha256Digest = std::array<uint8_t, 32>;

// Not thread-safe. Movable.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::string_view bytes);

  // The digest of everything given since construction or the last Finish; begins anew.
  Sha256Digest Finish();
  // The same as 64 lower-case hex digits.
  std::string FinishHex();

 private:
  void Begin();
  struct Deleter {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Deleter> context_;
};

std::string Sha256Hex(std::string_view bytes);

}  // namespace octolake
