// A small client of a gateway: one connection, one request at a time, waiting. For synthetic
// traffic and tests; no TLS.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace octolake::gateway {

struct Answer {
  int status = 0;
  std::string head;  // status line and fields
  std::string body;
};

class Client {
 public:
  // `host` is an address. kIo, naming it, if there is nobody.
  static Result<std::unique_ptr<Client>> Connect(const std::string& host, int port);
  virtual ~Client() = default;

  using Fields = std::vector<std::pair<std::string, std::string>>;
  // kIo if the connection ends before the answer is whole, or it takes longer than half a minute.
  virtual Result<Answer> Send(std::string_view method, std::string_view path, const Fields& fields,
                              std::string_view body) = 0;
  Result<Answer> Post(std::string_view path, std::string_view body) {
    return Send("POST", path, {{"Content-Type", "application/json"}}, body);
  }
  Result<Answer> Get(std::string_view path) { return Send("GET", path, {}, ""); }

  // What the next two do for tests of what no client should send.
  virtual Status SendBytes(std::string_view bytes) = 0;
  virtual Result<Answer> ReadAnswer(bool has_body = true) = 0;
  // Waits for the other side to close; false if more bytes came.
  virtual bool IsClosedNext() = 0;
};

}  // namespace octolake::gateway
