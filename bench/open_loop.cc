// A client that sends requests at a fixed rate, whatever the answers take, and counts each one's
// latency from the moment at which it should have been sent: a server that pauses cannot hide the
// requests that would have come meanwhile (coordinated omission).
//
//     open_loop PORT PATH RATE SECONDS CONNECTIONS BODY_FILE [ACKNOWLEDGED_FILE]
//
// In the body @NUMBER@ becomes the request's number. Prints one line of JSON: requests, other
// answers than 200, and latencies in microseconds. ACKNOWLEDGED_FILE gets a line per 200: the
// answer's event_id and the time, in microseconds since 1970.
#include <algorithm>
#include <boost/asio.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using ErrorCode = boost::system::error_code;

constexpr std::string_view kPlaceholder = "@NUMBER@";

[[noreturn]] void Fail(const std::string& why) {
  std::cerr << "open_loop: " << why << "\n";
  std::exit(1);
}

struct Options {
  uint16_t port = 0;
  std::string path;
  double rate = 0;
  double seconds = 0;
  int connections = 0;
  std::string body;
  std::string acknowledged_file;
};

class Load;

class Connection {
 public:
  Connection(Load& load, asio::io_context& context) : load_(load), socket_(context) {}
  void Connect(const tcp::endpoint& server) {
    socket_.connect(server);
    socket_.set_option(tcp::no_delay(true));
  }
  void Send(Clock::time_point intended, const std::string& body);

 private:
  void Read();
  bool TakeAnswer();

  Load& load_;
  tcp::socket socket_;
  Clock::time_point intended_;
  std::string out_;
  std::string in_;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), timer_(context_) {
    if (!options_.acknowledged_file.empty()) acknowledged_.open(options_.acknowledged_file);
    for (int i = 0; i < options_.connections; ++i) {
      auto& connection = connections_.emplace_back(std::make_unique<Connection>(*this, context_));
      connection->Connect({asio::ip::address_v4::loopback(), options_.port});
      free_.push_back(connection.get());
    }
  }

  void Run() {
    start_ = Clock::now();
    total_ = static_cast<int64_t>(options_.rate * options_.seconds);
    Tick();
    context_.run();
    Print();
  }

  const std::string& path() const { return options_.path; }

  void OnAnswer(Connection& connection, Clock::time_point intended, int status,
                std::string_view body) {
    const auto now = Clock::now();
    micros_.push_back(
        std::chrono::duration_cast<std::chrono::microseconds>(now - intended).count());
    if (status != 200) ++other_answers_;
    if (status == 200 && acknowledged_.is_open()) Note(body);
    free_.push_back(&connection);
    SendDue();
  }

 private:
  void Note(std::string_view body) {
    static constexpr std::string_view kKey = "\"event_id\":\"";
    const size_t at = body.find(kKey);
    if (at == std::string_view::npos) return;
    const std::string_view id = body.substr(at + kKey.size());
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    acknowledged_ << id.substr(0, id.find('"')) << ' '
                  << std::chrono::duration_cast<std::chrono::microseconds>(now).count() << '\n';
  }

  Clock::time_point IntendedAt(int64_t number) const {
    const std::chrono::duration<double> offset(static_cast<double>(number) / options_.rate);
    return start_ + std::chrono::duration_cast<Clock::duration>(offset);
  }

  // Puts in line what is due, and comes again for the next.
  void Tick() {
    const auto now = Clock::now();
    while (due_ < total_ && IntendedAt(due_) <= now) ++due_;
    SendDue();
    if (due_ == total_) return;
    timer_.expires_at(IntendedAt(due_));
    timer_.async_wait([this](const ErrorCode&) { Tick(); });
  }

  void SendDue() {
    while (sent_ < due_ && !free_.empty()) {
      Connection* connection = free_.front();
      free_.pop_front();
      const int64_t number = sent_++;
      connection->Send(IntendedAt(number), Body(number));
    }
  }

  std::string Body(int64_t number) const {
    std::string body = options_.body;
    for (size_t at = 0; (at = body.find(kPlaceholder, at)) != std::string::npos;) {
      body.replace(at, kPlaceholder.size(), std::to_string(number));
    }
    return body;
  }

  void Print() {
    std::sort(micros_.begin(), micros_.end());
    const auto at = [this](double share) {
      const auto index = static_cast<size_t>(share * static_cast<double>(micros_.size()));
      return micros_.empty() ? 0 : micros_[std::min(index, micros_.size() - 1)];
    };
    const double took = std::chrono::duration<double>(Clock::now() - start_).count();
    std::printf(
        "{\"requests\": %zu, \"other_answers\": %lld, \"seconds\": %.3f, \"p50\": %lld, "
        "\"p90\": %lld, \"p99\": %lld, \"p999\": %lld, \"max\": %lld}\n",
        micros_.size(), static_cast<long long>(other_answers_), took,
        static_cast<long long>(at(0.5)), static_cast<long long>(at(0.9)),
        static_cast<long long>(at(0.99)), static_cast<long long>(at(0.999)),
        static_cast<long long>(at(1)));
  }

  const Options options_;
  asio::io_context context_{1};
  asio::steady_timer timer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> free_;
  Clock::time_point start_;
  int64_t total_ = 0;
  int64_t due_ = 0;
  int64_t sent_ = 0;
  int64_t other_answers_ = 0;
  std::vector<int64_t> micros_;
  std::ofstream acknowledged_;
};

void Connection::Send(Clock::time_point intended, const std::string& body) {
  intended_ = intended;
  out_ = "POST " + load_.path() + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json" +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  asio::async_write(socket_, asio::buffer(out_), [this](const ErrorCode& error, size_t) {
    if (error) Fail("cannot send: " + error.message());
    Read();
  });
}

void Connection::Read() {
  const size_t size = in_.size();
  in_.resize(size + 4096);
  socket_.async_read_some(asio::buffer(in_.data() + size, 4096),
                          [this, size](const ErrorCode& error, size_t count) {
                            if (error) Fail("cannot receive: " + error.message());
                            in_.resize(size + count);
                            if (!TakeAnswer()) Read();
                          });
}

// False if it is not whole yet.
bool Connection::TakeAnswer() {
  static constexpr std::string_view kLength = "Content-Length: ";
  const size_t head = in_.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const size_t field = in_.find(kLength);
  if (field == std::string::npos || field > head) Fail("an answer without Content-Length");
  const size_t length = std::strtoull(in_.c_str() + field + kLength.size(), nullptr, 10);
  if (in_.size() < head + 4 + length) return false;
  const int status = std::atoi(in_.c_str() + in_.find(' '));
  const std::string body = in_.substr(head + 4, length);
  in_.clear();
  load_.OnAnswer(*this, intended_, status, body);
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 7 || count > 8) {
    Fail("expected PORT PATH RATE SECONDS CONNECTIONS BODY_FILE [ACKNOWLEDGED_FILE]");
  }
  Options options;
  options.port = static_cast<uint16_t>(std::atoi(arguments[1]));
  options.path = arguments[2];
  options.rate = std::atof(arguments[3]);
  options.seconds = std::atof(arguments[4]);
  options.connections = std::atoi(arguments[5]);
  std::ifstream body(arguments[6], std::ios::binary);
  options.body.assign(std::istreambuf_iterator<char>(body), {});
  if (!body || options.body.empty() || options.rate <= 0 || options.connections <= 0) {
    Fail("a body, a rate and connections are needed");
  }
  if (count == 8) options.acknowledged_file = arguments[7];
  Load(std::move(options)).Run();
  return 0;
}
