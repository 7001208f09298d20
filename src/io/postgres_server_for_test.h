// A PostgreSQL server for the tests of one program, started when the first of them asks for it. For
// tests only; OCTOLAKE_SOURCE_DIR must be defined.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/temp_directory_for_test.h"

namespace octolake::io {

class PostgresServer {
 public:
  // Null where this machine has no such server. The same in every call.
  static PostgresServer* Shared() {
    static const std::unique_ptr<PostgresServer> server = Start();
    return server.get();
  }
  // One that repeats what this one does, from what it holds now on.
  std::unique_ptr<PostgresServer> StartStandby() const {
    std::unique_ptr<PostgresServer> standby(new PostgresServer);
    EXPECT_EQ(Script("standby " + standby->host() + " " + host()), 0);
    return standby;
  }
  ~PostgresServer() { Stop(); }

  const std::string& host() const { return directory_.path(); }  // of its socket

  // With more parameters, such as "&user=guest".
  std::string Uri(const std::string& more = "") const {
    return "postgresql://octolake@/octolake?host=" + host() + more;
  }
  // As a crash would; the server comes back by Restart.
  void Stop() { EXPECT_EQ(Script("stop " + host()), 0); }
  void Restart() { EXPECT_EQ(Script("start " + host()), 0); }

 private:
  PostgresServer() = default;
  static std::unique_ptr<PostgresServer> Start() {
    if (Script("available") != 0) return nullptr;
    std::unique_ptr<PostgresServer> server(new PostgresServer);
    server->Restart();
    return server;
  }
  static int Script(const std::string& arguments) {
    return std::system((OCTOLAKE_SOURCE_DIR "/tests/private_postgres.sh " + arguments).c_str());
  }

  const TempDirectory directory_{MemoryDirectory()};
};

inline constexpr const char* kNoPostgres =
    "no PostgreSQL server on this machine; Debian's package postgresql has one";

}  // namespace octolake::io
