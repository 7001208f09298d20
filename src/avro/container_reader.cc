#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "avro/binary.h"
#include "avro/block_codec.h"
#include "avro/container.h"
#include "avro/container_format.h"

namespace octolake::avro {
namespace {

// The file metadata: a map of bytes.
const Schema& MetadataSchema() {
  static const SchemaPtr schema = MapOf(Primitive(Type::kBytes));
  return *schema;
}

constexpr size_t kMaxKnownSchemas = 32;
constexpr size_t kMaxKnownText = size_t{64} << 10;

// The files of a table have the same few schemas, and parsing one takes longer than reading a small
// file.
Result<SchemaPtr> ParseOnce(std::string_view json) {
  static std::mutex mutex;
  static std::map<std::string, SchemaPtr, std::less<>> known;
  {
    const std::lock_guard lock(mutex);
    const auto found = known.find(json);
    if (found != known.end()) return found->second;
  }
  OCTO_ASSIGN(SchemaPtr schema, ParseSchema(json));
  if (json.size() <= kMaxKnownText) {
    const std::lock_guard lock(mutex);
    if (known.size() >= kMaxKnownSchemas) known.clear();
    known.emplace(json, schema);
  }
  return schema;
}

}  // namespace

ContainerReader::ContainerReader(std::string bytes, std::string name, ReaderLimits limits)
    : bytes_(std::move(bytes)),
      name_(std::move(name)),
      limits_(limits),
      bytes_left_(limits.total_bytes),
      values_left_(limits.values),
      decompressor_(std::make_unique<BlockDecompressor>()) {}
ContainerReader::~ContainerReader() = default;

Result<std::unique_ptr<ContainerReader>> ContainerReader::Open(std::string bytes, std::string name,
                                                               ReaderLimits limits) {
  std::unique_ptr<ContainerReader> reader(
      new ContainerReader(std::move(bytes), std::move(name), limits));
  if (Status header = reader->ReadHeader(); !header) {
    return WithContext(std::move(header).error(), reader->name_);
  }
  return reader;
}

Status ContainerReader::ReadHeader() {
  if (!bytes_.starts_with(kMagic)) {
    return MakeError(ErrorKind::kCorruption,
                     "no Avro container file: it does not begin with 'Obj' and 1");
  }
  Decoder decoder(bytes_, kMagic.size());
  decoder.LimitValues(&values_left_);
  OCTO_ASSIGN(const Value metadata, decoder.Decode(MetadataSchema()));
  for (const MapEntry& entry : *metadata.IfMap()) {
    metadata_.emplace_back(entry.key, *entry.value.IfBytes());
  }
  OCTO_ASSIGN(sync_, decoder.ReadRaw(kSyncBytes));
  position_ = decoder.position();
  header_bytes_ = static_cast<int64_t>(position_);
  OCTO_ASSIGN(codec_, ParseCodec(FindMetadata(kCodecKey).value_or("null")));
  const auto schema_json = FindMetadata(kSchemaKey);
  if (!schema_json) {
    return MakeError(ErrorKind::kCorruption, "an Avro container file without avro.schema");
  }
  Result<SchemaPtr> schema = ParseOnce(*schema_json);
  if (!schema) return MakeError(ErrorKind::kCorruption, schema.error().message);
  schema_ = *schema;
  return {};
}

std::optional<std::string_view> ContainerReader::FindMetadata(std::string_view key) const {
  for (const auto& [name, value] : metadata_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

Result<std::optional<Value>> ContainerReader::Next() {
  std::optional<Value> value;
  const auto decode = [&](Decoder& decoder) -> Status {
    OCTO_ASSIGN(value, decoder.Decode(*schema_));
    return {};
  };
  OCTO_TRY(ReadRecord(false, decode));
  return value;
}

Result<std::optional<std::string_view>> ContainerReader::NextView(const WantedFields& wanted,
                                                                  std::span<FieldView> views) {
  std::optional<std::string_view> record;
  const auto view = [&](Decoder& decoder) -> Status {
    OCTO_TRY(decoder.Read(*schema_, wanted, views));
    record = block_.substr(block_position_, decoder.position() - block_position_);
    return {};
  };
  OCTO_TRY(ReadRecord(true, view));
  return record;
}

// `read` takes the next record from the decoder; it is not called behind the last one.
template <typename Read>
Status ContainerReader::ReadRecord(bool keep_blocks, const Read& read) {
  if (failed_) return tl::unexpected<Error>(*failed_);
  const Status done = [&]() -> Status {
    OCTO_ASSIGN(const bool found, FindRecord(keep_blocks));
    if (!found) return {};
    Decoder decoder(block_, block_position_);
    decoder.LimitValues(&values_left_);
    OCTO_TRY(read(decoder));
    block_position_ = decoder.position();
    --block_records_;
    return {};
  }();
  if (done) return {};
  failed_ = done.error();
  failed_->message = name_ + ": block " + std::to_string(block_number_) + ": " + failed_->message;
  return tl::unexpected<Error>(*failed_);
}

// Whether there is another record, its block being read.
Result<bool> ContainerReader::FindRecord(bool keep_blocks) {
  while (block_records_ == 0) {
    if (block_position_ != block_.size()) {
      return MakeError(ErrorKind::kCorruption, std::to_string(block_.size() - block_position_) +
                                                   " bytes behind the last record of the block");
    }
    if (position_ == bytes_.size()) return false;
    if (!keep_blocks) decompressed_.clear();
    OCTO_TRY(ReadBlock());
  }
  return true;
}

// Number of records, size in bytes, the (compressed) records, the sync marker.
Status ContainerReader::ReadBlock() {
  ++block_number_;
  Decoder decoder(bytes_, position_);
  OCTO_ASSIGN(const int64_t records, decoder.ReadLong());
  OCTO_ASSIGN(const std::string_view data, decoder.ReadBytes());
  OCTO_ASSIGN(const std::string_view sync, decoder.ReadRaw(kSyncBytes));
  if (sync != sync_) {
    return MakeError(ErrorKind::kCorruption, "it does not end with the file's sync marker");
  }
  const int64_t most = std::min(limits_.block_bytes, bytes_left_);
  if (codec_ != Codec::kNull) {
    OCTO_ASSIGN(std::string block, decompressor_->Decompress(codec_, data, most));
    block_ = decompressed_.emplace_back(std::move(block));
  } else if (static_cast<int64_t>(data.size()) <= most) {
    block_ = data;
  } else {
    return MakeError(ErrorKind::kResourceExhausted,
                     "a block of more than " + std::to_string(most) + " bytes");
  }
  bytes_left_ -= static_cast<int64_t>(block_.size());
  if (records < 0 ||
      records > std::max<int64_t>(static_cast<int64_t>(block_.size()), kMaxEmptyRecords)) {
    return MakeError(ErrorKind::kCorruption, "it says it has " + std::to_string(records) +
                                                 " records in " + std::to_string(block_.size()) +
                                                 " bytes");
  }
  block_records_ = records;
  block_position_ = 0;
  position_ = decoder.position();
  return {};
}

}  // namespace octolake::avro
