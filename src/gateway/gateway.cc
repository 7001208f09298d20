#include "gateway/gateway.h"

#include <boost/asio/ip/address.hpp>

#include "gateway/endpoints.h"

namespace octolake::gateway {
namespace {

class JournalGateway final : public Gateway {
 public:
  JournalGateway(const GatewayOptions& options, journal::Journal& journal,
                 journal::DeliveryMemory& deliveries, StatusSource& status, const Clock& clock,
                 RandomSource& random, const Logger& logger)
      : bodies_(options.max_bytes_in_flight, options.max_bytes_in_flight / 2),
        door_(journal, metrics_, clock, random, logger),
        endpoints_(options, door_, deliveries, bodies_, status, clock, logger) {}
  ~JournalGateway() override { Stop(); }

  Status Begin(const ServerOptions& options, Logger logger) {
    OCTO_TRY(endpoints_.Begin());
    OCTO_ASSIGN(server_, Server::Start(options, endpoints_, bodies_, metrics_, std::move(logger)));
    return {};
  }
  int port() const override { return server_->port(); }
  void Stop() override {
    endpoints_.BeginStop();
    if (server_) server_->Stop();
  }

 private:
  Metrics metrics_;
  ByteBudget bodies_;
  EventDoor door_;
  Endpoints endpoints_;
  std::unique_ptr<Server> server_;
};

Status Check(const GatewayOptions& options) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(options.server.host, error);
  const bool local = !error && address.is_loopback();
  if (local || !options.tokens.empty() || options.allow_anonymous) return {};
  return MakeError(
      ErrorKind::kInvalidArgument,
      "listening on " + options.server.host +
          " would let anybody who reaches this machine send events and read the figures: set "
          "gateway.tokens, or say that this is meant with --allow-anonymous, or listen on "
          "127.0.0.1");
}

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options,
                                                journal::Journal& journal,
                                                journal::DeliveryMemory& deliveries,
                                                StatusSource& status, const Clock& clock,
                                                RandomSource& random, Logger logger) {
  OCTO_TRY(Check(options));
  auto gateway =
      std::make_unique<JournalGateway>(options, journal, deliveries, status, clock, random, logger);
  OCTO_TRY(gateway->Begin(options.server, std::move(logger)));
  return gateway;
}

}  // namespace octolake::gateway
