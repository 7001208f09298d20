#include "gateway/request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "base/string_util.h"
#include "event/json_index.h"

namespace octolake::gateway {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

std::string_view View(string_view text) { return {text.data(), text.size()}; }

std::optional<Field> KnownField(http::field field, std::string_view name) {
  switch (field) {
    case http::field::authorization:
      return Field::kAuthorization;
    case http::field::content_encoding:
      return Field::kContentEncoding;
    case http::field::content_type:
      return Field::kContentType;
    case http::field::expect:
      return Field::kExpect;
    case http::field::host:
      return Field::kHost;
    case http::field::origin:
      return Field::kOrigin;
    case http::field::unknown:
      break;
    default:
      return std::nullopt;
  }
  if (name.empty() || (name.front() | 0x20) != 'x') return std::nullopt;
  for (const Field known :
       {Field::kHubSignature256, Field::kGitHubDelivery, Field::kGitHubEvent, Field::kGitHubHookId,
        Field::kGitHubHookInstallationTargetId, Field::kGitHubHookInstallationTargetType}) {
    if (EqualsIgnoringCase(name, FieldName(known))) return known;
  }
  return std::nullopt;
}

struct Problem {
  int status = 400;
  std::string detail;
};

// A body of known length has its memory at once up to this, so that a length that is only claimed
// costs nothing.
constexpr uint64_t kReservedBytes = 256 << 10;

// Nobody here reads them.
constexpr size_t kMaxChunkExtensionBytes = 256;

constexpr const char* kLongLine = "a chunk's line or the trailer is too long";

}  // namespace

// What Beast finds, as it finds it.
class RequestParser::Beast {
 public:
  Beast(Request& request, const ParserLimits& limits) : request_(request), limits_(limits) {
    Reset(nullptr);
  }

  void Reset(const uint64_t* body_limit) {
    parser_.emplace(*this);
    parser_->header_limit(static_cast<uint32_t>(limits_.head_bytes));
    parser_->body_limit(boost::none);
    body_limit_ = body_limit;
    problem_.reset();
    fields_ = 0;
    version_ = 11;
    head_done_ = false;
  }

  size_t Put(std::string_view bytes, ErrorCode& error) {
    return parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  }
  bool head_done() const { return parser_->is_header_done(); }
  bool done() const { return parser_->is_done(); }
  // HTTP/1.0 has a connection a request: keeping it open takes a field of its own in the answer.
  bool keep_alive() const { return version_ >= 11 && parser_->keep_alive(); }
  int version() const { return version_; }
  const std::optional<Problem>& problem() const { return problem_; }

 private:
  class Callbacks final : public http::basic_parser<true> {
   public:
    explicit Callbacks(Beast& owner) : owner_(owner) {}

   private:
    void on_request_impl(http::verb /*verb*/, string_view method, string_view target, int version,
                         ErrorCode& error) override {
      owner_.OnRequestLine(View(method), View(target), version, error);
    }
    void on_response_impl(int /*status*/, string_view /*reason*/, int /*version*/,
                          ErrorCode& /*error*/) override {}
    void on_field_impl(http::field field, string_view name, string_view value,
                       ErrorCode& error) override {
      owner_.OnField(field, View(name), View(value), error);
    }
    void on_header_impl(ErrorCode& /*error*/) override { owner_.head_done_ = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                           ErrorCode& /*error*/) override {}
    std::size_t on_body_impl(string_view body, ErrorCode& error) override {
      return owner_.OnBody(View(body), error);
    }
    void on_chunk_header_impl(std::uint64_t size, string_view extensions,
                              ErrorCode& error) override {
      owner_.OnChunk(size, View(extensions), error);
    }
    std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, string_view body,
                                   ErrorCode& error) override {
      return owner_.OnBody(View(body), error);
    }
    void on_finish_impl(ErrorCode& /*error*/) override {}

