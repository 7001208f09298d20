// A file, pipe or standard input that events are loaded from.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sha256.h"
#include "io/byte_source.h"

namespace octolake::lake {

inline constexpr char kStandardInput[] = "-";

struct InputInfo {
  int64_t size = 0;
  int64_t modified = 0;    // nanoseconds since 1970
  bool is_stream = false;  // can be read only once: standard input, a pipe; size is unknown
};

// kNotFound, kInvalidArgument for a directory.
Result<InputInfo> InspectInput(const std::string& path);

// SHA-256 of a file's bytes as 64 hex digits.
Result<std::string> HashFile(const std::string& path);

// The bytes as stored, hashed as they are read, and decompressed. Used by one thread at a time, but
// for bytes_read, which any thread may call.
class HashedInput {
 public:
  // `name` is for errors in the content.
  static Result<std::unique_ptr<HashedInput>> Open(const std::string& path,
                                                   const std::string& name);

  // The decompressed bytes; once. This must outlive the source.
  std::unique_ptr<io::ByteSource> TakeContent();
  int64_t bytes_read() const { return bytes_read_; }  // as stored
  // Reads what is left and gives the digest of all as 64 hex digits. Call once, when the content
  // is not read any more.
  Result<std::string> FinishDigest();

 private:
  class Tap;
  explicit HashedInput(std::string name) : name_(std::move(name)) {}
  Result<int64_t> ReadStored(char* out, int64_t capacity);

  std::string name_;
  std::unique_ptr<io::ByteSource> stored_;
  Sha256 hash_;
  std::atomic<int64_t> bytes_read_ = 0;
};

// What a content is if its beginning shows that there are no events in it, for example "a ZIP
// archive"; nullopt if it can be events.
std::optional<std::string> RecogniseForeignContent(std::string_view beginning);

// Reads some of the source's beginning into `beginning`; the source returned gives it again.
Result<std::unique_ptr<io::ByteSource>> PeekBeginning(std::unique_ptr<io::ByteSource> source,
                                                      std::string* beginning);

}  // namespace octolake::lake
