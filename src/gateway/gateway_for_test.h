// A gateway on a free port over a journal in memory, and what its tests share.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/logging.h"
#include "gateway/client.h"
#include "gateway/gateway.h"
#include "journal/delivery_memory.h"
#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"

namespace octolake::gateway {

class NoStatus final : public StatusSource {
 public:
  Status Ready() override { return {}; }
  std::string StatusJson() override { return R"({"name":"lake"})"; }
  std::string SinkJson() override { return R"({"name":"bronze"})"; }
  std::string MetricsText() override { return "lake_metric 7\n"; }
  Result<std::string> JobsJson() override {
    if (!has_jobs) return MakeError(ErrorKind::kTransient, "the history is busy");
    return std::string(R"({"jobs":[]})");
  }
  Result<int64_t> StartRecovery() override {
    if (!has_hooks) return MakeError(ErrorKind::kNotFound, "no hooks");
    return ++recoveries;
  }

  bool has_hooks = false;
  bool has_jobs = true;
  int64_t recoveries = 0;
};

class RunningGateway {
 public:
  explicit RunningGateway(GatewayOptions options = {}, journal::JournalOptions limits = {},
                          Logger logger = MakeNullLogger())
      : options_(std::move(options)), limits_(limits), logger_(std::move(logger)) {
    options_.server.port = 0;
    // Every segment is memory here.
    limits_.segment_bytes = 2 << 20;
    Start();
  }
  ~RunningGateway() { gateway_.reset(); }

  // As after the end of the process: what was durable is there.
  void Restart() {
    gateway_.reset();
    memory_.reset();
    journal_.reset();
    Start();
  }

  Gateway& gateway() { return *gateway_; }
  journal::Journal& journal() { return *journal_; }
  journal::MemorySegmentStore& store() { return store_; }
  int port() const { return gateway_->port(); }

  std::unique_ptr<Client> Connect() {
    auto client = Client::Connect("127.0.0.1", port());
    EXPECT_TRUE(client) << client.error().message;
    return client ? std::move(*client) : nullptr;
  }
  Answer Send(std::string_view method, std::string_view path, const Client::Fields& fields,
              std::string_view body) {
    auto answer = Connect()->Send(method, path, fields, body);
    EXPECT_TRUE(answer) << method << " " << path << ": " << answer.error().message;
    return answer.value_or(Answer());
  }
  Answer Post(std::string_view path, std::string_view body) { return Send("POST", path, {}, body); }
  Answer Get(std::string_view path) { return Send("GET", path, {}, ""); }

  // Everything durable.
  std::vector<journal::Record> Records() { return journal::RecordsIn(*journal_); }
  std::vector<std::string> Bodies() {
    std::vector<std::string> bodies;
    for (const auto& record : Records()) bodies.push_back(record.body);
    return bodies;
  }

 private:
  void Start() {
    auto journal = journal::Journal::Open(store_, limits_, SystemClock(), SystemRandom());
    ASSERT_TRUE(journal) << journal.error().message;
    journal_ = std::move(*journal);
    auto memory = journal::DeliveryMemory::Open(*journal_, SystemClock(), {});
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::move(*memory);
    auto gateway = Gateway::Start(options_, *journal_, *memory_, status_, SystemClock(),
                                  SystemRandom(), logger_);
    ASSERT_TRUE(gateway) << gateway.error().message;
    gateway_ = std::move(*gateway);
  }

  GatewayOptions options_;
  journal::JournalOptions limits_;
  Logger logger_;
  journal::MemorySegmentStore store_;
  NoStatus status_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<journal::DeliveryMemory> memory_;
  std::unique_ptr<Gateway> gateway_;
};

// Syncs wait until they are let go.
class HeldSync {
 public:
  explicit HeldSync(journal::MemorySegmentStore& store) {
    store.before = [state = state_](journal::MemorySegmentStore::Step step) -> Status {
      if (step != journal::MemorySegmentStore::Step::kSync) return {};
      std::call_once(state->once, [&] { state->begun.set_value(); });
      state->let_go_future.wait();
      return {};
    };
  }
  ~HeldSync() { Release(); }
  void AwaitSync() { state_->begun.get_future().wait(); }
  void Release() {
    if (!released_) state_->let_go.set_value();
    released_ = true;
  }

 private:
  struct State {  // outlives this, with the store
    std::once_flag once;
    std::promise<void> begun;
    std::promise<void> let_go;
    std::shared_future<void> let_go_future = let_go.get_future().share();
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  bool released_ = false;
};

// The value of a field in an answer's head; "" if it is not there.
inline std::string FieldOf(const Answer& answer, const std::string& name) {
  const size_t at = answer.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 4;
  return answer.head.substr(begin, answer.head.find("\r\n", begin) - begin);
}

}  // namespace octolake::gateway
