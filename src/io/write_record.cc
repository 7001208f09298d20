#include "io/write_record.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "io/errno_error.h"
#include "io/local_file_system.h"

namespace octolake::io {
namespace {

constexpr std::string_view kFirstLine = "octolake writes 1 ";
// A million names; files of records are put aside long before (WriteRecordLimits).
constexpr int64_t kMaxRecordBytes = int64_t{256} << 20;

class RecordedOutputFile final : public OutputFile {
 public:
  RecordedOutputFile(std::unique_ptr<OutputFile> inner, FileSystem& fs, WriteRecord& record)
      : inner_(std::move(inner)), location_(inner_->location()), fs_(fs), record_(record) {}

  ~RecordedOutputFile() override {
    if (closed_) return;
    inner_.reset();  // removes the file, as well as it can be
    const auto left = fs_.Stat(location_);
    if (left || left.error().kind != ErrorKind::kNotFound) record_.Keep();
  }

  const std::string& location() const override { return location_; }
  Status Append(std::string_view bytes) override { return inner_->Append(bytes); }
  int64_t size() const override { return inner_->size(); }
  Status Close() override {
    OCTO_TRY(inner_->Close());
    closed_ = true;
    return {};
  }

 private:
  std::unique_ptr<OutputFile> inner_;
  const std::string location_;
  FileSystem& fs_;
  WriteRecord& record_;
  bool closed_ = false;
};

class RecordedFileSystem final : public FileSystem {
 public:
  RecordedFileSystem(std::unique_ptr<FileSystem> inner, std::shared_ptr<WriteRecord> record)
      : inner_(std::move(inner)), record_(std::move(record)) {}

  Result<std::unique_ptr<InputFile>> Open(const std::string& location) override {
    return inner_->Open(location);
  }
  Result<std::unique_ptr<OutputFile>> CreateNew(const std::string& location) override {
    OCTO_TRY(record_->Note(location));
    auto created = inner_->CreateNew(location);
    if (!created) {
      if (created.error().kind != ErrorKind::kAlreadyExists) record_->Keep();
      return created;
    }
    return std::make_unique<RecordedOutputFile>(*std::move(created), *inner_, *record_);
  }
  Result<FileInfo> Stat(const std::string& location) override { return inner_->Stat(location); }
  Status Remove(const std::string& location) override {
    Status removed = inner_->Remove(location);
    if (!removed && removed.error().kind != ErrorKind::kNotFound) record_->Keep();
    return removed;
  }
  // Nothing new comes of it.
  Status Move(const std::string& from, const std::string& to) override {
    return inner_->Move(from, to);
  }
  Result<std::vector<FileInfo>> List(const std::string& directory) override {
    return inner_->List(directory);
  }

 private:
  std::unique_ptr<FileSystem> inner_;
  std::shared_ptr<WriteRecord> record_;
};

Result<WriteRecordContent> Parse(std::string_view bytes, const std::string& path) {
  WriteRecordContent content;
  std::string_view rest = bytes;
  for (bool first = true;; first = false) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return content;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (!first) {
      content.locations.emplace_back(line);
    } else if (line.starts_with(kFirstLine)) {
      content.owner = line.substr(kFirstLine.size());
    } else {
      return MakeError(ErrorKind::kCorruption,
                       path + " is no record of writes: its first line should begin with '" +
                           std::string(kFirstLine) + "'; remove it if it is yours");
    }
  }
}

}  // namespace

WriteRecord::~WriteRecord() {
  if (keep_) return;
  // Were one to stay, the next who cleans up finds nothing to do for it.
  if (file_) static_cast<void>(file_->Remove());
  for (Full& full : full_) static_cast<void>(full.file.Remove());
}

Status WriteRecord::Begin() {
  if (owner_.find('\n') != std::string::npos) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "the owner of a write record must be one line, found '" + owner_ + "'");
  }
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) return ErrnoError(error.value(), "create directory", directory_);
  OCTO_ASSIGN(file_, OwnedFile::Create(directory_ + "/", std::string(kWriteRecordSuffix), random_));
  file_bytes_ = 0;
  return file_->Append(std::string(kFirstLine) + owner_ + "\n");
}

Status WriteRecord::Turn() {
  if (file_bytes_ < limits_.file_bytes) return {};
  const auto now = std::chrono::steady_clock::now();
  while (!full_.empty() && now - full_.front().since > limits_.kept_for) {
    OCTO_TRY(full_.front().file.Remove());
    full_.pop_front();
  }
  full_.push_back({*std::exchange(file_, std::nullopt), now});
  return {};
}

Status WriteRecord::Note(const std::string& location) {
  if (location.find('\n') != std::string::npos) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "cannot create '" + location + "': a location must be one line");
  }
  const std::lock_guard lock(mutex_);
  if (file_) OCTO_TRY(Turn());
  if (!file_) OCTO_TRY(Begin());
  file_bytes_ += std::ssize(location) + 1;
  return file_->Append(location + "\n");
}

void WriteRecord::Keep() {
  const std::lock_guard lock(mutex_);
  keep_ = true;
}

std::unique_ptr<FileSystem> MakeRecordedFileSystem(std::unique_ptr<FileSystem> inner,
                                                   std::shared_ptr<WriteRecord> record) {
  return std::make_unique<RecordedFileSystem>(std::move(inner), std::move(record));
}

Result<WriteRecordContent> ReadWriteRecord(const OwnedFile& file) {
  OCTO_ASSIGN(const std::string bytes, file.Read(kMaxRecordBytes));
  return Parse(bytes, file.path());
}

Result<std::vector<OwnedFile>> TakeOverWriteRecords(const std::string& directory) {
  std::vector<OwnedFile> records;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::string& path = it->path().native();
    if (!path.ends_with(kWriteRecordSuffix)) continue;
    OCTO_ASSIGN(auto record, OwnedFile::TakeOver(path));
    if (record) records.push_back(*std::move(record));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return ErrnoError(error.value(), "list", directory);
  }
  return records;
}

Status ForEachRecordedLocation(const std::string& directory,
                               const std::function<void(const std::string& location)>& take) {
  const auto local = MakeLocalFileSystem();
  OCTO_ASSIGN(const std::vector<FileInfo> files, local->List(directory));
  for (const FileInfo& file : files) {
    if (!file.location.ends_with(kWriteRecordSuffix)) continue;
    // Of whom that cannot be told lives.
    const auto of_the_dead = OwnedFile::TakeOver(file.location);
    if (of_the_dead && *of_the_dead) continue;
    const auto bytes = ReadAll(*local, file.location, kMaxRecordBytes);
    if (!bytes && bytes.error().kind == ErrorKind::kNotFound) continue;
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    OCTO_ASSIGN(const WriteRecordContent content, Parse(*bytes, file.location));
    for (const std::string& location : content.locations) take(location);
  }
  return {};
}

}  // namespace octolake::io
