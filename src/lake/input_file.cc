#include "lake/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "event/text_window.h"
#include "io/descriptor.h"
#include "io/errno_error.h"
#include "io/local_file_system.h"

namespace octolake::lake {
namespace {

constexpr int64_t kReadBytes = int64_t{256} << 10;
// Enough to see the first lines of any text.
constexpr int64_t kBeginningBytes = int64_t{64} << 10;
constexpr size_t kShownBytes = 16;

constexpr std::string_view kSpaces = " \t\r\n";

struct Magic {
  std::string_view bytes;
  const char* what;
};
constexpr Magic kMagics[] = {
    {"PK\x03\x04", "a ZIP archive"},
    {"PAR1", "a Parquet file"},
    {"BZh", "bzip2 data"},
    {"\xFD\x37zXZ", "xz data"},
    {"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"},
    {"\x04\x22\x4D\x18", "LZ4 data"},
    {"Obj\x01", "an Avro file"},
    {"ORC", "an ORC file"},
    {"SQLite format 3", "an SQLite database"},
    {"%PDF", "a PDF document"},
    {"\x1F\x8B", "gzip data within compressed data"},
    {"\x28\xB5\x2F\xFD", "zstd data within compressed data"},
    {"<", "HTML or XML"},
};

// Gives `beginning`, then what is left of the source.
class ResumedSource final : public io::ByteSource {
 public:
  ResumedSource(std::string beginning, std::optional<Error> error,
                std::unique_ptr<io::ByteSource> rest)
      : beginning_(std::move(beginning)), error_(std::move(error)), rest_(std::move(rest)) {}

  Result<int64_t> Read(char* out, int64_t capacity) override {
    if (given_ < beginning_.size()) {
      const size_t size = std::min(static_cast<size_t>(capacity), beginning_.size() - given_);
      std::memcpy(out, beginning_.data() + given_, size);
      given_ += size;
      return static_cast<int64_t>(size);
    }
    if (error_) return tl::unexpected(*error_);
    return rest_->Read(out, capacity);
  }
  int64_t consumed() const override { return rest_->consumed(); }

 private:
  std::string beginning_;
  std::optional<Error> error_;  // met behind the beginning
  std::unique_ptr<io::ByteSource> rest_;
  size_t given_ = 0;
};

// A pipe or device, which knows no positions.
class StreamSource final : public io::ByteSource {
 public:
  StreamSource(io::Descriptor descriptor, const std::string& path)
      : descriptor_(std::move(descriptor)),
        source_(io::MakeDescriptorSource(descriptor_.get(), path)) {}
  Result<int64_t> Read(char* out, int64_t capacity) override {
    return source_->Read(out, capacity);
  }
  int64_t consumed() const override { return source_->consumed(); }

 private:
  io::Descriptor descriptor_;
  std::unique_ptr<io::ByteSource> source_;
};

Result<std::unique_ptr<io::ByteSource>> OpenStored(const std::string& path) {
  if (path == kStandardInput) {
    return io::MakeDescriptorSource(STDIN_FILENO, "standard input");
  }
  OCTO_ASSIGN(const InputInfo info, InspectInput(path));
  if (info.is_stream) {
    io::Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (descriptor.get() < 0) return io::ErrnoError(errno, "open", path);
    return std::make_unique<StreamSource>(std::move(descriptor), path);
  }
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).string();
  if (error) return MakeError(ErrorKind::kIo, path + ": " + error.message());
  const auto files = io::MakeLocalFileSystem();
  OCTO_ASSIGN(auto file, files->Open(absolute));
  return io::MakeFileSource(std::move(file));
}

bool IsBinary(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && kSpaces.find(c) == std::string_view::npos && c != '\f' && c != '\x1B';
  });
}

// Whether a line begins as an object or array does.
bool HasJsonLine(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find_first_not_of(kSpaces, at);
    if (begin == std::string_view::npos) return false;
    if (text[begin] == '{' || text[begin] == '[') return true;
    at = text.find('\n', begin);
    if (at == std::string_view::npos) return false;
  }
  return false;
}

}  // namespace

