#include "source/download_ahead.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "io/descriptor.h"
#include "io/errno_error.h"
#include "source/pause.h"

namespace octolake::source {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kKeptUnfinished{7 * 24};
constexpr std::chrono::milliseconds kProgressInterval{100};
constexpr size_t kShownNameBytes = 80;
// Of a download whose usual file another process has.
constexpr const char kOwnMark[] = ".own-";

// A file name that tells URLs apart and shows people what it is.
std::string FileNameOf(const std::string& url) {
  Sha256 hash;
  hash.Update(url);
  std::string name = hash.FinishHex().substr(0, 16) + "-";
  const std::string last = url.substr(url.rfind('/') + 1);
  for (const char c : last.substr(0, std::min(last.find_first_of("?#"), kShownNameBytes))) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-';
    name += plain ? c : '_';
  }
  return name;
}

// A lock on the file, made if need be; nullopt if somebody else has it.
Result<std::optional<io::Descriptor>> TryLock(const std::string& path, int flags) {
  while (true) {
    io::Descriptor file(::open(path.c_str(), flags | O_RDWR | O_CLOEXEC, 0666));
    if (file.get() < 0) return io::ErrnoError(errno, "open", path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::optional<io::Descriptor>();
      return io::ErrnoError(errno, "lock", path);
    }
    // Whoever had it may have removed it before this lock was taken.
    struct stat held {};
    struct stat named {};
    if (::fstat(file.get(), &held) != 0) return io::ErrnoError(errno, "look at", path);
    if (::stat(path.c_str(), &named) == 0 && named.st_ino == held.st_ino) {
      return std::optional(std::move(file));
    }
    if ((flags & O_CREAT) == 0) return io::ErrnoError(ENOENT, "open", path);
  }
}

// What ended processes left: files of their own, and such as nobody has gone on with for a week.
void RemoveAbandoned(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path().string();
    if (path.ends_with(".validator")) continue;
    std::error_code time_error;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(path, time_error);
    const bool old = !time_error && age > kKeptUnfinished;
    if (!old && path.find(kOwnMark) == std::string::npos) continue;
    const auto lock = TryLock(path, 0);
    if (lock && *lock) RemoveDownload(path);
  }
}

class DownloadAhead final : public lake::RemoteFiles {
 public:
  DownloadAhead(std::string directory, const DownloadAheadOptions& options)
      : directory_(std::move(directory)), options_(options) {}
  ~DownloadAhead() override;

  Result<int64_t> Size(const std::string& name) override;
  Status Begin(std::vector<std::string> names) override;
  Result<std::string> Fetch(const std::string& name, ProgressListener& progress) override;
  void Release(const std::string& name) override;

 private:
  struct File {
    std::string url;
    size_t number = 0;
    std::string path;
    std::optional<io::Descriptor> lock;
    bool ended = false;
    std::optional<Error> error;
    int64_t have = 0;
    int64_t total = -1;
  };

  void Work(HttpClient& http);
  // The next to download; nullptr when there is none, or this is ending.
  File* TakeNext();
  Status DownloadOne(File& file, HttpClient& http);
  Status LockFile(File& file);
  File* Find(const std::string& name);

