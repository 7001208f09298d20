// A file that shows whether its owner lives: the owner holds it under flock(2) from its making to
// its removal, and the kernel lets go of it when the owner's process ends, however it ends. Whoever
// can take it over therefore knows that the owner is dead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "io/descriptor.h"

namespace octolake::io {

// Used by one thread at a time. Destroyed without Remove, the file stays, and is nobody's.
class OwnedFile {
 public:
  // Makes <prefix><uuid><suffix>, an absolute path, and holds it. The directory must be there.
  static Result<OwnedFile> Create(const std::string& prefix, const std::string& suffix,
                                  RandomSource& random);
  // Holds a file that is there, if its owner is dead. nullopt if somebody holds it (this process
  // counts, too) or if it is gone.
  static Result<std::optional<OwnedFile>> TakeOver(const std::string& path);

  // Holds a file that may be there, made if it is not; what is in it stays. nullopt if somebody
  // holds it (this process counts, too).
  static Result<std::optional<OwnedFile>> Hold(const std::string& path);

  const std::string& path() const { return path_; }
  // Not synced: what was appended survives the process, not a power cut.
  Status Append(std::string_view bytes);
  // kResourceExhausted for more than `limit` bytes.
  Result<std::string> Read(int64_t limit) const;
  // Removes the name, and lets go.
  Status Remove();

 private:
  OwnedFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Descriptor descriptor_;
  std::string path_;
};

}  // namespace octolake::io
