// A FileSystem over several: each location goes to the one that its scheme names.
#pragma once

#include <memory>

#include "io/file_system.h"

namespace octolake::io {

// s3:// and s3a:// to `s3`, all else to `local`. Without `s3` such locations are kUnsupported, and
// the message says what to configure. Moves between the two are copies.
std::unique_ptr<FileSystem> MakeStoreFileSystem(std::unique_ptr<FileSystem> local,
                                                std::unique_ptr<FileSystem> s3);

}  // namespace octolake::io
