// SQLite on a disk that fails at chosen steps and can lose power: an SQLite VFS between SQLite and
// the operating system's ("The SQLite OS Interface or VFS"), which asks a plan at every step that
// opens, locks, writes, cuts, syncs or deletes a file. For tests.
#pragma once

#include <sqlite3.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/fault_plan.h"

namespace octolake::io {

// While it lives it is SQLite's default VFS; databases opened through it must be closed before its
// end. One at a time. Once the plan's process is dead, every call fails but those that close files
// and let go of locks: a rollback journal stays, and whoever opens the database next has to use it.
class FaultySqliteVfs {
 public:
  explicit FaultySqliteVfs(FaultPlan& plan) : plan_(plan), real_(sqlite3_vfs_find(nullptr)) {
    vfs_ = *real_;
    vfs_.iVersion = 1;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.zName = "octolake-faulty";
    vfs_.pAppData = this;
    vfs_.xOpen = &Open;
    vfs_.xDelete = &Delete;
    vfs_.xAccess = &Access;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FaultySqliteVfs() {
    sqlite3_vfs_register(real_, 1);
    sqlite3_vfs_unregister(&vfs_);
  }
  FaultySqliteVfs(const FaultySqliteVfs&) = delete;
  FaultySqliteVfs& operator=(const FaultySqliteVfs&) = delete;

  // To be called when no database is open. Of each file written through it: of the writes since the
  // last sync some are lost, and some torn at a sector; a name that was never synced may be gone,
  // and a deleted one back, unless the deletion asked for a sync. By the plan's seed.
  void CutPower() {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, disk] : disks_) Cut(path, disk);
    disks_.clear();
  }

 private:
  static constexpr uint64_t kSectorBytes = 512;

  // A write, or a cut to a size.
  struct Change {
    uint64_t offset = 0;
    std::optional<std::string> bytes;  // of a write
  };
  // What would be there after a power cut: the content as last synced, and what may be added.
  struct Disk {
    bool name_is_durable = false;
    bool deleted = false;
    std::string synced;
    std::vector<Change> changes;
  };
  struct File {
    sqlite3_file base;
    FaultySqliteVfs* vfs;
    Disk* disk;  // null for files without a name
    // SQLite's memory for the real file follows.
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static FaultySqliteVfs& Self(sqlite3_vfs* vfs) {
    return *static_cast<FaultySqliteVfs*>(vfs->pAppData);
  }
  static File& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

  // Runs an action that takes effect as the plan says; gives `code` for a fault.
  template <typename Action>
  int Step(StepKind kind, int code, Action action) {
    switch (plan_.Take(kind)) {
      case StepEffect::kProceeds:
        return action();
      case StepEffect::kLosesReply: {
        const int done = action();
        return done == SQLITE_OK ? code : done;
      }
      default:
        return code;
    }
  }