    Beast& owner_;
  };

  void Refuse(int status, std::string detail, ErrorCode& error) {
    problem_ = Problem{status, std::move(detail)};
    error = http::error::bad_value;
  }

  void OnRequestLine(std::string_view method, std::string_view target, int version,
                     ErrorCode& error) {
    if (target.size() > limits_.target_bytes) {
      return Refuse(414,
                    "the target is longer than " + std::to_string(limits_.target_bytes) + " bytes",
                    error);
    }
    request_.method.assign(method);
    // absolute-form, RFC 9112 section 3.2.2
    if (target.starts_with("http://") || target.starts_with("https://")) {
      const size_t path = target.find_first_of("/?", target.find("//") + 2);
      const bool none = path == std::string_view::npos || target[path] == '?';
      absolute_.assign(none ? "/" : "");
      if (path != std::string_view::npos) absolute_.append(target.substr(path));
      target = absolute_;
    }
    const size_t question = target.find('?');
    request_.path.assign(target.substr(0, question));
    if (question != std::string_view::npos) request_.query.assign(target.substr(question + 1));
    version_ = version;
  }

  void OnField(http::field field, std::string_view name, std::string_view value, ErrorCode& error) {
    if (++fields_ > limits_.fields) {
      return Refuse(431, "more than " + std::to_string(limits_.fields) + " header fields", error);
    }
    if (head_done_) return;  // a trailer decides nothing
    if (field == http::field::content_length) return OnContentLength(value, error);
    if (field == http::field::transfer_encoding) return OnTransferEncoding(value, error);
    const std::optional<Field> known = KnownField(field, name);
    if (!known) return;
    if (request_.Has(*known)) {
      return Refuse(400, "the field " + std::string(FieldName(*known)) + " comes twice", error);
    }
    request_.Set(*known, value);
  }

  void OnContentLength(std::string_view value, ErrorCode& error) {
    const std::optional<uint64_t> length = ParseNumber<uint64_t>(value);
    if (!length) return Refuse(400, "Content-Length is not a number", error);
    if (request_.content_length) return Refuse(400, "Content-Length comes twice", error);
    if (request_.chunked) return Refuse(400, kBothLengths, error);
    request_.content_length = length;
  }

  void OnTransferEncoding(std::string_view value, ErrorCode& error) {
    if (request_.content_length) return Refuse(400, kBothLengths, error);
    if (request_.chunked) return Refuse(400, "Transfer-Encoding comes twice", error);
    if (version_ < 11) return Refuse(400, "Transfer-Encoding in HTTP/1.0", error);
    if (!EqualsIgnoringCase(value, "chunked")) {
      return Refuse(400, "a Transfer-Encoding other than chunked", error);
    }
    request_.chunked = true;
  }

  void OnChunk(uint64_t size, std::string_view extensions, ErrorCode& error) {
    if (extensions.size() > kMaxChunkExtensionBytes) {
      return Refuse(400, "a chunk's line is too long", error);
    }
    if (size > *body_limit_ || request_.body.size() > *body_limit_ - size) TooLarge(error);
  }

  size_t OnBody(std::string_view bytes, ErrorCode& error) {
    if (request_.body.size() + bytes.size() > *body_limit_) {
      TooLarge(error);
      return 0;
    }
    request_.body.append(bytes);
    return bytes.size();
  }

  void TooLarge(ErrorCode& error) {
    Refuse(413, "the body is longer than " + std::to_string(*body_limit_) + " bytes", error);
  }

  static constexpr const char* kBothLengths = "both Content-Length and Transfer-Encoding";

  Request& request_;
  const ParserLimits& limits_;
  std::optional<Callbacks> parser_;
  const uint64_t* body_limit_ = nullptr;
  std::optional<Problem> problem_;
  int fields_ = 0;
  int version_ = 11;
  std::string absolute_;  // the path of an absolute-form target
  bool head_done_ = false;
};

RequestParser::RequestParser(Request& request, const ParserLimits& limits)
    : request_(request), limits_(limits), beast_(std::make_unique<Beast>(request, limits_)) {
  Reset();
}

RequestParser::~RequestParser() = default;

void RequestParser::Reset() {
  request_.Clear();
  body_limit_ = 0;
  beast_->Reset(&body_limit_);
  state_ = State::kHead;
  began_ = false;
  checked_ = 0;
  skipped_ = 0;
  problem_ = Response();
}

