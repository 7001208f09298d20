// A stream of bytes read once from front to back: a file, standard input, or decompressed data.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"

namespace octolake::io {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads up to `capacity` bytes into `out`; 0 means the end. Bytes returned before an error are
  // good. An error is final.
  virtual Result<int64_t> Read(char* out, int64_t capacity) = 0;
  // Bytes taken from the underlying (compressed) input so far, for progress.
  virtual int64_t consumed() const = 0;
};

// Reads a file in sequence.
std::unique_ptr<ByteSource> MakeFileSource(std::unique_ptr<InputFile> file);
// Reads a descriptor that the caller keeps open (standard input); `name` is for errors.
std::unique_ptr<ByteSource> MakeDescriptorSource(int descriptor, std::string name);
// Reads bytes in memory (tests).
std::unique_ptr<ByteSource> MakeMemorySource(std::string bytes);

// Calls `observer` with every chunk read from `input` (for example to hash it).
std::unique_ptr<ByteSource> MakeObservedSource(std::unique_ptr<ByteSource> input,
                                               std::function<void(std::string_view)> observer);

// Reads `input` in a thread of its own, at most a few hundred KiB ahead of whoever reads this. Use
// by one thread; the destructor ends the thread, after the read that it is in. consumed() is what
// the thread took. `input` is only touched by that thread until then.
std::unique_ptr<ByteSource> MakeReadAheadSource(std::unique_ptr<ByteSource> input);

// Decompresses gzip (one or many members) or zstd (one or many frames) as told by the first bytes
// (magic numbers of RFC 1952 and RFC 8878); anything else passes as it is. A stream that ends in
// the middle of a member gives kCorruption after the bytes that could be had; so does a failed
// checksum and trailing garbage. `name` is for errors. Bounded memory: zstd windows of more than
// 2^max_zstd_window_log bytes are refused; 128 MiB is what the zstd program accepts.
std::unique_ptr<ByteSource> MakeDecompressedSource(std::unique_ptr<ByteSource> input,
                                                   std::string name, int max_zstd_window_log = 27);

}  // namespace octolake::io
