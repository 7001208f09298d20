// One file being written on the local disk; the durable half of LocalFileSystem.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/file_system.h"

namespace octolake::io {

// Creates `path`, which must not exist, in `directory`, which must. Appends are collected in a
// buffer of 256 KiB.
Result<std::unique_ptr<OutputFile>> CreateLocalOutputFile(std::string location, std::string path,
                                                          std::string directory);

// Makes the names in a directory durable.
Status SyncDirectory(const std::string& path);

}  // namespace octolake::io