void RequestParser::Fail(int status, std::string_view detail) {
  state_ = State::kFailed;
  problem_ = ErrorResponse(status, detail);
  problem_.close = true;
}

size_t RequestParser::Feed(std::string_view bytes) {
  switch (state_) {
    case State::kHead:
      return FeedHead(bytes);
    case State::kBody:
      return FeedBody(bytes);
    case State::kDone:
    case State::kFailed:
      return 0;
  }
  return 0;
}

// Looks at every byte of the head as it comes: what is wrong is said at once, not when a client
// that waits for an answer runs out of patience. True when the head ends at checked_.
bool RequestParser::CheckHeadBytes(std::string_view bytes) {
  for (; checked_ < bytes.size(); ++checked_) {
    const auto c = static_cast<unsigned char>(bytes[checked_]);
    if (c > 0x20 && c != 0x7f) continue;
    const char before = checked_ > 0 ? bytes[checked_ - 1] : '\0';
    if (c == '\n') {
      if (before != '\r') return Fail(400, "a line ends without CR"), false;
      if (checked_ >= 3 && bytes[checked_ - 2] == '\n') return ++checked_, true;
      continue;
    }
    if (before == '\r') return Fail(400, "a CR without LF"), false;
    if (c == ' ' || c == '\t') {
      if (before == '\n') return Fail(400, "a folded header field"), false;
      continue;
    }
    if (c != '\r') return Fail(400, "a control character in the header"), false;
  }
  return false;
}

size_t RequestParser::FeedHead(std::string_view bytes) {
  // RFC 9112 section 2.2: an empty line before a request is no part of it.
  if (!began_ && skipped_ == 0 && bytes.starts_with("\r\n")) {
    skipped_ = 2;
    return 2;
  }
  if (!began_ && bytes == "\r") return 0;
  began_ = began_ || !bytes.empty();
  const bool complete = CheckHeadBytes(bytes);
  if (state_ == State::kFailed) return 0;
  if (!complete) {
    if (bytes.size() >= limits_.head_bytes) Fail(431, "the header is too long");
    return 0;
  }
  if (checked_ > limits_.head_bytes) return Fail(431, "the header is too long"), 0;
  ErrorCode error;
  beast_->Put(bytes.substr(0, checked_), error);
  if (beast_->problem()) {
    Fail(beast_->problem()->status, beast_->problem()->detail);
  } else if (error == http::error::bad_version) {
    Fail(400, "expected HTTP/1.1");
  } else if (error || !beast_->head_done()) {
    Fail(400, "not an HTTP request: " + error.message());
  } else {
    TakeHead();
  }
  return checked_;
}

void RequestParser::TakeHead() {
  if (beast_->version() >= 11 && !request_.Has(Field::kHost)) {
    return Fail(400, "the field Host is missing");
  }
  request_.keep_alive = beast_->keep_alive();
  state_ = beast_->done() ? State::kDone : State::kBody;
  if (request_.content_length) {
    request_.body.reserve(std::min(*request_.content_length, kReservedBytes) + event::kJsonPadding);
  }
}

size_t RequestParser::FeedBody(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string_view left = bytes.substr(taken);
    // Beast asserts that there are five bytes once it has seen a last chunk of three.
    if (request_.chunked && left.size() == 4 && left.starts_with("0\r\n")) break;
    ErrorCode error;
    const size_t count = beast_->Put(left, error);
    taken += count;
    if (beast_->problem()) {
      Fail(beast_->problem()->status, beast_->problem()->detail);
      return taken;
    }
    if (error == http::error::need_more) break;
    if (error) {
      Fail(400, "the body's chunks are damaged: " + error.message());
      return taken;
    }
    if (beast_->done()) {
      // What ends a chunked body came in one piece: its last chunk and the trailer.
      if (request_.chunked && count > limits_.head_bytes) return Fail(431, kLongLine), taken;
      request_.body.reserve(request_.body.size() + event::kJsonPadding);
      state_ = State::kDone;
      return taken;
    }
  }
  if (bytes.size() - taken >= limits_.head_bytes) Fail(431, kLongLine);
  return taken;
}

}  // namespace octolake::gateway
