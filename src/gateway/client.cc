#include "gateway/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "io/descriptor.h"

namespace octolake::gateway {
namespace {

constexpr int kTimeoutSeconds = 30;
constexpr size_t kMaxAnswerBytes = 64 << 20;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

tl::unexpected<Error> SocketError(const std::string& what) {
  return MakeError(ErrorKind::kIo, what + ": " + std::strerror(errno));
}

class SocketClient final : public Client {
 public:
  SocketClient(io::Descriptor socket, std::string name)
      : socket_(std::move(socket)), name_(std::move(name)) {}

  Result<Answer> Send(std::string_view method, std::string_view path, const Fields& fields,
                      std::string_view body) override;
  Status SendBytes(std::string_view bytes) override;
  Result<Answer> ReadAnswer(bool has_body) override;
  bool IsClosedNext() override;

 private:
  Result<size_t> Receive();

  io::Descriptor socket_;
  const std::string name_;
  std::string received_;
};

Status SocketClient::SendBytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SocketError("cannot send to " + name_);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Result<size_t> SocketClient::Receive() {
  char piece[16 << 10];
  while (true) {
    const ssize_t count = recv(socket_.get(), piece, sizeof(piece), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SocketError("no answer from " + name_);
    received_.append(piece, static_cast<size_t>(count));
    return static_cast<size_t>(count);
  }
}

Result<Answer> SocketClient::ReadAnswer(bool has_body) {
  size_t end = 0;
  size_t length = 0;
  while (true) {
    end = received_.find(kHeadEnd);
    if (end != std::string::npos) {
      const size_t field = received_.find("Content-Length: ");
      if (has_body && field < end) {
        const char* digits = received_.data() + field + std::strlen("Content-Length: ");
        std::from_chars(digits, received_.data() + end, length);
      }
      if (received_.size() >= end + kHeadEnd.size() + length) break;
    }
    if (received_.size() > kMaxAnswerBytes) {
      return MakeError(ErrorKind::kIo, "the answer of " + name_ + " is too long");
    }
    OCTO_ASSIGN(const size_t count, Receive());
    if (count == 0) {
      return MakeError(ErrorKind::kIo, name_ + " closed the connection without an answer");
    }
  }
  Answer answer;
  answer.head = received_.substr(0, end);
  answer.body = received_.substr(end + kHeadEnd.size(), length);
  received_.erase(0, end + kHeadEnd.size() + length);
  const size_t space = answer.head.find(' ');
  if (space != std::string::npos) {
    std::from_chars(answer.head.data() + space + 1, answer.head.data() + answer.head.size(),
                    answer.status);
  }
  return answer;
}

Result<Answer> SocketClient::Send(std::string_view method, std::string_view path,
                                  const Fields& fields, std::string_view body) {
  std::string bytes;
  bytes.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: ").append(name_);
  for (const auto& [name, value] : fields) {
    bytes.append("\r\n").append(name).append(": ").append(value);
  }
  if (method == "POST") bytes.append("\r\nContent-Length: ").append(std::to_string(body.size()));
  bytes.append(kHeadEnd).append(body);
  OCTO_TRY(SendBytes(bytes));
  return ReadAnswer(method != "HEAD");
}

bool SocketClient::IsClosedNext() {
  if (!received_.empty()) return false;
  const Result<size_t> count = Receive();
  return !count ? errno == ECONNRESET : *count == 0;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::Connect(const std::string& host, int port) {
  const std::string name = host + ":" + std::to_string(port);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return MakeError(ErrorKind::kInvalidArgument, host + " is not an IPv4 address");
  }
  io::Descriptor descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (descriptor.get() < 0) return SocketError("no socket");
  const timeval timeout{kTimeoutSeconds, 0};
  setsockopt(descriptor.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  setsockopt(descriptor.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  const int on = 1;
  setsockopt(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0) {
    return SocketError("cannot connect to " + name);
  }
  return std::make_unique<SocketClient>(std::move(descriptor), name);
}

}  // namespace octolake::gateway
