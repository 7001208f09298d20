#include "gateway/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/string_util.h"

namespace octolake::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using TlsStream = asio::ssl::stream<tcp::socket>;

// Most requests come whole in one read of this size.
constexpr size_t kSmallBuffer = 8 << 10;
// For bodies that do not.
constexpr size_t kLargeBuffer = 64 << 10;
// After a refusal, what a client sends is read and dropped for so long and so much, so that it sees
// the answer before its connection is reset.
constexpr std::chrono::milliseconds kLingering{1000};
constexpr size_t kLingeringBytes = 1 << 20;
constexpr int kBusyRetrySeconds = 1;

bool IsExpectContinue(const Request& request) {
  return EqualsIgnoringCase(request.Get(Field::kExpect), "100-continue");
}

template <typename Stream>
class StreamConnection final : public Connection {
 public:
  static constexpr bool kIsTls = std::is_same_v<Stream, TlsStream>;

  template <typename... Arguments>
  explicit StreamConnection(ConnectionHost& host, Arguments&&... arguments)
      : host_(host),
        stream_(std::forward<Arguments>(arguments)...),
        parser_(request_, host.options().limits),
        buffer_(kSmallBuffer) {}
  ~StreamConnection() override { host_.bodies().Give(charged_, sender_); }

  void Start() override;
  void OnAnswer() override;
  void CheckDeadline(Clock::time_point now) override;
  void BeginStop(Clock::time_point deadline) override;

  Request& request() override { return request_; }
  Response& response() override { return response_; }
  using Exchange::Finish;
  void Finish() override { host_.Finished(*this); }

 private:
  enum class Waiting { kNothing, kHandshake, kRequest, kRest, kAnswer, kWrite, kLinger };

  tcp::socket& socket() { return stream_.lowest_layer_ref(); }
  std::string_view buffered() const { return {buffer_.data() + begin_, end_ - begin_}; }

  void WaitFor(Waiting what, std::chrono::milliseconds time);
  void Read();
  void OnRead(const ErrorCode& error, size_t count);
  void Process();
  bool OnHead();
  bool ChargeBody();
  void Hand();
  void ReleaseBuffer();
  void Answer();
  void Write();
  void OnWritten(const ErrorCode& error);
  void AskForBody();
  void Linger();
  void MakeRoom();
  void Close();

  // asio::ssl::stream and tcp::socket name their lowest layer differently.
  struct Layered {
    template <typename... Arguments>
    explicit Layered(Arguments&&... arguments) : stream(std::forward<Arguments>(arguments)...) {}
    tcp::socket& lowest_layer_ref() {
      if constexpr (kIsTls) {
        return stream.next_layer();
      } else {
        return stream;
      }
    }
    Stream stream;
  };

  ConnectionHost& host_;
  Layered stream_;
  Request request_;
  Response response_;
  RequestParser parser_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::string out_;
  Waiting waiting_ = Waiting::kNothing;
  Clock::time_point deadline_{};
  Clock::time_point request_deadline_{};
  Clock::time_point stop_deadline_ = Clock::time_point::max();
  Clock::time_point handled_since_{};
  Endpoint endpoint_ = Endpoint::kOther;
  bool head_seen_ = false;
  bool filled_ = false;  // the last read took all that the buffer had room for
  bool timed_out_ = false;
  bool stop_ = false;  // no further request
  bool keep_alive_ = true;
  int64_t charged_ = 0;
  Sender sender_ = Sender::kKnown;  // of what is charged
  size_t lingered_ = 0;
};

template <typename Stream>
void StreamConnection<Stream>::Start() {
  ErrorCode ignored;
  socket().set_option(tcp::no_delay(true), ignored);
  socket().non_blocking(true, ignored);
  if constexpr (kIsTls) {
    WaitFor(Waiting::kHandshake, host_.options().head_timeout);
    stream_.stream.async_handshake(asio::ssl::stream_base::server, [this](const ErrorCode& error) {
      if (error) return Close();
      Read();
    });
  } else {
    Read();
  }
}

template <typename Stream>
void StreamConnection<Stream>::WaitFor(Waiting what, std::chrono::milliseconds time) {
  waiting_ = what;
  deadline_ = std::min(Clock::now() + time, stop_deadline_);
}

// Reads more of a request, or the first of the next.
template <typename Stream>
void StreamConnection<Stream>::Read() {
  const ServerOptions& options = host_.options();
  if (!parser_.began()) {
    if (stop_) return Close();
    WaitFor(Waiting::kRequest, options.idle_timeout);
  } else {
    if (waiting_ != Waiting::kRest) {
      const auto now = Clock::now();
      request_deadline_ = std::min(now + options.request_timeout, stop_deadline_);
      deadline_ = std::min(now + options.head_timeout, stop_deadline_);
      waiting_ = Waiting::kRest;
    }
    if (head_seen_) deadline_ = std::min(Clock::now() + options.body_timeout, request_deadline_);
  }
  MakeRoom();
  stream_.stream.async_read_some(
      asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
      [this](const ErrorCode& error, size_t count) { OnRead(error, count); });
}

