#include "gateway/batch.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/string_util.h"
#include "base/thread.h"
#include "event/json_writer.h"
#include "event/object_reader.h"
#include "io/byte_source.h"

namespace octolake::gateway {
namespace {

constexpr size_t kMaxWaiting = 16;
constexpr int kRetrySeconds = 1;
// Of one batch, waiting for the disk: the rest of the queue is for others.
constexpr int64_t kMaxPendingBytes = 8 << 20;
constexpr int64_t kMaxPendingRecords = 8192;
// A full queue is tried again so often, then the sender is asked to come back.
constexpr std::chrono::milliseconds kFullPause{20};
constexpr int kFullTries = 40;
// An answer names so many rejected events; all are counted.
constexpr int64_t kMaxNamed = 1000;
constexpr int64_t kMaxRejectedBytes = 0;
constexpr size_t kCheckedPiece = 64 << 10;

// Reads bytes that stay where they are.
class ViewSource final : public io::ByteSource {
 public:
  explicit ViewSource(std::string_view bytes) : bytes_(bytes) {}
  Result<int64_t> Read(char* out, int64_t capacity) override {
    const size_t count = std::min(static_cast<size_t>(capacity), bytes_.size() - at_);
    std::memcpy(out, bytes_.data() + at_, count);
    at_ += count;
    return static_cast<int64_t>(count);
  }
  int64_t consumed() const override { return static_cast<int64_t>(at_); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

// 8 MiB, as RFC 9659 has it for the content coding zstd.
constexpr int kMaxZstdWindowLog = 23;

enum class Encoding { kIdentity, kGzip, kZstd, kUnknown };

Encoding EncodingOf(const Request& request) {
  const std::string& name = request.Get(Field::kContentEncoding);
  if (name.empty() || EqualsIgnoringCase(name, "identity")) return Encoding::kIdentity;
  if (EqualsIgnoringCase(name, "gzip") || EqualsIgnoringCase(name, "x-gzip")) {
    return Encoding::kGzip;
  }
  return EqualsIgnoringCase(name, "zstd") ? Encoding::kZstd : Encoding::kUnknown;
}

bool BeginsAs(Encoding encoding, std::string_view body) {
  return body.starts_with(encoding == Encoding::kGzip ? std::string_view("\x1f\x8b")
                                                      : std::string_view("\x28\xb5\x2f\xfd"));
}

std::unique_ptr<io::ByteSource> OpenBody(const Request& request) {
  auto source = std::make_unique<ViewSource>(request.body);
  if (EncodingOf(request) == Encoding::kIdentity) return source;
  return io::MakeDecompressedSource(std::move(source), "the body", kMaxZstdWindowLog);
}

Response TooLarge(int64_t limit) {
  return ErrorResponse(413, "the batch is longer than " + std::to_string(limit) +
                                " bytes; nothing of it was taken, send it in parts");
}

event::ObjectReader ReadEvents(const Request& request, const BatchOptions& options) {
  return {OpenBody(request), {options.max_event_bytes, kMaxRejectedBytes, kMaxJsonDepth}};
}

// Each event begins with one. Up to `most`, more are not counted.
int64_t CountBraces(std::string_view bytes, int64_t most) {
  int64_t count = 0;
  for (size_t at = bytes.find('{'); at != std::string_view::npos && count < most;
       at = bytes.find('{', at + 1)) {
    ++count;
  }
  return count;
}

std::optional<Response> CheckEvents(const Request& request, const BatchOptions& options) {
  event::ObjectReader objects = ReadEvents(request, options);
  event::ObjectReader::Item item;
  int64_t events = 0;
  while (events <= options.max_events()) {
    const Result<bool> found = objects.Next(&item);
    if (!found) return ErrorResponse(400, found.error().message + "; nothing of it was taken");
    if (!*found) return std::nullopt;
    if (item.problem.empty()) ++events;
  }
  return ErrorResponse(413, "the batch has more than " + std::to_string(options.max_events()) +
                                " events; nothing of it was taken, send it in parts");
}

// Decompresses all of it, keeping nothing. Only where there may be too many events are they read
// to be counted, since that costs as much as taking them.
std::optional<Response> CheckBody(const Request& request, const BatchOptions& options) {
  const Encoding encoding = EncodingOf(request);
  if (request.body.empty()) return std::nullopt;
  if (encoding != Encoding::kIdentity && !BeginsAs(encoding, request.body)) {
    return ErrorResponse(400, "the body is not " + request.Get(Field::kContentEncoding));
  }
  const auto source = OpenBody(request);
  const auto piece = std::make_unique<char[]>(kCheckedPiece);
  const int64_t enough = options.max_events() + 1;
  int64_t bytes = 0;
  int64_t braces = 0;
  while (true) {
    const auto count = source->Read(piece.get(), kCheckedPiece);
    if (!count) return ErrorResponse(400, count.error().message + "; nothing of it was taken");
    if (*count == 0) break;
    bytes += *count;
    if (bytes > options.max_batch_bytes) return TooLarge(options.max_batch_bytes);
    braces += CountBraces({piece.get(), static_cast<size_t>(*count)}, enough - braces);
  }
  return braces < enough ? std::nullopt : CheckEvents(request, options);
}

// The records of one batch that the journal has.
class PendingRecords {
 public:
  explicit PendingRecords(EventDoor& door) : door_(door) {}

  // Waits for room. An error: the record, and what follows it, is not to be taken.
  Status Append(std::string_view document);
  // Waits for all, and gives the first error.
  Status Finish();
  // After Finish.
  int64_t durable() const { return durable_; }
  int64_t refused() const { return refused_; }

 private:
  void WaitForRoom(int64_t bytes);
  void OnDone(const Result<uint64_t>& sequence, int64_t bytes);

  EventDoor& door_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t records_ = 0;
  int64_t bytes_ = 0;
  int64_t durable_ = 0;
  int64_t refused_ = 0;
  std::optional<Error> error_;
};

void PendingRecords::OnDone(const Result<uint64_t>& sequence, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  --records_;
  bytes_ -= bytes;
  if (sequence) {
    ++durable_;
  } else {
    ++refused_;
    if (!error_) error_ = sequence.error();
  }
  // Still locked: whoever waits may be gone right after it.
  changed_.notify_all();
}

void PendingRecords::WaitForRoom(int64_t bytes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return records_ == 0 || (bytes_ + bytes <= kMaxPendingBytes && records_ < kMaxPendingRecords);
  });
  ++records_;
  bytes_ += bytes;
}

Status PendingRecords::Append(std::string_view document) {
  const auto bytes = static_cast<int64_t>(document.size());
  WaitForRoom(bytes);
  {
    const std::lock_guard lock(mutex_);
    if (error_) {
      --records_;
      ++refused_;
      bytes_ -= bytes;
      return tl::unexpected<Error>(*error_);
    }
  }
  for (int tries = 0;; ++tries) {
    journal::Record record = door_.MakeRecord("collect");
    record.body.assign(document);
    Status taken = door_.journal().Append(
        std::move(record),
        [this, bytes](const Result<uint64_t>& sequence) { OnDone(sequence, bytes); });
    if (taken) return taken;
    if (taken.error().kind != ErrorKind::kResourceExhausted || tries == kFullTries) {
      const std::lock_guard lock(mutex_);
      --records_;
      ++refused_;
      bytes_ -= bytes;
      return taken;
    }
    std::this_thread::sleep_for(kFullPause);
  }
}

Status PendingRecords::Finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return records_ == 0; });
  if (error_) return tl::unexpected<Error>(*error_);
  return {};
}

