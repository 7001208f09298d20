#include "io/store_file_system.h"

#include <utility>

#include "io/s3_file_system.h"

namespace octolake::io {
namespace {

class StoreFileSystem final : public FileSystem {
 public:
  StoreFileSystem(std::unique_ptr<FileSystem> local, std::unique_ptr<FileSystem> s3)
      : local_(std::move(local)), s3_(std::move(s3)) {}

  Result<std::unique_ptr<InputFile>> Open(const std::string& location) override {
    OCTO_ASSIGN(FileSystem* const store, StoreOf(location));
    return store->Open(location);
  }
  Result<std::unique_ptr<OutputFile>> CreateNew(const std::string& location) override {
    OCTO_ASSIGN(FileSystem* const store, StoreOf(location));
    return store->CreateNew(location);
  }
  Result<FileInfo> Stat(const std::string& location) override {
    OCTO_ASSIGN(FileSystem* const store, StoreOf(location));
    return store->Stat(location);
  }
  Status Remove(const std::string& location) override {
    OCTO_ASSIGN(FileSystem* const store, StoreOf(location));
    return store->Remove(location);
  }
  Status Move(const std::string& from, const std::string& to) override {
    OCTO_ASSIGN(FileSystem* const store, StoreOf(from));
    OCTO_ASSIGN(FileSystem* const other, StoreOf(to));
    return store == other ? store->Move(from, to) : FileSystem::Move(from, to);
  }
  Result<std::vector<FileInfo>> List(const std::string& directory) override {
    OCTO_ASSIGN(FileSystem* const store, StoreOf(directory));
    return store->List(directory);
  }

 private:
  Result<FileSystem*> StoreOf(const std::string& location) const {
    if (!IsS3Location(location)) return local_.get();
    if (s3_) return s3_.get();
    return MakeError(ErrorKind::kUnsupported,
                     "cannot use " + location +
                         ": no S3 store is configured; give s3.endpoint, or s3.region for AWS");
  }

  const std::unique_ptr<FileSystem> local_;
  const std::unique_ptr<FileSystem> s3_;
};

}  // namespace

std::unique_ptr<FileSystem> MakeStoreFileSystem(std::unique_ptr<FileSystem> local,
                                                std::unique_ptr<FileSystem> s3) {
  return std::make_unique<StoreFileSystem>(std::move(local), std::move(s3));
}

}  // namespace octolake::io
