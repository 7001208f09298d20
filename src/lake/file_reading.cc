#include "lake/file_reading.h"

#include <arrow/record_batch.h>

#include <exception>
#include <utility>

#include "base/thread.h"

namespace octolake::lake {
namespace {

// Enough for a file to be read on while another's batches are taken; more would only move more
// memory through the processor's cache.
constexpr size_t kMaxWaiting = 2;

std::string ForeignContentMessage(const std::string& path, const std::string& found) {
  return path +
         " holds no events: expected JSON, as it is or compressed with gzip or zstd, found " +
         found + "; nothing was loaded from it";
}

std::string ChangedMessage(const std::string& path) {
  return path +
         " changed while it was read; nothing was loaded from it: load it when it is "
         "complete";
}

}  // namespace

FileReading::FileReading(GroupFile file, event::ReadOptions options, bool decompress_apart)
    : file_(std::move(file)), options_(std::move(options)), decompress_apart_(decompress_apart) {
  result_.index = file_.index;
  result_.file.name = file_.name;
  result_.file.loaded_at = options_.ingestion_timestamp;
  auto thread = StartThread("to read it", [this] { Work(); });
  if (thread) {
    thread_ = *std::move(thread);
  } else {
    result_.Fail(file_.name + ": " + thread.error().message);
    ended_ = true;
  }
}

FileReading::~FileReading() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
}

std::optional<event::EventBatch> FileReading::Next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !waiting_.empty() || ended_; });
  if (waiting_.empty()) return std::nullopt;
  event::EventBatch batch = std::move(waiting_.front());
  waiting_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return batch;
}

// False once nobody takes what is read.
bool FileReading::Give(event::EventBatch batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kMaxWaiting || abandoned_; });
  if (abandoned_) return false;
  waiting_.push_back(std::move(batch));
  lock.unlock();
  changed_.notify_all();
  return true;
}

void FileReading::Work() {
  try {
    ReadFile();
  } catch (const std::exception& error) {
    result_.Fail(file_.name + ": " + error.what());
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

void FileReading::ReadFile() {
  auto input = HashedInput::Open(file_.path, file_.name);
  if (!input) return result_.Fail(std::move(input).error().message);
  ReadEvents(**input);
  if (result_.outcome == FileReport::Outcome::kFailed) return;
  auto digest = (*input)->FinishDigest();
  if (!digest) return result_.Fail(std::move(digest).error().message);
  if (HasChanged(*digest, (*input)->bytes_read())) {
    return result_.Fail(ChangedMessage(file_.name));
  }
  result_.file.sha256 = std::move(digest).value();
  result_.file.size = (*input)->bytes_read();
  if (result_.outcome == FileReport::Outcome::kPartial) result_.file.error = result_.error;
}

// Since it was found that its content was not loaded.
bool FileReading::HasChanged(const std::string& digest, int64_t bytes_read) const {
  if (file_.info.is_stream) return false;
  if (!file_.sha256.empty()) return digest != file_.sha256;
  const auto now = InspectInput(file_.path);
  return !now || now->is_stream || bytes_read != file_.info.size || now->size != bytes_read ||
         now->modified != file_.info.modified;
}

void FileReading::ReadEvents(HashedInput& input) {
  std::string beginning;
  auto content = PeekBeginning(input.TakeContent(), &beginning);
  if (!content) return result_.Fail(std::move(content).error().message);
  if (const auto foreign = RecogniseForeignContent(beginning)) {
    return result_.Fail(ForeignContentMessage(file_.name, *foreign));
  }
  auto bytes = decompress_apart_ ? io::MakeReadAheadSource(std::move(content).value())
                                 : std::move(content).value();
  const auto reader = event::MakeEventReader(std::move(bytes), options_);
  LoadedFile& loaded = result_.file;
  while (true) {
    auto batch = reader->Next();
    bytes_read_.store(input.bytes_read(), std::memory_order_relaxed);
    if (!batch) {
      const bool damaged = batch.error().kind == ErrorKind::kCorruption;
      if (!damaged || loaded.events + loaded.rejected == 0) {
        return result_.Fail(std::move(batch).error().message);
      }
      result_.outcome = FileReport::Outcome::kPartial;
      result_.error = std::move(batch).error().message;
      return;
    }
    if (!batch->has_value()) return;
    loaded.events += (*batch)->events->num_rows();
    loaded.rejected += (*batch)->rejected->num_rows();
    if (!Give(std::move(**batch))) return result_.Fail(file_.name + ": reading was given up");
  }
}

}  // namespace octolake::lake
