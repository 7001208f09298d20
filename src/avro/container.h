// Avro object container files (specification 1.12.0, "Object Container Files").
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "avro/binary.h"
#include "avro/schema.h"
#include "avro/value.h"
#include "base/random.h"
#include "base/result.h"
#include "io/file_system.h"

namespace octolake::avro {

enum class Codec { kNull, kDeflate, kZstandard };

// "null", "deflate", "zstandard", as in the header's avro.codec.
std::string_view CodecName(Codec codec);

using Metadata = std::vector<std::pair<std::string, std::string>>;

struct WriterOptions {
  Codec codec = Codec::kDeflate;
  // deflate 0..3 (isa-l's levels), zstandard 1..19; 1 and 3 if absent.
  std::optional<int> level;
  // A block is closed when its records, before compression, reach this many bytes.
  int64_t block_bytes = 64 * 1024;
  // File metadata beside avro.schema and avro.codec, written in this order after those two.
  // Names that begin with "avro." are refused.
  Metadata metadata;
};

// Writes one file. Any error is final. Not thread-safe.
class ContainerWriter {
 public:
  // Appends to a string or to a file, both of which must outlive the writer. The header is written
  // at once.
  static Result<std::unique_ptr<ContainerWriter>> Create(SchemaPtr schema, WriterOptions options,
                                                         RandomSource& random, std::string* out);
  static Result<std::unique_ptr<ContainerWriter>> Create(SchemaPtr schema, WriterOptions options,
                                                         RandomSource& random, io::OutputFile* out);

  // kInvalidArgument if the record does not fit the schema; the file then stays as if it had not
  // been appended.
  Status Append(const Value& record);

  // The same for a record that is encoded already, as Encode (binary.h) does; that is not checked.
  Status AppendEncoded(std::string_view record);

  // Writes the last block. The file below is not closed. Nothing may be appended afterwards.
  Status Finish();

  int64_t record_count() const { return record_count_; }
  // Bytes handed on so far; after Finish the size of the file.
  int64_t bytes_written() const { return bytes_written_; }

 private:
  using Sink = std::function<Status(std::string_view)>;

  ContainerWriter(SchemaPtr schema, WriterOptions options, Sink sink);
  static Result<std::unique_ptr<ContainerWriter>> CreateWithSink(SchemaPtr schema,
                                                                 WriterOptions options,
                                                                 RandomSource& random, Sink sink);
  Status WriteHeader(RandomSource& random);
  Status EndRecord();
  Status FlushBlock();
  Status Write(std::string_view bytes);

  SchemaPtr schema_;
  WriterOptions options_;
  Sink sink_;
  std::string sync_;
  std::string block_;
  int64_t block_records_ = 0;
  int64_t record_count_ = 0;
  int64_t bytes_written_ = 0;
  bool finished_ = false;
};

struct ReaderLimits {
  // A block that is larger after decompression is refused with kResourceExhausted.
  int64_t block_bytes = int64_t{256} << 20;
  // Of all blocks together, after decompression; the block that goes beyond it is refused likewise.
  int64_t total_bytes = std::numeric_limits<int64_t>::max();
  // Of all records together, values within values and those of the header included; the record that
  // goes beyond it is refused likewise, before it takes the memory.
  int64_t values = std::numeric_limits<int64_t>::max();
};

class BlockDecompressor;

// Reads the records of one file held in memory. Codecs null, deflate and zstandard; any other is
// refused by name with kUnsupported. Broken bytes are kCorruption and final; records returned
// before are good (Avro keeps no checksum over them in these codecs but zstandard's own).
// Not thread-safe.
class ContainerReader {
 public:
  // `name` (a location) is for errors.
  static Result<std::unique_ptr<ContainerReader>> Open(std::string bytes, std::string name,
                                                       ReaderLimits limits = {});
  ~ContainerReader();

  const SchemaPtr& schema() const { return schema_; }
  // The file's metadata with avro.schema and avro.codec, as written.
  const Metadata& metadata() const { return metadata_; }
  std::optional<std::string_view> FindMetadata(std::string_view key) const;
  Codec codec() const { return codec_; }
  // The file as it was given, and how many of its bytes the header has, sync marker included.
  std::string_view bytes() const { return bytes_; }
  int64_t header_bytes() const { return header_bytes_; }

  // The next record, of schema(); nullopt after the last one.
  Result<std::optional<Value>> Next();
  // The encoding of the next record, with what is wanted of it in `views` (Decoder::Read); nullopt
  // after the last one. Both stay good while the reader lives, unless Next is called: all blocks
  // are kept.
  Result<std::optional<std::string_view>> NextView(const WantedFields& wanted,
                                                   std::span<FieldView> views);

 private:
  ContainerReader(std::string bytes, std::string name, ReaderLimits limits);
  Status ReadHeader();
  template <typename Read>
  Status ReadRecord(bool keep_blocks, const Read& read);
  Result<bool> FindRecord(bool keep_blocks);
  Status ReadBlock();

  std::string bytes_;
  std::string name_;
  ReaderLimits limits_;
  SchemaPtr schema_;
  Metadata metadata_;
  Codec codec_ = Codec::kNull;
  std::string sync_;
  int64_t header_bytes_ = 0;
  int64_t bytes_left_ = 0;     // of limits_.total_bytes
  int64_t values_left_ = 0;    // of limits_.values
  size_t position_ = 0;        // in bytes_, behind the block being read
  int64_t block_number_ = 0;   // for errors
  int64_t block_records_ = 0;  // left in the block
  std::unique_ptr<BlockDecompressor> decompressor_;
  std::deque<std::string> decompressed_;  // the blocks that are kept
  std::string_view block_;                // of bytes_ or decompressed_
  size_t block_position_ = 0;
  std::optional<Error> failed_;
};

}  // namespace octolake::avro
