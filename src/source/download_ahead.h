// Downloads the files of a load into a directory, a few ahead of whoever reads them.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "lake/remote_files.h"
#include "source/download.h"
#include "source/http_client.h"

namespace octolake::source {

struct DownloadAheadOptions {
  HttpOptions http;
  DownloadOptions download;
  int at_once = 2;
  int ahead = 4;  // files that are whole, or on their way, and not asked for yet
};

// The directory is made when something is downloaded. A file that is whole stays until it is
// released; one that is not stays for the next process that wants it, and is removed when a week
// has passed. Several processes may use the directory: each file is locked by who downloads it, and
// who finds it locked downloads one of his own.
std::unique_ptr<lake::RemoteFiles> MakeDownloadAhead(std::string directory,
                                                     const DownloadAheadOptions& options = {});

}  // namespace octolake::source
