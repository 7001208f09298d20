#include "lake/load.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include "lake/definitions.h"
#include "lake/input_file.h"
#include "lake/load_group.h"

namespace octolake::lake {
namespace {

using Outcome = FileReport::Outcome;

// With this share of a commit at hand it is made rather than that a file from a server is waited
// for, so that the network and the processor work at once.
constexpr int64_t kLeastShare = 4;

class Loader {
 public:
  Loader(Warehouse& warehouse, const LoadOptions& options, ProgressListener& progress,
         LoadedState state)
      : options_(options),
        progress_(progress),
        state_(std::move(state)),
        group_loader_(warehouse, options, state_,
                      [this](const std::string& path, int64_t bytes) { OnBytes(path, bytes); }) {}

  Result<LoadReport> Run(const std::vector<std::string>& paths);

 private:
  bool IsRemoteFile(const std::string& name) const {
    return options_.remote != nullptr && IsRemote(name);
  }
  std::vector<std::optional<InputInfo>> Inspect(const std::vector<std::string>& paths);
  Status BeginRemote();
  Status Take(size_t index, const InputInfo& info);
  Status TakeRemote(size_t index);
  Result<bool> SkipIfKnownUrl(size_t index);
  void ReportNamedAgain();
  Status TakeFile(size_t index, InputInfo info);
  Result<bool> MayBeKnown(const std::string& path, InputInfo& info);
  Status HashAndTake(size_t index, const std::string& path, const InputInfo& info);
  Status AddToGroup(GroupFile file);
  Result<bool> SkipIfLoaded(size_t index, const std::string& sha256);
  bool IsInGroup(const std::string& sha256) const;
  Status LoadGroup();
  Status Apply(const GroupReport& group);
  void ReleaseFetched();
  void OnBytes(const std::string& path, int64_t group_bytes);

