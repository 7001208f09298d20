// Downloads the files of a load into a directory, some ahead of whoever reads them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "lake/remote_files.h"
#include "source/download.h"
#include "source/http_client.h"

namespace octolake::source {

struct DownloadAheadOptions {
  DownloadOptions download;
  int at_once = 2;
  // Of files that are whole or on their way, and not asked for yet, there are `min_ahead`, and
  // more, up to `max_ahead`, while they have fewer bytes than these.
  int min_ahead = 4;
  int max_ahead = 256;
  int64_t bytes_ahead = int64_t{256} << 20;
  // Tests put others in their place.
  std::function<Result<std::unique_ptr<HttpClient>>()> make_client = [] {
    return MakeHttpClient();
  };
};

// The directory is made when something is downloaded, and what is abandoned there is removed here
// (download_directory.h). A file that is whole stays until it is released; one that is not stays
// for the next process that wants it. A server that did not answer for one file, however often it
// was tried, is tried once for each further one, and not any more after ten.
std::unique_ptr<lake::RemoteFiles> MakeDownloadAhead(std::string directory,
                                                     DownloadAheadOptions options = {});

}  // namespace octolake::source
