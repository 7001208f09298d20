// One spelling for the many in which engines write the same location.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace octolake::maintain {

// Prefixes that mean the same, for example {"s3a://", "s3://"}; the second takes the place of the
// first.
using EqualPrefixes = std::vector<std::pair<std::string, std::string>>;

// Of a local warehouse: local files as absolute paths, whether they are written as paths or with
// file:, file:// or file:///, with doubled slashes, dots, or through symbolic links to their
// directories. Of one on S3: s3://BUCKET/KEY, also for what is written as s3a://. Used by one
// thread.
class LocationSpelling {
 public:
  LocationSpelling(EqualPrefixes equal_prefixes, bool is_local)
      : equal_prefixes_(std::move(equal_prefixes)), is_local_(is_local) {}

  // kUnsupported for a location of another store: it may be one of these files all the same, under
  // a name that has to be given as an equal prefix first.
  Result<std::string> Canonical(const std::string& location);
  // The same of a directory, which may itself be a symbolic link. Without a slash at its end.
  Result<std::string> CanonicalDirectory(const std::string& location);

 private:
  std::string WithPrefix(const std::string& location) const;
  Result<std::string> LocalPathOf(const std::string& location) const;
  Result<std::string> ObjectOf(const std::string& location) const;

  const EqualPrefixes equal_prefixes_;
  const bool is_local_;
  std::map<std::string, std::string> directories_;  // as spelled, and as they are
};

}  // namespace octolake::maintain
