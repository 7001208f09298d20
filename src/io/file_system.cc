#include "io/file_system.h"

namespace octolake::io {
namespace {

constexpr int64_t kCopyBytes = int64_t{1} << 20;

Status Copy(FileSystem& fs, const std::string& from, const std::string& to) {
  OCTO_ASSIGN(const std::unique_ptr<InputFile> in, fs.Open(from));
  OCTO_ASSIGN(const std::unique_ptr<OutputFile> out, fs.CreateNew(to));
  std::string bytes(static_cast<size_t>(kCopyBytes), '\0');
  for (int64_t offset = 0; offset < in->size();) {
    OCTO_ASSIGN(const int64_t got, in->ReadAt(offset, kCopyBytes, bytes.data()));
    if (got == 0) {
      return MakeError(ErrorKind::kIo, from + " became shorter while it was copied");
    }
    OCTO_TRY(out->Append({bytes.data(), static_cast<size_t>(got)}));
    offset += got;
  }
  return out->Close();
}

}  // namespace

Status FileSystem::Move(const std::string& from, const std::string& to) {
  OCTO_TRY(Copy(*this, from, to));
  return Remove(from);
}

Result<std::string> ReadAll(FileSystem& fs, const std::string& location, int64_t limit) {
  OCTO_ASSIGN(const std::unique_ptr<InputFile> file, fs.Open(location));
  if (file->size() > limit) {
    return MakeError(ErrorKind::kResourceExhausted,
                     location + " has " + std::to_string(file->size()) +
                         " bytes, more than the limit of " + std::to_string(limit));
  }
  std::string bytes(static_cast<size_t>(file->size()), '\0');
  OCTO_ASSIGN(const int64_t got, file->ReadAt(0, file->size(), bytes.data()));
  if (got != file->size()) {
    return MakeError(ErrorKind::kIo,
                     location + " became shorter while it was read: " + std::to_string(got) +
                         " of " + std::to_string(file->size()) + " bytes");
  }
  return bytes;
}

Status WriteAll(FileSystem& fs, const std::string& location, std::string_view bytes) {
  OCTO_ASSIGN(const std::unique_ptr<OutputFile> file, fs.CreateNew(location));
  OCTO_TRY(file->Append(bytes));
  return file->Close();
}

}  // namespace octolake::io