Result<InputInfo> InspectInput(const std::string& path) {
  if (path == kStandardInput) return InputInfo{0, 0, true};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return io::ErrnoError(errno, "open", path);
  if (S_ISDIR(status.st_mode)) {
    return MakeError(ErrorKind::kInvalidArgument,
                     path + " is a directory, expected a file of events");
  }
  const int64_t modified = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return InputInfo{status.st_size, modified, !S_ISREG(status.st_mode)};
}

// The stored bytes on their way to the decompressor.
class HashedInput::Tap final : public io::ByteSource {
 public:
  explicit Tap(HashedInput& input) : input_(input) {}
  Result<int64_t> Read(char* out, int64_t capacity) override {
    return input_.ReadStored(out, capacity);
  }
  int64_t consumed() const override { return input_.bytes_read_; }

 private:
  HashedInput& input_;
};

Result<std::unique_ptr<HashedInput>> HashedInput::Open(const std::string& path,
                                                       const std::string& name) {
  std::unique_ptr<HashedInput> input(new HashedInput(name));
  OCTO_ASSIGN(input->stored_, OpenStored(path));
  return input;
}

Result<int64_t> HashedInput::ReadStored(char* out, int64_t capacity) {
  OCTO_ASSIGN(const int64_t got, stored_->Read(out, capacity));
  hash_.Update(std::string_view(out, static_cast<size_t>(got)));
  bytes_read_ += got;
  return got;
}

std::unique_ptr<io::ByteSource> HashedInput::TakeContent() {
  return io::MakeDecompressedSource(std::make_unique<Tap>(*this), name_);
}

Result<std::string> HashedInput::FinishDigest() {
  std::vector<char> buffer(static_cast<size_t>(kReadBytes));
  while (true) {
    OCTO_ASSIGN(const int64_t got, ReadStored(buffer.data(), kReadBytes));
    if (got == 0) return hash_.FinishHex();
  }
}

Result<std::string> HashFile(const std::string& path) {
  OCTO_ASSIGN(const auto input, HashedInput::Open(path, path));
  return input->FinishDigest();
}

std::optional<std::string> RecogniseForeignContent(std::string_view beginning) {
  // UTF-16 is told by its mark and left to the event reader.
  if (beginning.starts_with("\xFF\xFE") || beginning.starts_with("\xFE\xFF")) return std::nullopt;
  std::string_view text = beginning;
  if (text.starts_with(event::kUtf8Mark)) text.remove_prefix(event::kUtf8Mark.size());
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  if (text.empty() || text.front() == '{' || text.front() == '[') return std::nullopt;
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.what;
  }
  const std::string_view shown = text.substr(0, kShownBytes);
  if (IsBinary(text)) return "binary data that begins with bytes " + HexEncode(shown);
  // Damage before events is for the rejected rows; a text without any is another file.
  if (HasJsonLine(text)) return std::nullopt;
  return "text that begins with '" + std::string(shown.substr(0, shown.find('\n'))) + "'";
}

Result<std::unique_ptr<io::ByteSource>> PeekBeginning(std::unique_ptr<io::ByteSource> source,
                                                      std::string* beginning) {
  beginning->resize(static_cast<size_t>(kBeginningBytes));
  size_t size = 0;
  std::optional<Error> error;
  while (size < beginning->size()) {
    auto got =
        source->Read(beginning->data() + size, static_cast<int64_t>(beginning->size() - size));
    if (!got && size == 0) return tl::unexpected(std::move(got).error());
    if (!got) error = std::move(got).error();
    if (error || *got == 0) break;
    size += static_cast<size_t>(*got);
  }
  beginning->resize(size);
  return std::make_unique<ResumedSource>(*beginning, std::move(error), std::move(source));
}

}  // namespace octolake::lake
