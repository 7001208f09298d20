// One connection: reads a request, has it handled, writes the answer, reads the next. For
// server.cc.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "gateway/server.h"

namespace octolake::gateway {

class Connection;

// The thread's side of connections; all but Finished is called by the thread alone.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual const ServerOptions& options() const = 0;
  virtual RequestHandler& handler() = 0;
  virtual WorkerTools& tools() = 0;
  virtual ByteBudget& bodies() = 0;
  virtual Metrics& metrics() = 0;
  // For the field Date.
  virtual const std::string& date() = 0;
  virtual bool stopping() const = 0;
  // Destroys it.
  virtual void Remove(Connection& connection) = 0;
  // From any thread: the connection's answer is there; calls OnAnswer in the host's thread.
  virtual void Finished(Connection& connection) = 0;
};

// There is always exactly one thing that it waits for: its socket or its answer. So nobody but the
// handler of what it waited for destroys it.
class Connection : public Exchange {
 public:
  using Clock = std::chrono::steady_clock;

  virtual void Start() = 0;
  virtual void OnAnswer() = 0;
  // Ends what the connection waits for in its socket if its time is over.
  virtual void CheckDeadline(Clock::time_point now) = 0;
  // No request is begun any more; what was begun must end by the deadline.
  virtual void BeginStop(Clock::time_point deadline) = 0;

  size_t place = 0;  // the host's
};

std::unique_ptr<Connection> MakeConnection(boost::asio::ip::tcp::socket socket,
                                           ConnectionHost& host);
std::unique_ptr<Connection> MakeTlsConnection(boost::asio::ip::tcp::socket socket,
                                              boost::asio::ssl::context& context,
                                              ConnectionHost& host);

}  // namespace octolake::gateway
