#include "gateway/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/thread.h"
#include "gateway/connection.h"

namespace octolake::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using SteadyClock = Connection::Clock;

// How often deadlines are looked at.
constexpr std::chrono::milliseconds kTick{100};
// When accepting fails (no descriptors left), it is tried again after this.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr size_t kMaxHeadBytes = 32 << 10;

int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What workers share.
struct Shared {
  const ServerOptions options;
  RequestHandler& handler;
  ByteBudget& bodies;
  Metrics& metrics;
  asio::ssl::context* tls = nullptr;
  std::atomic<int> connections{0};
};

// One thread with its connections.
class Worker final : public ConnectionHost {
 public:
  Worker(Shared& shared, bool is_first)
      : shared_(shared), is_first_(is_first), io_(1), work_(io_.get_executor()), tick_(io_) {
    MakeDate();
    Tick();
  }
  ~Worker() override {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { io_.stop(); });
    thread_.join();
  }

  Status Start() {
    OCTO_ASSIGN(thread_, StartThread("to serve connections", [this] { io_.run(); }));
    return {};
  }
  asio::io_context& io() { return io_; }

  // In the worker's thread.
  void Adopt(tcp::socket socket) {
    auto connection = shared_.tls == nullptr
                          ? MakeConnection(std::move(socket), *this)
                          : MakeTlsConnection(std::move(socket), *shared_.tls, *this);
    connection->place = connections_.size();
    connections_.push_back(std::move(connection));
    shared_.metrics.CountConnection(1);
    if (stopping_) connections_.back()->BeginStop(stop_deadline_);
    connections_.back()->Start();
  }

  void BeginStop(SteadyClock::time_point deadline) {
    asio::post(io_, [this, deadline] {
      stopping_ = true;
      stop_deadline_ = deadline;
      for (const auto& connection : connections_) connection->BeginStop(deadline);
      SayIfEmpty();
    });
  }
  void WaitUntilEmpty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return empty_; });
  }

  const ServerOptions& options() const override { return shared_.options; }
  RequestHandler& handler() override { return shared_.handler; }
  WorkerTools& tools() override { return tools_; }
  ByteBudget& bodies() override { return shared_.bodies; }
  Metrics& metrics() override { return shared_.metrics; }
  const std::string& date() override { return date_; }
  bool stopping() const override { return stopping_; }

  void Remove(Connection& connection) override {
    const size_t place = connection.place;
    std::swap(connections_[place], connections_.back());
    connections_[place]->place = place;
    connections_.pop_back();
    shared_.connections.fetch_sub(1);
    shared_.metrics.CountConnection(-1);
    SayIfEmpty();
  }

  // What becomes durable together is answered in one go: the first wakes the thread.
  void Finished(Connection& connection) override {
    // Locked to the end, so that the worker cannot be gone before this has returned.
    const std::lock_guard lock(mutex_);
    if (finished_.empty()) asio::post(io_, [this] { AnswerFinished(); });
    finished_.push_back(&connection);
  }

 private:
  void AnswerFinished() {
    {
      const std::lock_guard lock(mutex_);
      answering_.swap(finished_);
    }
    for (Connection* connection : answering_) connection->OnAnswer();
    answering_.clear();
  }

  void SayIfEmpty() {
    if (!stopping_ || !connections_.empty()) return;
    const std::lock_guard lock(mutex_);
    empty_ = true;
    changed_.notify_all();
  }

  void MakeDate() {
    const int64_t now = UnixSeconds();
    if (now == date_of_) return;
    date_of_ = now;
    date_ = HttpDate(now);
  }

  void Tick() {
    tick_.expires_after(kTick);
    tick_.async_wait([this](const ErrorCode& error) {
      if (error) return;
      MakeDate();
      const auto now = SteadyClock::now();
      for (const auto& connection : connections_) connection->CheckDeadline(now);
      if (is_first_) shared_.handler.OnTick();
      Tick();
    });
  }

  Shared& shared_;
  const bool is_first_;
  WorkerTools tools_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer tick_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> answering_;
  std::string date_;
  int64_t date_of_ = 0;
  bool stopping_ = false;
  SteadyClock::time_point stop_deadline_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Connection*> finished_;
  bool empty_ = false;
  std::jthread thread_;  // last: it uses all the others
};

class AsioServer final : public Server {
 public:
  AsioServer(const ServerOptions& options, RequestHandler& handler, ByteBudget& bodies,
             Metrics& metrics, Logger logger)
      : shared_{Limited(options), handler, bodies, metrics}, logger_(std::move(logger)) {}
  ~AsioServer() override { Stop(); }

  Status Begin();
  int port() const override { return port_; }
  void Stop() override;

 private:
  static ServerOptions Limited(ServerOptions options) {
    options.limits.head_bytes = std::min(options.limits.head_bytes, kMaxHeadBytes);
    options.workers = std::max(options.workers, 1);
    return options;
  }
  Status LoadCertificate();
  Status Listen();
  Status StartWorkers();
  void Accept();
  void OnAccept(const ErrorCode& error, tcp::socket socket, Worker& worker);

