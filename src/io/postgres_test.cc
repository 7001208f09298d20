#include "io/postgres.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "io/postgres_server_for_test.h"

namespace octolake::io {
namespace {

// A socket on a port of 127.0.0.1.
class Listener {
 public:
  explicit Listener(int flags) : socket_(::socket(AF_INET, SOCK_STREAM | flags, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, any, size), 0);
    EXPECT_EQ(::listen(socket_, 16), 0);
    EXPECT_EQ(::getsockname(socket_, any, &size), 0);
    host_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const std::string& host() const { return host_; }
  int Accept() { return ::accept(socket_, nullptr, nullptr); }  // negative after Shutdown
  void Shutdown() { ::shutdown(socket_, SHUT_RDWR); }

 private:
  const int socket_;
  std::string host_;
};

// In front of a server: says of it once that it is starting, and lets all later connections
// through. A real server cannot be made to end its start between two looks.
class StartingServer {
 public:
  explicit StartingServer(const PostgresServer& server) {
    const std::string path = server.host() + "/.s.PGSQL.5432";
    address_.sun_family = AF_UNIX;
    EXPECT_LT(path.size(), sizeof(address_.sun_path));
    path.copy(address_.sun_path, sizeof(address_.sun_path) - 1);
    serving_ = std::thread([this] { Serve(); });
  }
  ~StartingServer() {
    listener_.Shutdown();
    serving_.join();
  }
  std::string Uri() const {
    return "postgresql://octolake@" + listener_.host() +
           "/octolake?sslmode=disable&gssencmode=disable";
  }

 private:
  void Serve() {
    bool started = false;
    for (int client = -1; (client = listener_.Accept()) >= 0; started = true) {
      started ? Relay(client) : Refuse(client);
      ::close(client);
    }
  }
  static void Refuse(int client) {
    char startup[1024];
    EXPECT_GT(::recv(client, startup, sizeof(startup), 0), 0);
    constexpr char kFields[] = "SFATAL\0C57P03\0Mthe database system is starting up\0";
    const uint32_t size = htonl(static_cast<uint32_t>(sizeof(size) + sizeof(kFields)));
    const std::string message = "E" +
                                std::string(reinterpret_cast<const char*>(&size), sizeof(size)) +
                                std::string(kFields, sizeof(kFields));
    EXPECT_EQ(::send(client, message.data(), message.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(message.size()));
  }
  void Relay(int client) {
    const int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(server, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
    while (true) {
      pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (::poll(ends, 2, -1) < 0) break;
      if (ends[0].revents != 0 && !Copy(client, server)) break;
      if (ends[1].revents != 0 && !Copy(server, client)) break;
    }
    ::close(server);
  }
  static bool Copy(int from, int to) {
    char bytes[4096];
    const ssize_t got = ::recv(from, bytes, sizeof(bytes), 0);
    return got > 0 && ::send(to, bytes, static_cast<size_t>(got), MSG_NOSIGNAL) == got;
  }

  Listener listener_{0};
  sockaddr_un address_{};
  std::thread serving_;
};

TEST(PostgresConnectionTest, AServerThatSaysNothingIsGivenUpAfterTheTimeToConnect) {
  Listener silent(SOCK_NONBLOCK);
  PostgresOptions options;
  options.uri = "postgresql://u@" + silent.host() + "/d";
  options.what = "catalog database";
  options.connect_timeout_ms = 3'000;
  const auto connected = PostgresConnection::Connect(options);
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(connected.error().message, ::testing::HasSubstr("postgresql://u@" + silent.host()));
  int attempts = 0;
  for (int taken = -1; (taken = silent.Accept()) >= 0; ++attempts) ::close(taken);
  EXPECT_EQ(attempts, 1) << "another takes as long again";
}

TEST(PostgresConnectionTest, AServerThatHasStartedInTheMeantimeIsNoneThatRefuses) {
  const PostgresServer* server = PostgresServer::Shared();
  if (server == nullptr) GTEST_SKIP() << kNoPostgres;
  StartingServer starting(*server);
  PostgresOptions options;
  options.uri = starting.Uri();
  options.what = "catalog database";
  auto connection = PostgresConnection::Connect(options);
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_TRUE((*connection)->Run("SELECT 1"));
  connection->reset();
}

// Where a role has been told to confirm commits before they are on disk, or when standbys have
// them.
TEST(PostgresConnectionTest, ACommitIsConfirmedOnlyWhenItIsDurable) {
  const PostgresServer* server = PostgresServer::Shared();
  if (server == nullptr) GTEST_SKIP() << kNoPostgres;
  for (const auto& [given, used] : {std::pair<std::string, std::string>{"off", "on"},
                                    {"on", "on"},
                                    {"local", "local"},
                                    {"remote_apply", "remote_apply"}}) {
    PostgresOptions options;
    options.uri = server->Uri("&options=-csynchronous_commit%3D" + given);
    options.what = "catalog database";
    const auto connection = PostgresConnection::Connect(options);
    ASSERT_TRUE(connection) << connection.error().message;
    const auto shown = (*connection)->Run("SHOW synchronous_commit");
    ASSERT_TRUE(shown) << shown.error().message;
    EXPECT_EQ(shown->rows.at(0).at(0), used) << given;
  }
}

}  // namespace
}  // namespace octolake::io
