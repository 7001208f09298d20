// The sockets: listens, reads requests on many connections with a few threads, and gives each to a
// handler. Knows HTTP and limits, not what is asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/logging.h"
#include "base/result.h"
#include "gateway/byte_budget.h"
#include "gateway/exchange.h"
#include "gateway/metrics.h"
#include "gateway/request_parser.h"

namespace octolake::gateway {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address, not a name
  int port = 8080;                 // 0: any that is free
  int workers = 1;
  std::string tls_certificate_file;  // PEM; empty: no TLS
  std::string tls_key_file;
  ParserLimits limits;
  int max_connections = 4096;
  std::chrono::milliseconds idle_timeout{60'000};     // between requests
  std::chrono::milliseconds head_timeout{10'000};     // from a head's first byte to its last
  std::chrono::milliseconds body_timeout{10'000};     // between two parts of a body
  std::chrono::milliseconds request_timeout{60'000};  // from a request's first byte to its last
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds stop_timeout{5'000};  // for requests that were begun when it stops
};

class Server {
 public:
  // Listens and serves. kInvalidArgument: an address or certificate that cannot be used; kIo: the
  // port is taken; kResourceExhausted: no more threads. What is referenced must outlive the server.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                               RequestHandler& handler, ByteBudget& bodies,
                                               Metrics& metrics, Logger logger);
  // Stops.
  virtual ~Server() = default;

  virtual int port() const = 0;
  // Takes no new connection and no new request; what was begun is answered if it comes in time.
  // Returns when all is answered that the handler was given.
  virtual void Stop() = 0;
};

}  // namespace octolake::gateway
