#include <utility>

#include "process.h"

namespace octolake::simulation {
namespace {

tl::unexpected<Error> Missing(const std::string& location) {
  return MakeError(ErrorKind::kNotFound, location + " does not exist");
}

class ProcessInput final : public io::InputFile {
 public:
  ProcessInput(Process& process, std::unique_ptr<io::InputFile> inner)
      : process_(process), inner_(std::move(inner)) {}
  const std::string& location() const override { return inner_->location(); }
  int64_t size() const override { return inner_->size(); }
  Result<int64_t> ReadAt(int64_t offset, int64_t length, void* out) override {
    if (process_.Take(StepKind::kRead, location()) != StepEffect::kProceeds) {
      return tl::unexpected<Error>(process_.Failed(StepKind::kRead, location()));
    }
    return inner_->ReadAt(offset, length, out);
  }

 private:
  Process& process_;
  const std::unique_ptr<io::InputFile> inner_;
};

class ProcessOutput final : public io::OutputFile {
 public:
  ProcessOutput(Process& process, std::string location, Store::File file)
      : process_(process), location_(std::move(location)), file_(std::move(file)) {}

  ~ProcessOutput() override {
    if (closed_ || process_.dead()) return;
    if (process_.Take(StepKind::kRemove, location_) == StepEffect::kFails) return;
    process_.world().store.Remove(PathOf(location_));
  }

  const std::string& location() const override { return location_; }
  int64_t size() const override { return size_; }

  Status Append(std::string_view bytes) override {
    if (failed_) return Fail(StepKind::kAppend);
    Store& store = process_.world().store;
    switch (process_.Take(StepKind::kAppend, location_)) {
      case StepEffect::kProceeds:
        store.Append(*file_, bytes);
        size_ += std::ssize(bytes);
        return {};
      case StepEffect::kFails:
        break;
      case StepEffect::kTorn:
        store.Append(*file_, bytes.substr(0, bytes.size() / 2));
        break;
      case StepEffect::kLosesReply:
        store.Append(*file_, bytes);
        break;
    }
    return Fail(StepKind::kAppend);
  }

  Status Close() override {
    if (failed_) return Fail(StepKind::kClose);
    if (process_.Take(StepKind::kClose, location_) != StepEffect::kProceeds) {
      return Fail(StepKind::kClose);
    }
    process_.world().Note(process_.name() + " made " + process_.world().Short(location_));
    closed_ = true;
    return {};
  }

 private:
  Status Fail(StepKind kind) {
    failed_ = true;
    return tl::unexpected<Error>(process_.Failed(kind, location_));
  }

  Process& process_;
  const std::string location_;
  const Store::File file_;
  int64_t size_ = 0;
  bool failed_ = false;
  bool closed_ = false;
};

class ProcessFileSystem final : public io::FileSystem {
 public:
  explicit ProcessFileSystem(Process& process)
      : process_(process), world_(process.world()), store_(world_.store) {}

  Result<std::unique_ptr<io::InputFile>> Open(const std::string& location) override {
    OCTO_TRY(Read(StepKind::kOpen, location));
    auto file = store_.Find(PathOf(location));
    if (file == nullptr) return Missing(location);
    return std::make_unique<ProcessInput>(process_, OpenStored(location, std::move(file)));
  }

  Result<std::unique_ptr<io::OutputFile>> CreateNew(const std::string& location) override {
    const StepEffect effect = process_.Take(StepKind::kCreate, location);
    if (effect == StepEffect::kFails) return Failed(StepKind::kCreate, location);
    auto file = store_.Create(PathOf(location));
    if (file == nullptr) return MakeError(ErrorKind::kAlreadyExists, location + " exists");
    if (effect != StepEffect::kProceeds) return Failed(StepKind::kCreate, location);
    return std::make_unique<ProcessOutput>(process_, location, std::move(file));
  }

  Result<io::FileInfo> Stat(const std::string& location) override {
    OCTO_TRY(Read(StepKind::kStat, location));
    return store_.file_system().Stat(location);
  }

  Status Remove(const std::string& location) override {
    const StepEffect effect = process_.Take(StepKind::kRemove, location);
    const std::string path = PathOf(location);
    if (effect == StepEffect::kFails || effect == StepEffect::kTorn) {
      return Failed(StepKind::kRemove, location);
    }
    if (store_.Find(path) != nullptr) {
      world_.Note(process_.name() + " removes " + world_.Short(path));
      if (world_.witness != nullptr) world_.witness->OnRemove(path);
    }
    const bool removed = store_.Remove(path);
    if (effect != StepEffect::kProceeds) return Failed(StepKind::kRemove, location);
    return removed ? Status() : Missing(location);
  }

  // Like that of local files: a second name, then the first one goes.
  Status Move(const std::string& from, const std::string& to) override {
    const StepEffect effect = process_.Take(StepKind::kMove, from);
    if (effect == StepEffect::kFails) return Failed(StepKind::kMove, from);
    const std::string old_path = PathOf(from);
    const std::string new_path = PathOf(to);
    if (store_.Find(old_path) == nullptr) return Missing(from);
    if (!store_.Link(old_path, new_path)) {
      return MakeError(ErrorKind::kAlreadyExists, to + " exists");
    }
    world_.Note(process_.name() + " moves " + world_.Short(old_path) + " to " +
                world_.Short(new_path));
    if (world_.witness != nullptr) world_.witness->OnMove(process_, old_path, new_path);
    if (effect == StepEffect::kTorn) return Failed(StepKind::kMove, from);
    store_.Remove(old_path);
    if (effect == StepEffect::kLosesReply) return Failed(StepKind::kMove, from);
    return {};
  }

  Result<std::vector<io::FileInfo>> List(const std::string& directory) override {
    OCTO_TRY(Read(StepKind::kList, directory));
    const bool stale = world_.faults && world_.choices.Chance(world_.rates.stale_listing);
    if (stale) ++world_.counts["listings stale"];
    auto files = stale ? store_.StaleList(directory, world_.choices) : store_.List(directory);
    if (process_.hides) {
      std::erase_if(files, [&](const auto& file) { return process_.hides(file.location); });
    }
    return files;
  }

 private:
  tl::unexpected<Error> Failed(StepKind kind, const std::string& location) const {
    return tl::unexpected<Error>(process_.Failed(kind, location));
  }
  Status Read(StepKind kind, const std::string& location) {
    if (process_.Take(kind, location) == StepEffect::kProceeds) return {};
    return Failed(kind, location);
  }

  Process& process_;
  World& world_;
  Store& store_;
};

}  // namespace

std::unique_ptr<io::FileSystem> MakeProcessFileSystem(Process& process) {
  return std::make_unique<ProcessFileSystem>(process);
}

}  // namespace octolake::simulation