  Shared shared_;
  Logger logger_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<tcp::acceptor> acceptor_;  // of the first worker's thread
  std::unique_ptr<asio::steady_timer> accept_pause_;
  size_t next_worker_ = 0;
  int port_ = 0;
  bool stopped_ = false;
};

Status AsioServer::LoadCertificate() {
  const ServerOptions& options = shared_.options;
  if (options.tls_certificate_file.empty() && options.tls_key_file.empty()) return {};
  if (options.tls_certificate_file.empty() || options.tls_key_file.empty()) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "TLS needs a certificate and a key: set gateway.tls_certificate and "
                     "gateway.tls_key, or neither");
  }
  tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  using Tls = asio::ssl::context;
  ErrorCode error;
  tls_->set_options(Tls::default_workarounds | Tls::no_sslv2 | Tls::no_sslv3 | Tls::no_tlsv1 |
                        Tls::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION,
                    error);
  if (!error) tls_->use_certificate_chain_file(options.tls_certificate_file, error);
  if (error) {
    return MakeError(
        ErrorKind::kInvalidArgument,
        "gateway.tls_certificate " + options.tls_certificate_file + ": " + error.message());
  }
  tls_->use_private_key_file(options.tls_key_file, Tls::pem, error);
  if (error) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "gateway.tls_key " + options.tls_key_file + ": " + error.message());
  }
  shared_.tls = tls_.get();
  return {};
}

Status AsioServer::Listen() {
  const ServerOptions& options = shared_.options;
  ErrorCode error;
  const auto address = asio::ip::make_address(options.host, error);
  if (error || options.port < 0 || options.port > 65535) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "cannot listen on " + options.host + ":" + std::to_string(options.port) +
                         ": expected an IP address and a port up to 65535");
  }
  const tcp::endpoint endpoint(address, static_cast<uint16_t>(options.port));
  acceptor_ = std::make_unique<tcp::acceptor>(workers_.front()->io());
  acceptor_->open(endpoint.protocol(), error);
  if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    return MakeError(ErrorKind::kIo, "cannot listen on " + options.host + ":" +
                                         std::to_string(options.port) + ": " + error.message() +
                                         "; choose another port with --listen");
  }
  port_ = acceptor_->local_endpoint().port();
  return {};
}

Status AsioServer::Begin() {
  OCTO_TRY(LoadCertificate());
  for (int i = 0; i < shared_.options.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(shared_, i == 0));
  }
  OCTO_TRY(Listen());
  accept_pause_ = std::make_unique<asio::steady_timer>(workers_.front()->io());
  // Before connections are accepted, so that none waits for a worker that is not there.
  OCTO_TRY(StartWorkers());
  Accept();
  return {};
}

Status AsioServer::StartWorkers() {
  for (const auto& worker : workers_) {
    if (Status started = worker->Start(); !started) {
      stopped_ = true;  // there is nothing to wait for
      return started;
    }
  }
  return {};
}

void AsioServer::Accept() {
  Worker& worker = *workers_[next_worker_];
  next_worker_ = (next_worker_ + 1) % workers_.size();
  acceptor_->async_accept(worker.io(), [this, &worker](const ErrorCode& error, tcp::socket socket) {
    OnAccept(error, std::move(socket), worker);
  });
}

void AsioServer::OnAccept(const ErrorCode& error, tcp::socket socket, Worker& worker) {
  if (!acceptor_->is_open()) return;
  if (error) {
    logger_->warn("cannot accept a connection: {}", error.message());
    accept_pause_->expires_after(kAcceptPause);
    accept_pause_->async_wait([this](const ErrorCode& cancelled) {
      if (!cancelled && acceptor_->is_open()) Accept();
    });
    return;
  }
  if (shared_.connections.fetch_add(1) >= shared_.options.max_connections) {
    shared_.connections.fetch_sub(1);
    shared_.metrics.CountRefusedConnection();
    ErrorCode ignored;
    socket.close(ignored);
  } else {
    asio::post(worker.io(),
               [&worker, kept = std::move(socket)]() mutable { worker.Adopt(std::move(kept)); });
  }
  Accept();
}

void AsioServer::Stop() {
  if (stopped_ || port_ == 0) return;
  stopped_ = true;
  asio::post(workers_.front()->io(), [this] {
    ErrorCode ignored;
    acceptor_->close(ignored);
    accept_pause_->cancel();
    const auto deadline = SteadyClock::now() + shared_.options.stop_timeout;
    for (const auto& worker : workers_) worker->BeginStop(deadline);
  });
  for (const auto& worker : workers_) worker->WaitUntilEmpty();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, RequestHandler& handler,
                                              ByteBudget& bodies, Metrics& metrics, Logger logger) {
  auto server = std::make_unique<AsioServer>(options, handler, bodies, metrics, std::move(logger));
  OCTO_TRY(server->Begin());
  return server;
}

}  // namespace octolake::gateway
