// Where one query or one sort of this process spills. DuckDB names its temporary files alike in
// every process: two that spilled into one directory would read each other's bytes.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "io/owned_file.h"

namespace octolake::io {

// Beside the directory, which is made by whoever needs it, lies <directory>.owner, held by this
// process while the object lives (io/owned_file.h).
class SpillDirectory {
 public:
  // Names a directory in `parent`, which is made if it is missing, and removes those whose owners
  // are dead. Without a parent there is no path, and no spilling. Where the parent cannot be made
  // or written to, the path is that of a directory that cannot be made either: a query that does
  // not spill still works, one that does fails with DuckDB's error, naming it.
  explicit SpillDirectory(const std::string& parent);
  // Removes what is left of the directory: after whoever spills there.
  ~SpillDirectory();
  SpillDirectory(SpillDirectory&& other) noexcept
      : path_(std::move(other.path_)), owner_(std::exchange(other.owner_, std::nullopt)) {}
  SpillDirectory& operator=(SpillDirectory&&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::optional<OwnedFile> owner_;
};

}  // namespace octolake::io
