// Requests as anybody sends them. A request that comes in pieces of any size is the same as one
// that comes at once, and none takes more than its limits.
#include "base/fuzz.h"
#include "gateway/request_parser.h"

namespace octolake::gateway {
namespace {

constexpr uint64_t kBodyLimit = 1000;
constexpr int kMostRequests = 16;

struct Outcome {
  RequestParser::State state = RequestParser::State::kHead;
  std::string method, path, query, body;
  bool keep_alive = false;
  int status = 0;
  size_t taken = 0;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Reads one request as a connection does: what was not taken is given again with more behind it.
Outcome ReadOne(std::string_view bytes, size_t piece, const ParserLimits& limits) {
  Request request;
  RequestParser parser(request, limits);
  Outcome outcome;
  size_t there = 0;
  bool head_seen = false;
  while (parser.state() == RequestParser::State::kHead ||
         parser.state() == RequestParser::State::kBody) {
    const size_t taken = parser.Feed(bytes.substr(outcome.taken, there - outcome.taken));
    fuzz::Check(taken <= there - outcome.taken, "took more than there is");
    outcome.taken += taken;
    if (!head_seen && (parser.state() == RequestParser::State::kBody ||
                       parser.state() == RequestParser::State::kDone)) {
      head_seen = true;
      parser.SetBodyLimit(kBodyLimit);
      continue;
    }
    if (taken > 0) continue;
    if (there == bytes.size()) break;
    there = std::min(bytes.size(), there + piece);
  }
  fuzz::Check(request.body.size() <= kBodyLimit, "a body beyond its limit");
  outcome.state = parser.state();
  if (outcome.state == RequestParser::State::kFailed) {
    outcome.status = parser.problem().status;
    fuzz::Check(outcome.status >= 400 && outcome.status < 500, "a failure without a 4xx");
    // How much was taken of what is no request does not matter: the connection ends.
    outcome.taken = 0;
    return outcome;
  }
  if (outcome.state != RequestParser::State::kDone) {
    outcome.taken = 0;
    return outcome;
  }
  outcome.method = request.method;
  outcome.path = request.path;
  outcome.query = request.query;
  outcome.body = request.body;
  outcome.keep_alive = request.keep_alive;
  fuzz::Check(!(request.chunked && request.content_length), "two lengths");
  if (request.content_length) {
    fuzz::Check(request.body.size() == *request.content_length, "a body of another length");
  }
  return outcome;
}

}  // namespace
}  // namespace octolake::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octolake;
  using gateway::RequestParser;
  fuzz::Input input(data, size);
  const size_t piece = 1 + input.Byte() % 64;
  std::string_view bytes = input.Rest();
  gateway::ParserLimits limits;
  limits.head_bytes = 600;
  limits.target_bytes = 100;
  limits.fields = 12;
  for (int i = 0; i < gateway::kMostRequests && !bytes.empty(); ++i) {
    const gateway::Outcome whole = gateway::ReadOne(bytes, bytes.size(), limits);
    const gateway::Outcome pieces = gateway::ReadOne(bytes, piece, limits);
    // With a limit on unread bytes, what fails may fail earlier or for another reason.
    fuzz::Check(whole.state == pieces.state, "pieces end in another state");
    if (whole.state != RequestParser::State::kDone) break;
    fuzz::Check(whole == pieces, "pieces give another request");
    bytes.remove_prefix(whole.taken);
  }
  return 0;
}
