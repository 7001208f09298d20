// Loads event files into Bronze. A file's rows, its rejected documents and its row in loaded_files
// are committed in one transaction, several small files together; a file whose content was loaded
// before is skipped. A crash leaves a file loaded or not loaded, never in part.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "datafile/table_writer.h"
#include "lake/remote_files.h"
#include "lake/retention.h"
#include "lake/warehouse.h"

namespace octolake::lake {

struct LoadOptions {
  bool again = false;  // load files whose content is in loaded_files all the same
  std::string source = "gharchive";
  // A commit is made when the files since the last have reached one of these.
  int64_t commit_bytes = int64_t{256} << 20;  // compressed input
  int64_t commit_files = 256;
  int64_t max_document_bytes = int64_t{32} << 20;
  iceberg::RetentionPolicy retention = DefaultRetention();
  datafile::WriterOptions writer;
  RemoteFiles* remote = nullptr;  // for sources that are URLs; without it they fail
};

struct FileReport {
  enum class Outcome {
    kLoaded,
    kSkipped,  // same content loaded before
    kPartial,  // what came before the damage was loaded; `error` says what is wrong
    kFailed,   // nothing was loaded; `error` says why
    kMissing,  // the server has no such file
  };
  std::string name;
  Outcome outcome = Outcome::kLoaded;
  int64_t bytes = 0;  // as stored
  int64_t events = 0;
  int64_t rejected = 0;
  std::string error;
};

struct LoadReport {
  std::vector<FileReport> files;  // in the order given
  int64_t events = 0;             // committed by this load
  int64_t rejected = 0;
  int64_t commits = 0;
  std::vector<std::string> warnings;  // of what did not stop the load
};

// Paths of files, URLs, or "-" for standard input. One bad file does not stop the others; an error
// is returned only when nothing can go on (the warehouse is not writable, a commit failed), and
// says what had been committed before.
Result<LoadReport> LoadFiles(Warehouse& warehouse, const std::vector<std::string>& paths,
                             const LoadOptions& options, ProgressListener& progress);

// Files, directories (their *.json, *.jsonl, *.ndjson, *.gz, *.zst files, at any depth, by name)
// and globs to a list of paths. A plain path is taken as it is, so that a missing file is reported
// beside the good ones, and so is a URL. kNotFound, naming it, for a directory or glob that matches
// nothing.
Result<std::vector<std::string>> ExpandSources(const std::vector<std::string>& sources);

}  // namespace octolake::lake