Error IsStopping() { return {ErrorKind::kTransient, "the gateway is stopping"}; }

struct Outcome {
  int64_t accepted = 0;
  int64_t rejected = 0;
};

std::string OutcomeJson(const Outcome& outcome, const std::string& rejections,
                        const std::optional<Refusal>& refusal) {
  event::JsonWriter json;
  json.Open('{').Member("status", refusal ? "failed" : "success");
  if (refusal) json.Member("detail", refusal->detail);
  json.Member("accepted", outcome.accepted).Member("rejected", outcome.rejected);
  return json.Key("rejections").AddRaw(rejections).Close('}').text();
}

}  // namespace

std::optional<Response> CheckContentEncoding(const Request& request) {
  if (EncodingOf(request) != Encoding::kUnknown) return std::nullopt;
  return ErrorResponse(415, "Content-Encoding " + request.Get(Field::kContentEncoding) +
                                ": expected gzip, zstd or none");
}

Response TakeBatch(const Request& request, const BatchOptions& options, EventDoor& door,
                   const std::function<bool()>& must_end) {
  if (must_end()) return ResponseOf(door.Refuse(IsStopping()));
  if (auto refusal = CheckBody(request, options)) {
    door.metrics().CountRejected(refusal->status == 413 ? Rejection::kTooLarge
                                                        : Rejection::kMalformed);
    return std::move(*refusal);
  }
  event::ObjectReader objects = ReadEvents(request, options);
  PendingRecords pending(door);
  Outcome outcome;
  event::JsonWriter rejections;
  rejections.Open('[');
  Status taken;
  event::ObjectReader::Item item;
  while (taken) {
    const Result<bool> found = objects.Next(&item);
    if (!found) {
      taken = tl::unexpected<Error>(found.error());
    } else if (!*found) {
      break;
    } else if (must_end()) {
      taken = tl::unexpected<Error>(IsStopping());
    } else if (item.problem.empty()) {
      taken = pending.Append(item.document.text);
    } else if (++outcome.rejected <= kMaxNamed) {
      rejections.Open('{')
          .Member("index", item.document.ordinal)
          .Member("reason", item.problem)
          .Close('}');
    }
  }
  const Status finished = pending.Finish();
  if (taken) taken = finished;
  outcome.accepted = pending.durable();
  door.metrics().CountReceived(outcome.accepted);
  door.metrics().CountBytes(static_cast<int64_t>(request.body.size()));
  door.metrics().CountRejected(Rejection::kInvalidJson, outcome.rejected);
  rejections.Close(']');
  std::optional<Refusal> refusal;
  if (!taken) refusal = door.Refuse(taken.error(), std::max<int64_t>(pending.refused(), 1));
  Response response = refusal ? ResponseOf(*refusal) : Response();
  response.body = OutcomeJson(outcome, rejections.text(), refusal);
  return response;
}

Status BatchPool::Begin() {
  for (int i = 0; i < std::max(options_.threads, 1); ++i) {
    OCTO_ASSIGN(auto thread, StartThread("to take batches", [this] { Work(); }));
    threads_.push_back(std::move(thread));
  }
  return {};
}

BatchPool::~BatchPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  threads_.clear();  // joins them
}

void BatchPool::Take(Exchange& exchange) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kMaxWaiting) {
      waiting_.push_back(&exchange);
      changed_.notify_one();
      return;
    }
  }
  Response response = ErrorResponse(503, "too many batches wait; send it again later");
  response.retry_after_seconds = kRetrySeconds;
  exchange.Finish(std::move(response));
}

void BatchPool::Work() {
  while (true) {
    Exchange* exchange = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      exchange = waiting_.front();
      waiting_.pop_front();
    }
    exchange->Finish(TakeBatch(exchange->request(), options_, door_, [this] {
      return std::chrono::steady_clock::now() >= deadline_.load();
    }));
  }
}

}  // namespace octolake::gateway
