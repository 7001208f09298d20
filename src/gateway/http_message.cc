#include "gateway/http_message.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace octolake::gateway {
namespace {

// A longer string gives its memory back when the next request comes.
constexpr size_t kKeptBytes = 4096;

void Empty(std::string& text) {
  if (text.capacity() > kKeptBytes) {
    text = std::string();
  } else {
    text.clear();
  }
}

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Error";
  }
}

}  // namespace

std::string_view FieldName(Field field) {
  switch (field) {
    case Field::kAuthorization:
      return "Authorization";
    case Field::kContentEncoding:
      return "Content-Encoding";
    case Field::kContentType:
      return "Content-Type";
    case Field::kExpect:
      return "Expect";
    case Field::kHubSignature256:
      return "X-Hub-Signature-256";
    case Field::kGitHubDelivery:
      return "X-GitHub-Delivery";
    case Field::kGitHubEvent:
      return "X-GitHub-Event";
    case Field::kGitHubHookId:
      return "X-GitHub-Hook-ID";
    case Field::kGitHubHookInstallationTargetId:
      return "X-GitHub-Hook-Installation-Target-ID";
    case Field::kGitHubHookInstallationTargetType:
      return "X-GitHub-Hook-Installation-Target-Type";
    case Field::kHost:
      return "Host";
    case Field::kOrigin:
      return "Origin";
  }
  return "";
}

void Request::Clear() {
  Empty(method);
  Empty(path);
  Empty(query);
  Empty(body);
  keep_alive = true;
  content_length.reset();
  chunked = false;
  for (size_t i = 0; i < kFieldCount; ++i) {
    if (present_[i]) Empty(fields_[i]);
  }
  present_.reset();
}

Response ErrorResponse(int status, std::string_view detail) {
  Response response;
  response.status = status;
  response.body = JsonText(nlohmann::json{{"detail", detail}});
  return response;
}

void AppendResponse(const Response& response, bool keep_alive, bool with_body,
                    std::string_view date, std::string& out) {
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(Reason(response.status)).append("\r\nDate: ").append(date);
  out.append("\r\nContent-Type: ").append(response.content_type);
  out.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
  if (response.retry_after_seconds > 0) {
    out.append("\r\nRetry-After: ").append(std::to_string(response.retry_after_seconds));
  }
  if (!response.allow.empty()) out.append("\r\nAllow: ").append(response.allow);
  if (response.status == 401) out.append("\r\nWWW-Authenticate: Bearer");
  if (!keep_alive) out.append("\r\nConnection: close");
  out.append("\r\n\r\n");
  if (with_body) out.append(response.body);
}

std::string HttpDate(int64_t unix_seconds) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  const int size = std::snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return {text, static_cast<size_t>(size)};
}

}  // namespace octolake::gateway
