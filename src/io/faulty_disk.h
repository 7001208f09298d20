// A local disk that fails at chosen steps, and that can lose power. For tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/fault_plan.h"
#include "io/file_system.h"

namespace octolake::io {

// Real files of the local disk, read and written through file systems that ask a plan at every
// step:
//   open      Open                        write           the bytes of a file, as they leave a
//   small read      InputFile::ReadAt                           buffer: in Append, or in Close stat
//   Stat                        sync            in Close: the file's content list      List sync
//   directory  in Close: the names in its directory create    CreateNew                   remove
//   Remove, and of a file that is given up
// A file whose write or sync failed fails from then on, and is removed when given up, as the local
// file system's are. Once the plan's process is dead nothing changes any more: what a file object
// has in its buffer is lost, and its file stays.
//
// Of the names and contents it keeps in mind what has been made durable. CutPower leaves that, and
// by chance more. Directories are durable when made. All this is held in memory: for small files.
// Thread-safe as a FileSystem is; the plan must outlive the disk, the disk its file systems.
class FaultyDisk {
 public:
  explicit FaultyDisk(FaultPlan& plan) : plan_(plan) {}

  std::unique_ptr<FileSystem> MakeFileSystem();

  // To be called when no file of the disk is open. Of each file made through it: content that was
  // not synced is cut to a random part of it; a name whose directory was not synced since may be
  // gone. A removed file whose directory was not synced since may be back. By the plan's seed.
  Status CutPower();

 private:
  friend class FaultyFileSystem;
  friend class FaultyOutputFile;

  // What happened to a name and is not durable yet.
  struct Change {
    bool removed = false;
    bool name_synced = false;
    bool content_synced = false;
    std::string content;  // what a removed file had
  };

  Error Injected(StepKind step, const std::string& path) const;
  void NoteCreated(const std::string& path);
  void NoteContentSynced(const std::string& path);
  void NoteNamesSynced(const std::string& directory);
  Status Remove(const std::string& path);
  Status CutFile(const std::string& path, const Change& change);

  FaultPlan& plan_;
  std::mutex mutex_;
  std::map<std::string, Change> changes_;  // by path
};

}  // namespace octolake::io
