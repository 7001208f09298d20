#include "source/download_ahead.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/pause.h"
#include "base/thread.h"
#include "io/owned_file.h"
#include "source/download_directory.h"
#include "source/http_text.h"

namespace octolake::source {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{100};
// Files in a row that a server did not answer for.
constexpr int kMaxGivenUp = 10;
// What was loaded came some time before, and clocks differ.
constexpr int64_t kUnchangedMarginSeconds = 3600;
constexpr int64_t kMicrosPerSecond = 1'000'000;

class DownloadAhead final : public lake::RemoteFiles {
 public:
  DownloadAhead(std::string directory, DownloadAheadOptions options)
      : directory_(std::move(directory)), options_(std::move(options)) {
    RemoveAbandonedDownloads(directory_);
  }
  ~DownloadAhead() override;

  bool IsUnchanged(const std::string& name, int64_t size, TimestampMicros loaded_at) override;
  Status Begin(std::vector<std::string> names) override;
  bool IsReady(const std::string& name) override;
  Result<std::string> Fetch(const std::string& name, ProgressListener& progress) override;
  void Release(const std::string& name) override;

 private:
  struct File {
    std::string url;
    std::optional<io::OwnedFile> copy;
    bool ended = false;
    std::optional<Error> error;
    int64_t have = 0;
    int64_t total = -1;
  };

  void Work(HttpClient& http);
  File* TakeNext();
  bool MayStart() const;
  Status DownloadOne(File& file, HttpClient& http);
  Result<DownloadOptions> OptionsFor(const std::string& url);
  void CountGivenUp(const std::string& url, bool given_up);

  const std::string directory_;
  const DownloadAheadOptions options_;
  EndablePause pause_;
  std::unique_ptr<HttpClient> asking_;               // without files being sent
  std::map<std::string, bool, std::less<>> silent_;  // servers that did not answer

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::deque<File> files_;                            // those that were released have no copy
  std::unordered_map<std::string, size_t> numbers_;   // of files, by URL
  size_t next_ = 0;                                   // to be started
  size_t asked_ = 0;                                  // those before were asked for
  std::map<std::string, int, std::less<>> given_up_;  // files in a row, by server
  std::vector<std::unique_ptr<HttpClient>> clients_;
  std::vector<std::jthread> threads_;  // last: they use all the others
};

DownloadAhead::~DownloadAhead() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  pause_.End();
  for (const auto& client : clients_) client->Cancel();
  threads_.clear();
  // What is whole was not asked for, or the load failed: it is kept for the next.
}

bool DownloadAhead::IsUnchanged(const std::string& name, int64_t size, TimestampMicros loaded_at) {
  bool& silent = silent_[std::string(OriginOf(name))];
  if (silent) return false;
  if (asking_ == nullptr) {
    auto client = options_.make_client();
    if (!client) return false;
    asking_ = *std::move(client);
  }
  HttpRequest request;
  request.url = name;
  request.head_only = true;
  const auto response = asking_->Send(request);
  silent = !response;
  if (!response || response->status != 200) return false;
  const auto modified = ParseHttpDate(response->Header("Last-Modified"));
  return NumberIn(response->Header("Content-Length")) == size && modified &&
         *modified + kUnchangedMarginSeconds <= loaded_at / kMicrosPerSecond;
}

Status DownloadAhead::Begin(std::vector<std::string> names) {
  for (std::string& name : names) {
    numbers_.emplace(name, files_.size());
    files_.emplace_back().url = std::move(name);
  }
  for (int i = 0; i < options_.at_once; ++i) {
    OCTO_ASSIGN(auto client, options_.make_client());
    HttpClient& http = *clients_.emplace_back(std::move(client));
    OCTO_ASSIGN(auto thread, StartThread("to download files", [this, &http] { Work(http); }));
    threads_.push_back(std::move(thread));
  }
  return {};
}

void DownloadAhead::Work(HttpClient& http) {
  while (File* file = TakeNext()) {
    Status done = DownloadOne(*file, http);
    const std::lock_guard lock(mutex_);
    if (!done) {
      file->error = std::move(done).error();
      file->copy.reset();
    }
    file->ended = true;
    changed_.notify_all();
  }
}