  Disk& DiskOf(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto [found, added] = disks_.try_emplace(path);
    Disk& disk = found->second;
    const bool exists = std::filesystem::exists(path);
    if (added && exists) {
      disk.name_is_durable = true;
      disk.synced = ReadFile(path);
    }
    if (disk.deleted && !exists) {
      // Made anew: whether the old name comes back does not matter to SQLite any more.
      disk = Disk{};
    }
    return disk;
  }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags,
                  int* out_flags) {
    FaultySqliteVfs& self = Self(vfs);
    File& file = Of(out);
    std::memset(out, 0, static_cast<size_t>(vfs->szOsFile));
    file.vfs = &self;
    file.disk = name == nullptr ? nullptr : &self.DiskOf(name);
    return self.Step(StepKind::kSqlOpen, SQLITE_CANTOPEN, [&] {
      const int code = self.real_->xOpen(self.real_, name, file.real(), flags, out_flags);
      if (code == SQLITE_OK) file.base.pMethods = &Methods();
      return code;
    });
  }

  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    FaultySqliteVfs& self = Self(vfs);
    return self.Step(StepKind::kSqlDelete, SQLITE_IOERR_DELETE, [&] {
      Disk& disk = self.DiskOf(name);
      const int code = self.real_->xDelete(self.real_, name, sync_directory);
      const std::lock_guard lock(self.mutex_);
      if (code == SQLITE_OK && sync_directory != 0) {
        self.disks_.erase(name);
      } else if (code == SQLITE_OK) {
        disk.deleted = true;
      }
      return code;
    });
  }

  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
    FaultySqliteVfs& self = Self(vfs);
    if (self.plan_.dead()) return SQLITE_IOERR_ACCESS;
    return self.real_->xAccess(self.real_, name, flags, result);
  }

  static int Close(sqlite3_file* file) {
    return Of(file).real()->pMethods->xClose(Of(file).real());
  }

  static int Read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
    if (Of(file).vfs->plan_.dead()) return SQLITE_IOERR_READ;
    return Of(file).real()->pMethods->xRead(Of(file).real(), out, count, offset);
  }

  static int Write(sqlite3_file* out, const void* bytes, int count, sqlite3_int64 offset) {
    File& file = Of(out);
    const auto write = [&](int length) {
      if (length == 0) return SQLITE_OK;
      if (file.disk != nullptr) {
        file.disk->changes.push_back(
            {static_cast<uint64_t>(offset),
             std::string(static_cast<const char*>(bytes), static_cast<size_t>(length))});
      }
      return file.real()->pMethods->xWrite(file.real(), bytes, length, offset);
    };
    const int failure = file.vfs->plan_.disk_full() ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    switch (file.vfs->plan_.Take(StepKind::kSqlWrite)) {
      case StepEffect::kProceeds:
        return write(count);
      case StepEffect::kTorn:
        write(static_cast<int>(file.vfs->plan_.RandomUpTo(static_cast<uint64_t>(count - 1))));
        return failure;
      case StepEffect::kLosesReply:
        write(count);
        return failure;
      default:
        return failure;
    }
  }

  static int Truncate(sqlite3_file* out, sqlite3_int64 size) {
    File& file = Of(out);
    return file.vfs->Step(StepKind::kSqlTruncate, SQLITE_IOERR_TRUNCATE, [&] {
      if (file.disk != nullptr) {
        file.disk->changes.push_back({static_cast<uint64_t>(size), std::nullopt});
      }
      return file.real()->pMethods->xTruncate(file.real(), size);
    });
  }

  // SQLite's VFS for Unix also syncs the name of a file that it made, with the file's first sync.
  static int Sync(sqlite3_file* out, int flags) {
    File& file = Of(out);
    return file.vfs->Step(StepKind::kSqlSync, SQLITE_IOERR_FSYNC, [&] {
      const int code = file.real()->pMethods->xSync(file.real(), flags);
      if (code == SQLITE_OK && file.disk != nullptr) {
        for (const Change& change : file.disk->changes) Apply(change, file.disk->synced);
        file.disk->changes.clear();
        file.disk->name_is_durable = true;
      }
      return code;
    });
  }

  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    if (Of(file).vfs->plan_.dead()) return SQLITE_IOERR_FSTAT;
    return Of(file).real()->pMethods->xFileSize(Of(file).real(), size);
  }

  static int Lock(sqlite3_file* file, int level) {
    return Of(file).vfs->Step(StepKind::kSqlLock, SQLITE_IOERR_LOCK, [&] {
      return Of(file).real()->pMethods->xLock(Of(file).real(), level);
    });
  }

  static int Unlock(sqlite3_file* file, int level) {
    return Of(file).real()->pMethods->xUnlock(Of(file).real(), level);
  }

  static int CheckReservedLock(sqlite3_file* file, int* result) {
    return Of(file).real()->pMethods->xCheckReservedLock(Of(file).real(), result);
  }

  static int FileControl(sqlite3_file* file, int operation, void* argument) {
    return Of(file).real()->pMethods->xFileControl(Of(file).real(), operation, argument);
  }

  static int SectorSize(sqlite3_file* file) {
    return Of(file).real()->pMethods->xSectorSize(Of(file).real());
  }

  static int DeviceCharacteristics(sqlite3_file* file) {
    return Of(file).real()->pMethods->xDeviceCharacteristics(Of(file).real());
  }

  static const sqlite3_io_methods& Methods() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods made{};
      made.iVersion = 1;
      made.xClose = &Close;
      made.xRead = &Read;
      made.xWrite = &Write;
      made.xTruncate = &Truncate;
      made.xSync = &Sync;
      made.xFileSize = &FileSize;
      made.xLock = &Lock;
      made.xUnlock = &Unlock;
      made.xCheckReservedLock = &CheckReservedLock;
      made.xFileControl = &FileControl;
      made.xSectorSize = &SectorSize;
      made.xDeviceCharacteristics = &DeviceCharacteristics;
      return made;
    }();
    return methods;
  }

  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static void Apply(const Change& change, std::string& content) {
    if (!change.bytes) {
      content.resize(change.offset);
      return;
    }
    const size_t end = change.offset + change.bytes->size();
    if (content.size() < end) content.resize(end);
    content.replace(change.offset, change.bytes->size(), *change.bytes);
  }

  void Cut(const std::string& path, const Disk& disk) {
    const bool lives = plan_.RandomUpTo(1) == 0;
    if (!lives && (disk.deleted || !disk.name_is_durable)) {
      std::filesystem::remove(path);
      return;
    }
    std::string content = disk.synced;
    for (Change change : disk.changes) {
      if (plan_.RandomUpTo(1) == 0) continue;
      if (change.bytes && plan_.RandomUpTo(3) == 0) {
        const uint64_t sectors = plan_.RandomUpTo(change.bytes->size() / kSectorBytes);
        change.bytes->resize(sectors * kSectorBytes);
      }
      Apply(change, content);
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  FaultPlan& plan_;
  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_{};
  std::mutex mutex_;
  std::map<std::string, Disk> disks_;  // by path
};

}  // namespace octolake::io
