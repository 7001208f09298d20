// Files of io::FileSystem as Arrow's streams. Our errors travel through Arrow as a detail of its
// Status, so that their kind is not lost on the way.
#pragma once

#include <arrow/status.h>

#include <memory>

#include "base/result.h"
#include "io/file_system.h"

namespace arrow::io {
class OutputStream;
class RandomAccessFile;
}  // namespace arrow::io

namespace octolake::datafile {

arrow::Status CarryError(Error error);
// The error that CarryError put in, or null. Owned by the status.
const Error* CarriedError(const arrow::Status& status);

// `file` must outlive the stream. Closing the stream leaves the file open: making it durable is the
// owner's business.
std::shared_ptr<arrow::io::OutputStream> MakeOutputStream(io::OutputFile& file);

// Owns the file. ReadAt is thread-safe, as that of the file is.
std::shared_ptr<arrow::io::RandomAccessFile> MakeRandomAccessFile(
    std::unique_ptr<io::InputFile> file);

}  // namespace octolake::datafile
