// FileSystem on the local disk: fsync of file and directory on Close.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/file_system.h"

namespace octolake::io {

std::unique_ptr<FileSystem> MakeLocalFileSystem();

// Makes a directory and those above it that are missing, and their names durable. An existing one
// is fine; kIo if a file is in the way.
Status CreateLocalDirectory(const std::string& absolute_path);

// "file:///a/b" or "/a/b" -> "/a/b"; kUnsupported for other schemes, kInvalidArgument for relative
// paths. Percent signs are kept as they are: Iceberg locations are not URL-encoded.
Result<std::string> LocalPath(const std::string& location);

// "/a/b" -> "file:///a/b".
std::string FileLocation(const std::string& absolute_path);

}  // namespace octolake::io