bool DownloadAhead::MayStart() const {
  const int64_t ahead = static_cast<int64_t>(next_) - static_cast<int64_t>(asked_);
  if (ahead < options_.min_ahead) return true;
  if (ahead >= options_.max_ahead) return false;
  int64_t bytes = 0;
  for (size_t i = asked_; i < next_; ++i) bytes += std::max(files_[i].have, files_[i].total);
  return bytes < options_.bytes_ahead;
}

// The next to download; nullptr when there is none, or this is ending.
DownloadAhead::File* DownloadAhead::TakeNext() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ending_ || next_ == files_.size() || MayStart(); });
  if (ending_ || next_ == files_.size()) return nullptr;
  return &files_[next_++];
}

// Many files of a server that is down would else take their tries each.
Result<DownloadOptions> DownloadAhead::OptionsFor(const std::string& url) {
  DownloadOptions options = options_.download;
  const std::lock_guard lock(mutex_);
  const auto found = given_up_.find(OriginOf(url));
  const int given_up = found == given_up_.end() ? 0 : found->second;
  if (given_up >= kMaxGivenUp) {
    return MakeError(ErrorKind::kTransient,
                     url + ": not asked for, since the server did not answer for " +
                         std::to_string(given_up) + " files before it; load it again later");
  }
  if (given_up > 0) options.max_tries = 1;
  return options;
}

void DownloadAhead::CountGivenUp(const std::string& url, bool given_up) {
  const std::lock_guard lock(mutex_);
  int& in_a_row = given_up_[std::string(OriginOf(url))];
  in_a_row = given_up ? in_a_row + 1 : 0;
}

Status DownloadAhead::DownloadOne(File& file, HttpClient& http) {
  OCTO_ASSIGN(const DownloadOptions options, OptionsFor(file.url));
  OCTO_ASSIGN(auto held, HoldDownload(directory_, file.url));
  const std::string path = held.path();
  {
    const std::lock_guard lock(mutex_);
    file.copy = std::move(held);
  }
  const auto on_bytes = [this, &file](int64_t have, int64_t total) {
    const std::lock_guard lock(mutex_);
    file.have = have;
    file.total = total;
  };
  auto size = Download(http, pause_, file.url, path, options, on_bytes);
  const bool given_up = !size && size.error().kind == ErrorKind::kTransient;
  CountGivenUp(file.url, given_up);
  if (size) return {};
  const std::lock_guard lock(mutex_);
  Error error = std::move(size).error();
  std::error_code none;
  if (given_up && std::filesystem::file_size(path, none) > 0 && !none) {
    error.message += "; what has come is kept, load it again to go on";
  } else {
    RemoveDownload(*file.copy);
  }
  return tl::unexpected<Error>(std::move(error));
}

bool DownloadAhead::IsReady(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(name);
  return found == numbers_.end() || files_[found->second].ended;
}

Result<std::string> DownloadAhead::Fetch(const std::string& name, ProgressListener& progress) {
  std::unique_lock lock(mutex_);
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return MakeError(ErrorKind::kNotFound, name + " was not announced");
  File& file = files_[found->second];
  asked_ = std::max(asked_, found->second + 1);
  changed_.notify_all();
  const std::string stage = "download " + name;
  while (!changed_.wait_for(lock, kProgressInterval, [&] { return file.ended; })) {
    const Progress now{stage, "bytes", file.have, file.total};
    lock.unlock();
    progress.OnProgress(now);
    lock.lock();
  }
  if (file.error) return tl::unexpected<Error>(*file.error);
  return file.copy->path();
}

void DownloadAhead::Release(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return;
  File& file = files_[found->second];
  if (!file.ended || !file.copy) return;
  RemoveDownload(*file.copy);
  file.copy.reset();
}

}  // namespace

std::unique_ptr<lake::RemoteFiles> MakeDownloadAhead(std::string directory,
                                                     DownloadAheadOptions options) {
  return std::make_unique<DownloadAhead>(std::move(directory), std::move(options));
}

}  // namespace octolake::source