// Room behind end_: moves what is there to the front, and takes a larger buffer for a large body or
// a head that is longer than most.
template <typename Stream>
void StreamConnection<Stream>::MakeRoom() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    // Only for who sends fast enough to fill a small one.
    const bool large = filled_ && head_seen_ &&
                       (request_.chunked ||
                        request_.content_length.value_or(0) > request_.body.size() + kSmallBuffer);
    const size_t wanted = large ? kLargeBuffer : kSmallBuffer;
    if (buffer_.size() != wanted) buffer_ = std::vector<char>(wanted);
    return;
  }
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(2 * buffer_.size(), kLargeBuffer));
}

template <typename Stream>
void StreamConnection<Stream>::OnRead(const ErrorCode& error, size_t count) {
  if (error) {
    if (waiting_ == Waiting::kLinger || !timed_out_) return Close();
    response_ = ErrorResponse(408, "the request did not come in time");
    keep_alive_ = false;
    return Answer();
  }
  end_ += count;
  filled_ = end_ == buffer_.size();
  if (waiting_ == Waiting::kLinger) {
    lingered_ += count;
    begin_ = end_ = 0;
    return lingered_ > kLingeringBytes ? Close() : Linger();
  }
  Process();
}

template <typename Stream>
void StreamConnection<Stream>::Process() {
  while (true) {
    const size_t taken = parser_.Feed(buffered());
    begin_ += taken;
    if (parser_.state() == RequestParser::State::kFailed) {
      host_.metrics().CountRejected(Rejection::kMalformed);
      response_ = parser_.problem();
      keep_alive_ = false;
      return Answer();
    }
    if (parser_.state() == RequestParser::State::kHead) {
      if (taken > 0) continue;  // an empty line
      return Read();
    }
    if (!head_seen_ && !OnHead()) return;
    if (!ChargeBody()) return;
    if (parser_.state() == RequestParser::State::kDone) return Hand();
    if (begin_ == end_ || taken == 0) return IsExpectContinue(request_) ? AskForBody() : Read();
  }
}

// False if the request is answered already.
template <typename Stream>
bool StreamConnection<Stream>::OnHead() {
  head_seen_ = true;
  handled_since_ = Clock::now();
  keep_alive_ = request_.keep_alive;
  auto decision = host_.handler().OnHead(request_);
  endpoint_ = static_cast<Endpoint>(decision.endpoint);
  sender_ = decision.sender;
  const bool too_long = request_.content_length.value_or(0) > decision.body_limit;
  if (!decision.refusal && too_long) {
    host_.metrics().CountRejected(Rejection::kTooLarge);
    decision.refusal = ErrorResponse(
        413, "the body has " + std::to_string(*request_.content_length) + " bytes, but " +
                 request_.path + " takes " + std::to_string(decision.body_limit) + " at most");
  }
  if (decision.refusal) {
    response_ = std::move(*decision.refusal);
    // The body was not read: where the next request begins is not known.
    if (parser_.state() != RequestParser::State::kDone) keep_alive_ = false;
    Answer();
    return false;
  }
  parser_.SetBodyLimit(decision.body_limit);
  return true;
}

// Bodies count as far as they have come, and the large buffers that they come through.
template <typename Stream>
bool StreamConnection<Stream>::ChargeBody() {
  const size_t buffered = buffer_.size() > kSmallBuffer ? buffer_.size() : 0;
  const auto bytes = static_cast<int64_t>(request_.body.size() + buffered);
  if (bytes <= charged_) return true;
  if (host_.bodies().Take(bytes - charged_, sender_)) {
    charged_ = bytes;
    return true;
  }
  host_.metrics().CountRejected(Rejection::kQueueFull);
  response_ = ErrorResponse(503, "too many bytes of requests are being handled; send it again");
  response_.retry_after_seconds = kBusyRetrySeconds;
  keep_alive_ = false;
  Answer();
  return false;
}

template <typename Stream>
void StreamConnection<Stream>::AskForBody() {
  request_.Set(Field::kExpect, "");
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  WaitFor(Waiting::kRest, host_.options().write_timeout);
  request_deadline_ = std::min(Clock::now() + host_.options().request_timeout, stop_deadline_);
  asio::async_write(stream_.stream, asio::buffer(kContinue.data(), kContinue.size()),
                    [this](const ErrorCode& error, size_t) { return error ? Close() : Read(); });
}

