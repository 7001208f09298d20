// Files of a warehouse, wherever they lie. A location is a URI with a scheme ("file:///data/x") or
// an absolute local path ("/data/x"); both name the same local file. Paths with other schemes are
// refused with kUnsupported by the local implementation.
//
// Contract, for every implementation:
// - A created file is either complete and durable when Close() has returned success, or its name is
//   not relied upon: a file whose Close() failed, or was never called, may or may not exist.
// - Nothing is ever overwritten: CreateNew on a taken location fails with kAlreadyExists.
// - A failed write or sync is final for that file; it is never retried as if it had not happened.
// - All members of FileSystem are thread-safe; one file object is used by one thread at a time,
//   except InputFile::ReadAt, which any thread may call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace octolake::io {

class InputFile {
 public:
  virtual ~InputFile() = default;
  virtual const std::string& location() const = 0;
  // Bytes in the file when it was opened.
  virtual int64_t size() const = 0;
  // Reads up to `length` bytes at `offset` into `out`; returns how many (fewer only at the end).
  virtual Result<int64_t> ReadAt(int64_t offset, int64_t length, void* out) = 0;
};

class OutputFile {
 public:
  virtual ~OutputFile() = default;  // an unclosed file is removed as well as it can be
  virtual const std::string& location() const = 0;
  virtual Status Append(std::string_view bytes) = 0;
  // Bytes appended so far.
  virtual int64_t size() const = 0;
  // Makes the file and its name durable (file, then its directory). Call once.
  virtual Status Close() = 0;
};

struct FileInfo {
  std::string location;
  int64_t size = 0;
  int64_t modified_micros = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<InputFile>> Open(const std::string& location) = 0;
  // Creates missing parent directories, durably.
  virtual Result<std::unique_ptr<OutputFile>> CreateNew(const std::string& location) = 0;
  virtual Result<FileInfo> Stat(const std::string& location) = 0;  // kNotFound if absent
  virtual Status Remove(const std::string& location) = 0;          // kNotFound if absent
  // Gives a file another name, durably; creates missing parent directories. kNotFound if it is
  // absent, kAlreadyExists if the name is taken. After an error, or the end of the process, the
  // file is there under its old name, its new one, or both. A copy where there is no better way.
  virtual Status Move(const std::string& from, const std::string& to);
  // All files below a directory, at any depth, in the order of their names. Empty if absent.
  virtual Result<std::vector<FileInfo>> List(const std::string& directory) = 0;
};

// Whole-file conveniences. ReadAll refuses files above `limit` bytes with kResourceExhausted.
Result<std::string> ReadAll(FileSystem& fs, const std::string& location, int64_t limit);
Status WriteAll(FileSystem& fs, const std::string& location, std::string_view bytes);

}  // namespace octolake::io