  const LoadOptions& options_;
  ProgressListener& progress_;
  LoadedState state_;
  GroupLoader group_loader_;
  std::vector<GroupFile> group_;
  std::vector<std::string> fetched_;                    // copies of the group's remote files
  std::vector<std::pair<size_t, size_t>> named_again_;  // URLs: the later index, and the first
  int64_t group_bytes_ = 0;
  std::unordered_map<int64_t, int> files_of_size_;
  LoadReport report_;
  int64_t bytes_done_ = 0;  // of the files before the group
  int64_t bytes_total_ = 0;
};

void Loader::OnBytes(const std::string& path, int64_t group_bytes) {
  progress_.OnProgress({"load " + path, "bytes", bytes_done_ + group_bytes, bytes_total_});
}

// nullopt for what cannot be read; its report says why.
std::vector<std::optional<InputInfo>> Loader::Inspect(const std::vector<std::string>& paths) {
  std::vector<std::optional<InputInfo>> infos;
  for (const std::string& path : paths) {
    FileReport file;
    file.name = path;
    if (IsRemoteFile(path)) {
      bytes_total_ = -1;
      infos.push_back(InputInfo());
      report_.files.push_back(std::move(file));
      continue;
    }
    auto info = InspectInput(path);
    if (info) {
      file.bytes = info->size;
      if (info->is_stream) bytes_total_ = -1;
      if (!info->is_stream) ++files_of_size_[info->size];
      if (bytes_total_ >= 0) bytes_total_ += info->size;
      infos.push_back(*info);
    } else {
      file.outcome = Outcome::kFailed;
      file.error = std::move(info).error().message;
      infos.push_back(std::nullopt);
    }
    report_.files.push_back(std::move(file));
  }
  return infos;
}

Result<bool> Loader::SkipIfLoaded(size_t index, const std::string& sha256) {
  if (options_.again) return false;
  OCTO_ASSIGN(const auto known, state_.contents.Find(sha256));
  if (!known) return false;
  FileReport& file = report_.files[index];
  file.outcome = Outcome::kSkipped;
  if (known->error) {
    // The damage is still there: whoever loads must go on hearing of it.
    file.outcome = Outcome::kPartial;
    file.error = *known->error + " (what came before was loaded earlier)";
  }
  return true;
}

bool Loader::IsInGroup(const std::string& sha256) const {
  return std::any_of(group_.begin(), group_.end(),
                     [&](const GroupFile& file) { return file.sha256 == sha256; });
}

// False if a content of the file's size was neither loaded nor is loaded by this command otherwise,
// so that the digest taken while it is read is early enough. `info` is brought up to date: by it a
// change is noticed.
Result<bool> Loader::MayBeKnown(const std::string& path, InputInfo& info) {
  const auto now = InspectInput(path);
  // Special file systems have files that say 0 and are not empty.
  if (!now || now->is_stream || now->size != info.size || now->size == 0) return true;
  info = *now;
  if (options_.again) return false;
  if (files_of_size_[info.size] > 1) return true;
  return state_.contents.HasSize(info.size);
}

Status Loader::AddToGroup(GroupFile file) {
  if (IsRemoteFile(file.name)) fetched_.push_back(file.name);
  group_bytes_ += file.info.size;
  group_.push_back(std::move(file));
  const bool full = group_bytes_ >= options_.commit_bytes ||
                    static_cast<int64_t>(group_.size()) >= options_.commit_files;
  return full ? LoadGroup() : Status();
}

Status Loader::TakeFile(size_t index, InputInfo info) {
  const std::string& name = report_.files[index].name;
  OCTO_ASSIGN(const bool may_be_known, MayBeKnown(name, info));
  if (!may_be_known) return AddToGroup({index, name, name, info, ""});
  return HashAndTake(index, name, info);
}

// Skips the file if its content was loaded before.
Status Loader::HashAndTake(size_t index, const std::string& path, const InputInfo& info) {
  FileReport& file = report_.files[index];
  auto sha256 = HashFile(path);
  if (!sha256) {
    file.outcome = Outcome::kFailed;
    file.error = std::move(sha256).error().message;
    bytes_done_ += info.size;
    return {};
  }
  // The same content twice: the second is skipped if the first could be loaded.
  if (!options_.again && IsInGroup(*sha256)) OCTO_TRY(LoadGroup());
  OCTO_ASSIGN(const bool skipped, SkipIfLoaded(index, *sha256));
  if (skipped) {
    bytes_done_ += info.size;
    return {};
  }
  return AddToGroup({index, file.name, path, info, std::move(sha256).value()});
}

// A file that was loaded from its URL and did not change since is not sent for nothing.
Result<bool> Loader::SkipIfKnownUrl(size_t index) {
  if (options_.again) return false;
  const std::string& name = report_.files[index].name;
  OCTO_ASSIGN(const auto loaded, state_.contents.FindUrl(name));
  if (!loaded) return false;
  if (!options_.remote->IsUnchanged(name, loaded->size, loaded->loaded_at)) return false;
  report_.files[index].bytes = loaded->size;
  return SkipIfLoaded(index, loaded->sha256);
}

// Has those fetched that are not known. Others have the outcome kSkipped or kPartial from here on.
Status Loader::BeginRemote() {
  std::vector<std::string> names;
  std::unordered_map<std::string, size_t> seen;
  const auto count = static_cast<int64_t>(report_.files.size());
  for (size_t i = 0; i < report_.files.size(); ++i) {
    FileReport& file = report_.files[i];
    if (!IsRemoteFile(file.name)) continue;
    const auto [first, is_new] = seen.emplace(file.name, i);
    if (!is_new) {
      file.outcome = Outcome::kSkipped;
      named_again_.emplace_back(i, first->second);
      continue;
    }
    progress_.OnProgress({"compare with " + file.name, "files", static_cast<int64_t>(i), count});
    OCTO_ASSIGN(const bool skipped, SkipIfKnownUrl(i));
    if (!skipped) names.push_back(file.name);
  }
  return names.empty() ? Status() : options_.remote->Begin(std::move(names));
}

// What became of the first is said of the later ones too, if it is not there to be skipped.
void Loader::ReportNamedAgain() {
  for (const auto& [later, first] : named_again_) {
    if (report_.files[first].outcome == Outcome::kLoaded) continue;
    report_.files[later].outcome = report_.files[first].outcome;
    report_.files[later].error = report_.files[first].error;
  }
}

Status Loader::TakeRemote(size_t index) {
  FileReport& file = report_.files[index];
  if (file.outcome != Outcome::kLoaded) return {};  // known
  const bool much = group_bytes_ >= options_.commit_bytes / kLeastShare;
  if (much && !options_.remote->IsReady(file.name)) OCTO_TRY(LoadGroup());
  auto path = options_.remote->Fetch(file.name, progress_);
  if (!path) {
    file.outcome = path.error().kind == ErrorKind::kNotFound ? Outcome::kMissing : Outcome::kFailed;
    file.error = std::move(path).error().message;
    return {};
  }
  OCTO_ASSIGN(const InputInfo info, InspectInput(*path));
  file.bytes = info.size;
  OCTO_ASSIGN(const bool may_be_known, state_.contents.HasSize(info.size));
  if (options_.again || !may_be_known) return AddToGroup({index, file.name, *path, info, ""});
  OCTO_TRY(HashAndTake(index, *path, info));
  if (file.outcome != Outcome::kLoaded) options_.remote->Release(file.name);
  return {};
}

Status Loader::Take(size_t index, const InputInfo& info) {
  if (IsRemoteFile(report_.files[index].name)) return TakeRemote(index);
  if (!info.is_stream) return TakeFile(index, info);
  // Whether it was loaded before is known only at its end, so that it is committed alone.
  OCTO_TRY(LoadGroup());
  const std::string& name = report_.files[index].name;
  group_.push_back({index, name, name, info, ""});
  return LoadGroup();
}

Status Loader::Apply(const GroupReport& group) {
  if (group.committed) ++report_.commits;
  report_.warnings.insert(report_.warnings.end(), group.warnings.begin(), group.warnings.end());
  for (const GroupResult& result : group.results) {
    FileReport& file = report_.files[result.index];
    file.outcome = result.outcome;
    file.error = result.error;
    if (result.outcome == Outcome::kSkipped) {
      OCTO_TRY(SkipIfLoaded(result.index, result.file.sha256));
      continue;
    }
    if (result.outcome == Outcome::kFailed) continue;
    file.bytes = result.file.size;
    file.events = result.file.events;
    file.rejected = result.file.rejected;
    report_.events += file.events;
    report_.rejected += file.rejected;
  }
  return {};
}

Status Loader::LoadGroup() {
  if (group_.empty()) {
    ReleaseFetched();
    return {};
  }
  auto loaded = group_loader_.Load(std::exchange(group_, {}));
  if (!loaded) {
    const std::string before =
        report_.commits == 0 ? "nothing was loaded"
                             : std::to_string(report_.events) + " events in " +
                                   std::to_string(report_.commits) + " commits were loaded before";
    return WithContext(std::move(loaded).error(), "load stopped, " + before);
  }
  OCTO_TRY(Apply(*loaded));
  ReleaseFetched();
  bytes_done_ += std::exchange(group_bytes_, 0);
  return {};
}

void Loader::ReleaseFetched() {
  for (const std::string& name : fetched_) options_.remote->Release(name);
  fetched_.clear();
}

Result<LoadReport> Loader::Run(const std::vector<std::string>& paths) {
  const auto infos = Inspect(paths);
  OCTO_TRY(BeginRemote());
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i]) OCTO_TRY(Take(i, *infos[i]));
  }
  OCTO_TRY(LoadGroup());
  ReportNamedAgain();
  return std::move(report_);
}

}  // namespace

Result<LoadReport> LoadFiles(Warehouse& warehouse, const std::vector<std::string>& paths,
                             const LoadOptions& options, ProgressListener& progress) {
  OCTO_ASSIGN(auto warnings, CreateTables(warehouse, {LoadedFiles(warehouse.namespaces())}));
  OCTO_ASSIGN(LoadedState state, ReadLoadedState(warehouse));
  OCTO_ASSIGN(LoadReport report, Loader(warehouse, options, progress, std::move(state)).Run(paths));
  report.warnings.insert(report.warnings.begin(), std::make_move_iterator(warnings.begin()),
                         std::make_move_iterator(warnings.end()));
  return report;
}

}  // namespace octolake::lake
