// Files of a load that lie elsewhere and are read from a local copy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/progress.h"
#include "base/result.h"

namespace octolake::lake {

// Names are URLs. Used by one thread.
class RemoteFiles {
 public:
  virtual ~RemoteFiles() = default;

  // Whether it is certain, without the file being sent, that it has so many bytes and was not
  // changed since it was loaded.
  virtual bool IsUnchanged(const std::string& name, int64_t size, TimestampMicros loaded_at) = 0;
  // The files that will be asked for, in this order. Once.
  virtual Status Begin(std::vector<std::string> names) = 0;
  // Whether Fetch would not have to wait.
  virtual bool IsReady(const std::string& name) = 0;
  // The path of the copy, once that is whole. kNotFound if the server has no such file; other
  // errors say why it could not be had. An error leaves nothing to be released.
  virtual Result<std::string> Fetch(const std::string& name, ProgressListener& progress) = 0;
  // The copy is not needed any more; nothing happens if there is none.
  virtual void Release(const std::string& name) = 0;
};

// Whether a source is a URL.
inline bool IsRemote(const std::string& source) { return source.find("://") != std::string::npos; }

}  // namespace octolake::lake
