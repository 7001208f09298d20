// The files of all simulated processes, in memory, dated by a clock of their own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "choices.h"
#include "io/file_system.h"

namespace octolake::simulation {

struct StoredFile {
  std::string bytes;
  TimestampMicros modified = 0;
};

// Paths are absolute local ones. An open file stays readable when its name is gone.
class Store {
 public:
  using File = std::shared_ptr<StoredFile>;

  // `now` is the store's clock; it must outlive the store.
  explicit Store(const TimestampMicros& now);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  File Find(const std::string& path) const;  // null if there is none
  File Create(const std::string& path);      // null if the name is taken
  void Append(StoredFile& file, std::string_view bytes);
  bool Remove(const std::string& path);
  bool Link(const std::string& from, const std::string& to);

  const std::map<std::string, File>& files() const { return files_; }
  // Below a directory, named as the directory is (with file:// or without).
  std::vector<io::FileInfo> List(const std::string& directory) const;
  // The same as somebody sees it who does not know yet of some of the last changes.
  std::vector<io::FileInfo> StaleList(const std::string& directory, Choices& choices) const;

  // As they are: nothing fails.
  io::FileSystem& file_system() { return *file_system_; }

 private:
  struct Change {
    std::string path;
    File removed;  // null: it was made
  };
  void Note(const std::string& path, File removed);

  const TimestampMicros& now_;
  std::map<std::string, File> files_;
  std::deque<Change> changes_;  // the last ones
  std::unique_ptr<io::FileSystem> file_system_;
};

// The local path of a location, which must be one.
std::string PathOf(const std::string& location);

// Reads a stored file.
std::unique_ptr<io::InputFile> OpenStored(std::string location, Store::File file);

}  // namespace octolake::simulation
