// An S3 server (MinIO) for the tests of one program, started when the first of them asks for it.
// For tests only; OCTOLAKE_SOURCE_DIR must be defined.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "base/temp_directory_for_test.h"
#include "io/s3_file_system.h"

namespace octolake::io {

inline constexpr const char* kNoMinio =
    "no MinIO server on this machine; 'deps/cluster/fetch.sh minio' compiles one";

class S3Server {
 public:
  // Null where this machine has no such server, or after a failed start. The same in every call.
  static S3Server* Shared() {
    static const std::unique_ptr<S3Server> server = Start();
    return server.get();
  }
  ~S3Server() {
    if (is_running_) Stop();
  }

  S3Settings Settings() const {
    S3Settings settings;
    std::string port;
    std::ifstream(directory_.path() + "/port") >> port;
    settings.endpoint = "http://127.0.0.1:" + port;
    settings.access_key_id = "octolake";
    settings.secret_access_key = "octolake-secret";
    return settings;
  }
  // Where it keeps its data.
  std::string data() const { return directory_.path() + "/data"; }
  // As a crash would; the server comes back, at the same port and with its objects, by Restart.
  void Stop() { EXPECT_EQ(Script("stop " + directory_.path()), 0); }
  bool Restart() {
    const bool started = Script("start " + directory_.path()) == 0;
    EXPECT_TRUE(started);
    is_running_ = started;
    return started;
  }

 private:
  S3Server() = default;
  static std::unique_ptr<S3Server> Start() {
    if (Script("available") != 0) return nullptr;
    std::unique_ptr<S3Server> server(new S3Server);
    if (server->Restart()) return server;
    ADD_FAILURE() << "the S3 server does not start";
    return nullptr;
  }
  static int Script(const std::string& arguments) {
    return std::system((OCTOLAKE_SOURCE_DIR "/tests/private_minio.sh " + arguments).c_str());
  }

  const TempDirectory directory_;
  bool is_running_ = false;
};

}  // namespace octolake::io
