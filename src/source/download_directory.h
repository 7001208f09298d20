// Where downloads lie: each in a file that its process holds, so that a later one can go on with
// it, and none stays for ever.
#pragma once

#include <string>

#include "base/result.h"
#include "io/owned_file.h"

namespace octolake::source {

// The file for a URL in a directory, which is made if need be. It may hold what an ended process
// left. While another process holds that, it is a file of this process's own.
Result<io::OwnedFile> HoldDownload(const std::string& directory, const std::string& url);

// Removes a download, whole or not, and what is known of it.
void RemoveDownload(io::OwnedFile& file);

// Removes what ended processes left: files of their own, which nobody looks for, and such as nobody
// has gone on with for a week. There need not be such a directory.
void RemoveAbandonedDownloads(const std::string& directory);

}  // namespace octolake::source