template <typename Stream>
void StreamConnection<Stream>::Hand() {
  waiting_ = Waiting::kAnswer;
  if (begin_ == end_ && buffer_.size() > kSmallBuffer) ReleaseBuffer();
  response_.status = 200;
  response_.body.clear();
  host_.handler().Handle(static_cast<int>(endpoint_), *this, host_.tools());
}

// An answer may be long in coming. MakeRoom takes another buffer.
template <typename Stream>
void StreamConnection<Stream>::ReleaseBuffer() {
  const auto size = static_cast<int64_t>(buffer_.size());
  begin_ = end_ = 0;
  buffer_ = std::vector<char>(kSmallBuffer);
  const int64_t given = std::min(size, charged_);
  host_.bodies().Give(given, sender_);
  charged_ -= given;
}

template <typename Stream>
void StreamConnection<Stream>::OnAnswer() {
  Answer();
}

template <typename Stream>
void StreamConnection<Stream>::Answer() {
  if (response_.close || stop_) keep_alive_ = false;
  const std::chrono::duration<double> taken =
      head_seen_ ? Clock::now() - handled_since_ : Clock::duration(0);
  host_.metrics().CountRequest(endpoint_, response_.status, taken.count());
  out_.clear();
  AppendResponse(response_, keep_alive_, request_.method != "HEAD", host_.date(), out_);
  if (response_.body.capacity() > kSmallBuffer) response_ = Response();
  response_.close = false;
  response_.retry_after_seconds = 0;
  response_.allow = {};
  response_.content_type = Response().content_type;
  host_.bodies().Give(charged_, sender_);
  charged_ = 0;
  Write();
}

template <typename Stream>
void StreamConnection<Stream>::Write() {
  size_t written = 0;
  ErrorCode error;
  if constexpr (!kIsTls) {
    // An answer nearly always fits into the socket's buffer: no detour through the event loop.
    written = stream_.stream.write_some(asio::buffer(out_), error);
    if (error == asio::error::would_block) error = {};
    if (error || written == out_.size()) return OnWritten(error);
  }
  WaitFor(Waiting::kWrite, host_.options().write_timeout);
  asio::async_write(stream_.stream, asio::buffer(out_.data() + written, out_.size() - written),
                    [this](const ErrorCode& problem, size_t) { OnWritten(problem); });
}

template <typename Stream>
void StreamConnection<Stream>::OnWritten(const ErrorCode& error) {
  if (error) return Close();
  if (out_.capacity() > kLargeBuffer) out_ = std::string();
  if (!keep_alive_) {
    ErrorCode ignored;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    begin_ = end_ = 0;
    WaitFor(Waiting::kLinger, kLingering);
    return Linger();
  }
  parser_.Reset();
  head_seen_ = false;
  endpoint_ = Endpoint::kOther;
  waiting_ = Waiting::kNothing;
  if (begin_ == end_) return Read();
  // Not called from here: the stack would grow with the requests that came together.
  asio::post(socket().get_executor(), [this] { Process(); });
}

template <typename Stream>
void StreamConnection<Stream>::Linger() {
  socket().async_read_some(asio::buffer(buffer_),
                           [this](const ErrorCode& error, size_t count) { OnRead(error, count); });
}

template <typename Stream>
void StreamConnection<Stream>::CheckDeadline(Clock::time_point now) {
  if (waiting_ == Waiting::kAnswer || waiting_ == Waiting::kNothing || now < deadline_) return;
  timed_out_ = waiting_ == Waiting::kRest;
  deadline_ = now + kLingering;
  ErrorCode ignored;
  socket().cancel(ignored);
}

template <typename Stream>
void StreamConnection<Stream>::BeginStop(Clock::time_point deadline) {
  stop_ = true;
  stop_deadline_ = deadline;
  if (waiting_ == Waiting::kRequest || waiting_ == Waiting::kHandshake) deadline = Clock::now();
  deadline_ = std::min(deadline_, deadline);
  request_deadline_ = std::min(request_deadline_, deadline);
}

template <typename Stream>
void StreamConnection<Stream>::Close() {
  ErrorCode ignored;
  socket().close(ignored);
  host_.Remove(*this);
}

}  // namespace

std::unique_ptr<Connection> MakeConnection(tcp::socket socket, ConnectionHost& host) {
  return std::make_unique<StreamConnection<tcp::socket>>(host, std::move(socket));
}

std::unique_ptr<Connection> MakeTlsConnection(tcp::socket socket, asio::ssl::context& context,
                                              ConnectionHost& host) {
  return std::make_unique<StreamConnection<TlsStream>>(host, std::move(socket), context);
}

}  // namespace octolake::gateway
