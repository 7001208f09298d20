#include "avro/binary.h"
#include "avro/block_codec.h"
#include "avro/container.h"
#include "avro/container_format.h"

namespace octolake::avro {
namespace {

void AppendText(std::string_view text, std::string& out) {
  AppendLong(static_cast<int64_t>(text.size()), out);
  out.append(text);
}

}  // namespace

ContainerWriter::ContainerWriter(SchemaPtr schema, WriterOptions options, Sink sink)
    : schema_(std::move(schema)), options_(std::move(options)), sink_(std::move(sink)) {}

Result<std::unique_ptr<ContainerWriter>> ContainerWriter::Create(SchemaPtr schema,
                                                                 WriterOptions options,
                                                                 RandomSource& random,
                                                                 std::string* out) {
  return CreateWithSink(std::move(schema), std::move(options), random,
                        [out](std::string_view bytes) -> Status {
                          out->append(bytes);
                          return {};
                        });
}

Result<std::unique_ptr<ContainerWriter>> ContainerWriter::Create(SchemaPtr schema,
                                                                 WriterOptions options,
                                                                 RandomSource& random,
                                                                 io::OutputFile* out) {
  return CreateWithSink(std::move(schema), std::move(options), random,
                        [out](std::string_view bytes) { return out->Append(bytes); });
}

Result<std::unique_ptr<ContainerWriter>> ContainerWriter::CreateWithSink(SchemaPtr schema,
                                                                         WriterOptions options,
                                                                         RandomSource& random,
                                                                         Sink sink) {
  for (const auto& [key, value] : options.metadata) {
    if (key.starts_with("avro.")) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "Avro file metadata '" + key + "': names with avro. are reserved");
    }
  }
  // Shows a level that the codec does not have before anything is written.
  OCTO_TRY(CompressBlock(options.codec, options.level, ""));
  std::unique_ptr<ContainerWriter> writer(
      new ContainerWriter(std::move(schema), std::move(options), std::move(sink)));
  OCTO_TRY(writer->WriteHeader(random));
  return writer;
}

Status ContainerWriter::WriteHeader(RandomSource& random) {
  while (sync_.size() < kSyncBytes) {
    const uint64_t bits = random.Next();
    for (int i = 0; i < 8; ++i) sync_.push_back(static_cast<char>(bits >> (8 * i)));
  }
  std::string header(kMagic);
  AppendLong(static_cast<int64_t>(options_.metadata.size() + 2), header);
  AppendText(kSchemaKey, header);
  AppendText(ToJson(*schema_), header);
  AppendText(kCodecKey, header);
  AppendText(CodecName(options_.codec), header);
  for (const auto& [key, value] : options_.metadata) {
    AppendText(key, header);
    AppendText(value, header);
  }
  AppendLong(0, header);
  header.append(sync_);
  return Write(header);
}

Status ContainerWriter::Append(const Value& record) {
  if (finished_) return MakeError(ErrorKind::kInvalidArgument, "this Avro file is finished");
  const size_t before = block_.size();
  if (Status encoded = Encode(*schema_, record, block_); !encoded) {
    block_.resize(before);
    return encoded;
  }
  return EndRecord();
}

Status ContainerWriter::AppendEncoded(std::string_view record) {
  if (finished_) return MakeError(ErrorKind::kInvalidArgument, "this Avro file is finished");
  block_.append(record);
  return EndRecord();
}

Status ContainerWriter::EndRecord() {
  ++block_records_;
  ++record_count_;
  const bool full = static_cast<int64_t>(block_.size()) >= options_.block_bytes;
  return full || block_records_ >= kMaxEmptyRecords ? FlushBlock() : Status();
}

Status ContainerWriter::Finish() {
  if (finished_) return MakeError(ErrorKind::kInvalidArgument, "this Avro file is finished");
  OCTO_TRY(FlushBlock());
  finished_ = true;
  return {};
}

Status ContainerWriter::FlushBlock() {
  if (block_records_ == 0) return {};
  OCTO_ASSIGN(const std::string data, CompressBlock(options_.codec, options_.level, block_));
  std::string head;
  AppendLong(block_records_, head);
  AppendLong(static_cast<int64_t>(data.size()), head);
  block_.clear();
  block_records_ = 0;
  OCTO_TRY(Write(head));
  OCTO_TRY(Write(data));
  return Write(sync_);
}

Status ContainerWriter::Write(std::string_view bytes) {
  if (Status written = sink_(bytes); !written) {
    finished_ = true;
    return written;
  }
  bytes_written_ += static_cast<int64_t>(bytes.size());
  return {};
}

}  // namespace octolake::avro