  const std::string directory_;
  const DownloadAheadOptions options_;
  EndablePause pause_;
  std::unique_ptr<HttpClient> asking_;  // for sizes

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::deque<File> files_;  // those that were released have no lock
  size_t next_ = 0;         // to be started
  size_t fetched_ = 0;      // were asked for
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

Result<int64_t> DownloadAhead::Size(const std::string& name) {
  if (asking_ == nullptr) {
    OCTO_ASSIGN(asking_, MakeHttpClient(options_.http));
  }
  HttpRequest request;
  request.url = name;
  request.head_only = true;
  OCTO_ASSIGN(const HttpResponse response, asking_->Get(request));
  const std::string_view text = response.Header("Content-Length");
  int64_t size = -1;
  std::from_chars(text.data(), text.data() + text.size(), size);
  if (response.status == 200 && size >= 0) return size;
  return MakeError(ErrorKind::kUnsupported, name + ": the server does not say its size");
}

Status DownloadAhead::Begin(std::vector<std::string> names) {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return io::ErrnoError(error.value(), "create", directory_);
  RemoveAbandoned(directory_);
  for (size_t i = 0; i < names.size(); ++i) {
    File& file = files_.emplace_back();
    file.url = std::move(names[i]);
    file.number = i;
  }
  for (int i = 0; i < options_.at_once; ++i) {
    OCTO_ASSIGN(auto client, MakeHttpClient(options_.http));
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
      file->lock.reset();
    }
    file->ended = true;
    changed_.notify_all();
  }
}

DownloadAhead::File* DownloadAhead::TakeNext() {
  std::unique_lock lock(mutex_);
  const auto ahead = static_cast<size_t>(options_.ahead);
  changed_.wait(lock,
                [&] { return ending_ || next_ == files_.size() || next_ < fetched_ + ahead; });
  if (ending_ || next_ == files_.size()) return nullptr;
  File& file = files_[next_++];
  return &file;
}

Status DownloadAhead::LockFile(File& file) {
  std::string path = directory_ + "/" + FileNameOf(file.url);
  OCTO_ASSIGN(auto lock, TryLock(path, O_CREAT));
  if (!lock) {
    path += kOwnMark + Uuid::RandomV4(SystemRandom()).ToString();
    OCTO_ASSIGN(lock, TryLock(path, O_CREAT));
  }
  const std::lock_guard guard(mutex_);
  file.path = path;
  file.lock = std::move(lock);
  return {};
}

Status DownloadAhead::DownloadOne(File& file, HttpClient& http) {
  OCTO_TRY(LockFile(file));
  const auto on_bytes = [this, &file](int64_t have, int64_t total) {
    const std::lock_guard lock(mutex_);
    file.have = have;
    file.total = total;
  };
  const auto size = Download(http, pause_, file.url, file.path, options_.download, on_bytes);
  if (size) return {};
  std::error_code error;
  const bool nothing_came = fs::file_size(file.path, error) == 0;
  if (nothing_came || size.error().kind == ErrorKind::kNotFound) RemoveDownload(file.path);
  return tl::unexpected<Error>(size.error());
}

DownloadAhead::File* DownloadAhead::Find(const std::string& name) {
  const auto found = std::find_if(files_.begin(), files_.end(),
                                  [&](const File& file) { return file.url == name; });
  return found == files_.end() ? nullptr : &*found;
}

Result<std::string> DownloadAhead::Fetch(const std::string& name, ProgressListener& progress) {
  std::unique_lock lock(mutex_);
  File* file = Find(name);
  if (file == nullptr) return MakeError(ErrorKind::kNotFound, name + " was not announced");
  fetched_ = std::max(fetched_, file->number + 1);
  changed_.notify_all();
  const std::string stage = "download " + name;
  while (!changed_.wait_for(lock, kProgressInterval, [&] { return file->ended; })) {
    const Progress now{stage, "bytes", file->have, file->total};
    lock.unlock();
    progress.OnProgress(now);
    lock.lock();
  }
  if (file->error) return tl::unexpected<Error>(*file->error);
  return file->path;
}

void DownloadAhead::Release(const std::string& name) {
  const std::lock_guard lock(mutex_);
  File* file = Find(name);
  if (file == nullptr || !file->ended || !file->lock) return;
  RemoveDownload(file->path);
  file->lock.reset();
}

}  // namespace

std::unique_ptr<lake::RemoteFiles> MakeDownloadAhead(std::string directory,
                                                     const DownloadAheadOptions& options) {
  return std::make_unique<DownloadAhead>(std::move(directory), options);
}

}  // namespace octolake::source
