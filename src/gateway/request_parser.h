// Reads HTTP/1.1 requests from bytes as they come (RFC 9112), and is strict where leniency lets
// two servers disagree about where a request ends: one Content-Length or chunked Transfer-Encoding,
// never both; no folded fields, no bare CR or LF, no NUL; one Host; nothing repeated that decides
// anything. Does no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/http_message.h"

namespace octolake::gateway {

struct ParserLimits {
  size_t head_bytes = 16 << 10;  // request line and fields; also a chunk's line and the trailers
  int fields = 100;
  size_t target_bytes = 4096;
};

// Used by one thread, for one request after another on a connection.
class RequestParser {
 public:
  enum class State {
    kHead,    // the head is not complete
    kBody,    // the head is, the body is not
    kDone,    // the request is complete
    kFailed,  // it is none: answer `problem` and close, where the next one begins is not known
  };

  // Fills `request`, which must outlive the parser.
  RequestParser(Request& request, const ParserLimits& limits);
  ~RequestParser();

  // Begins the next request.
  void Reset();

  // Takes what it can of `bytes` and returns how many; the rest is to be given again with more
  // behind it, up to limits.head_bytes. Stops behind the head, so that the caller can look at it,
  // and behind the request.
  size_t Feed(std::string_view bytes);

  State state() const { return state_; }
  // Whether any byte of a request was seen.
  bool began() const { return began_; }
  // A longer body fails with 413. To be called when the head is complete.
  void SetBodyLimit(uint64_t bytes) { body_limit_ = bytes; }
  uint64_t body_limit() const { return body_limit_; }
  const Response& problem() const { return problem_; }

 private:
  class Beast;

  size_t FeedHead(std::string_view bytes);
  size_t FeedBody(std::string_view bytes);
  bool CheckHeadBytes(std::string_view bytes);
  void TakeHead();
  void Fail(int status, std::string_view detail);

  Request& request_;
  const ParserLimits limits_;
  std::unique_ptr<Beast> beast_;
  State state_ = State::kHead;
  bool began_ = false;
  size_t checked_ = 0;  // bytes of the head looked at, in what Feed is given again
  size_t skipped_ = 0;  // of an empty line before the request
  uint64_t body_limit_ = 0;
  Response problem_;
};

}  // namespace octolake::gateway
