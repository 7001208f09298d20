// A file from a server, however often the connection is cut.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/pause.h"
#include "base/result.h"
#include "source/http_client.h"

namespace octolake::source {

struct DownloadOptions {
  int max_tries = 6;  // in a row that bring nothing
  int64_t first_retry_micros = 1'000'000;
  int64_t longest_retry_micros = int64_t{60} * 1'000'000;
  int64_t max_bytes = int64_t{8} << 30;
};

// Told how much there is, and of how much (-1: not known).
using OnBytes = std::function<void(int64_t have, int64_t total)>;

// Downloads `url` to `path` and gives the file's size. What an earlier try left there, also one of
// another process that ended, is gone on with if the server still has the same file; beside it,
// path + kValidatorSuffix says which file that is (its ETag, or when it was modified) and since
// when the machine runs, since nothing is synced. kNotFound if there is no such file, kTransient
// after the last try, kInvalidArgument if the server refuses, kResourceExhausted if the disk is
// full or the file too large. Errors leave what there is; it can be gone on with after kTransient.
Result<int64_t> Download(HttpClient& http, Pause& pause, const std::string& url,
                         const std::string& path, const DownloadOptions& options,
                         const OnBytes& on_bytes);

// What is known of the download at `path`.
inline constexpr char kValidatorSuffix[] = ".validator";
void RemoveValidator(const std::string& path);

}  // namespace octolake::source
