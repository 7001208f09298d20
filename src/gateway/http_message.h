// A request as the gateway's parts see it, and what they answer.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace octolake::gateway {

// The header fields that mean something here; all others are read and left out.
enum class Field {
  kAuthorization,
  kContentEncoding,
  kContentType,
  kExpect,
  kHubSignature256,
  kGitHubDelivery,
  kGitHubEvent,
  kGitHubHookId,
  kGitHubHookInstallationTargetId,
  kGitHubHookInstallationTargetType,
  kHost,
  kOrigin,
};
inline constexpr size_t kFieldCount = static_cast<size_t>(Field::kOrigin) + 1;
// As GitHub and RFC 9110 spell it.
std::string_view FieldName(Field field);

struct Request {
  std::string method;
  std::string path;   // of the target, without the query
  std::string query;  // without '?'
  bool keep_alive = true;
  std::optional<uint64_t> content_length;  // as announced
  bool chunked = false;
  // At least kJsonPadding bytes behind it can be read once the request is complete.
  std::string body;

  bool Has(Field field) const { return present_[static_cast<size_t>(field)]; }
  // "" if it is not there.
  const std::string& Get(Field field) const { return fields_[static_cast<size_t>(field)]; }
  void Set(Field field, std::string_view value) {
    present_.set(static_cast<size_t>(field));
    fields_[static_cast<size_t>(field)].assign(value);
  }
  // Keeps the memory of what is small.
  void Clear();

 private:
  std::array<std::string, kFieldCount> fields_;
  std::bitset<kFieldCount> present_;
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // a constant
  std::string body;
  int retry_after_seconds = 0;  // 0: no such field
  std::string_view allow;       // the methods of a 405; a constant
  bool close = false;           // the connection ends after it
};

// {"detail": ...}; what is not UTF-8 in it is replaced.
Response ErrorResponse(int status, std::string_view detail);

// Appends status line, header and body (left out for HEAD). `date` is an IMF-fixdate.
void AppendResponse(const Response& response, bool keep_alive, bool with_body,
                    std::string_view date, std::string& out);

// "Sun, 06 Nov 1994 08:49:37 GMT" of seconds since 1970.
std::string HttpDate(int64_t unix_seconds);

}  // namespace octolake::gateway
