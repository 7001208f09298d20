#include "maintain/spill_file.h"

#include <arrow/io/file.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/util/compression.h>
#include <unistd.h>

#include <utility>

#include "datafile/arrow_status.h"

namespace octolake::maintain {

using datafile::ToResult;
using datafile::ToStatus;

Result<std::unique_ptr<SpillFile>> SpillFile::Create(std::string path,
                                                     const std::shared_ptr<arrow::Schema>& schema) {
  std::unique_ptr<SpillFile> file(new SpillFile(std::move(path)));
  OCTO_ASSIGN(file->out_, ToResult(arrow::io::FileOutputStream::Open(file->path_), file->path_));
  arrow::ipc::IpcWriteOptions options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  OCTO_ASSIGN(auto codec, ToResult(arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME),
                                   "compression of rows on disk"));
  options.codec = std::move(codec);
  OCTO_ASSIGN(file->writer_,
              ToResult(arrow::ipc::MakeStreamWriter(file->out_, schema, options), file->path_));
  return file;
}

SpillFile::~SpillFile() {
  // The rest is of no use; what stays on disk goes with its directory.
  if (writer_ != nullptr) static_cast<void>(writer_->Close());
  if (out_ != nullptr) static_cast<void>(out_->Close());
  reader_.reset();
  static_cast<void>(::unlink(path_.c_str()));
}

Status SpillFile::Append(const arrow::RecordBatch& batch) {
  OCTO_TRY(ToStatus(writer_->WriteRecordBatch(batch), path_));
  rows_ += batch.num_rows();
  return {};
}

Status SpillFile::EndWriting() {
  if (writer_ == nullptr) return {};
  OCTO_TRY(ToStatus(std::exchange(writer_, nullptr)->Close(), path_));
  return ToStatus(std::exchange(out_, nullptr)->Close(), path_);
}

Status SpillFile::StartReading() {
  OCTO_TRY(EndWriting());
  OCTO_ASSIGN(auto in, ToResult(arrow::io::ReadableFile::Open(path_), path_));
  arrow::ipc::IpcReadOptions options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  OCTO_ASSIGN(reader_,
              ToResult(arrow::ipc::RecordBatchStreamReader::Open(std::move(in), options), path_));
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> SpillFile::Next() {
  if (reader_ == nullptr) OCTO_TRY(StartReading());
  return ToResult(reader_->Next(), path_);
}

}  // namespace octolake::maintain
