// The files of a journal. Apart from the FileSystem of tables: these are written in place, and what
// counts is when exactly their bytes are on disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace octolake::journal {

// One file, used by one thread at a time; reading is allowed from any.
class SegmentFile {
 public:
  virtual ~SegmentFile() = default;
  virtual Status WriteAt(int64_t offset, std::string_view bytes) = 0;
  // Makes what was written durable (fdatasync). After a failure nobody knows what is on disk: the
  // file must not be written any more.
  virtual Status Sync() = 0;
  // Fewer than asked for only at the end of the file.
  virtual Result<std::string> ReadAt(int64_t offset, int64_t length) = 0;
  virtual Result<int64_t> Size() = 0;
  // How many names the file has.
  virtual Result<int64_t> Links() = 0;
  virtual Status Truncate(int64_t size) = 0;
  // What messages call it, after its store has renamed it.
  virtual void SetName(const std::string& name) = 0;
};

class SegmentStore {
 public:
  virtual ~SegmentStore() = default;
  // For messages.
  virtual const std::string& directory() const = 0;
  // Names of all files, in any order.
  virtual Result<std::vector<std::string>> List() = 0;
  // A new file of `size` zeros, with its space reserved. kAlreadyExists; kResourceExhausted if the
  // disk is full (nothing is left behind then).
  virtual Result<std::unique_ptr<SegmentFile>> Create(const std::string& name, int64_t size) = 0;
  virtual Result<std::unique_ptr<SegmentFile>> Open(const std::string& name) = 0;
  virtual Status Remove(const std::string& name) = 0;
  // Takes the place of a file that has the new name.
  virtual Status Rename(const std::string& name, const std::string& new_name) = 0;
  // That the disk has left.
  virtual Result<int64_t> FreeBytes() = 0;
  // Makes names durable.
  virtual Status SyncDirectory() = 0;
};

// A local directory, created if it is missing. A removed file is cut in steps once its name is
// gone, which who has it open sees. Locked for as long as the store lives: kTransient, saying so,
// if another process has it.
Result<std::unique_ptr<SegmentStore>> OpenSegmentStore(const std::string& directory);
// For reading only, whoever else is at work there: everything that writes fails.
Result<std::unique_ptr<SegmentStore>> OpenSegmentStoreToRead(const std::string& directory);

}  // namespace octolake::journal
