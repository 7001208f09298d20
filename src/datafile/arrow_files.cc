#include "datafile/arrow_files.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/util/future.h>

#include <cstring>
#include <string>
#include <utility>

namespace octolake::datafile {
namespace {

constexpr char kDetailType[] = "octolake::Error";

class ErrorDetail final : public arrow::StatusDetail {
 public:
  explicit ErrorDetail(Error error) : error_(std::move(error)) {}
  const char* type_id() const override { return kDetailType; }
  std::string ToString() const override { return error_.message; }
  const Error& error() const { return error_; }

 private:
  Error error_;
};

class OutputStream final : public arrow::io::OutputStream {
 public:
  explicit OutputStream(io::OutputFile& file) : file_(file) {}
  ~OutputStream() override = default;

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return file_.size(); }
  arrow::Status Write(const void* data, int64_t size) override {
    auto status =
        file_.Append(std::string_view(static_cast<const char*>(data), static_cast<size_t>(size)));
    return status ? arrow::Status::OK() : CarryError(std::move(status).error());
  }
  using arrow::io::OutputStream::Write;

 private:
  io::OutputFile& file_;
  bool closed_ = false;
};

class RandomAccessFile final : public arrow::io::RandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<io::InputFile> file) : file_(std::move(file)) {}
  ~RandomAccessFile() override = default;

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> GetSize() override { return file_->size(); }

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t length, void* out) override {
    auto read = file_->ReadAt(position, length, out);
    if (!read) return CarryError(std::move(read).error());
    return *read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t length) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(length));
    ARROW_ASSIGN_OR_RAISE(int64_t read, ReadAt(position, length, buffer->mutable_data()));
    if (read < length) ARROW_RETURN_NOT_OK(buffer->Resize(read));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Read(int64_t length, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t read, ReadAt(position_, length, out));
    position_ += read;
    return read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t length) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, length));
    position_ += buffer->size();
    return buffer;
  }

 private:
  std::unique_ptr<io::InputFile> file_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

arrow::Status CarryError(Error error) {
  std::string message = error.message;
  return arrow::Status(arrow::StatusCode::IOError, std::move(message),
                       std::make_shared<ErrorDetail>(std::move(error)));
}

const Error* CarriedError(const arrow::Status& status) {
  const auto& detail = status.detail();
  if (detail == nullptr || std::strcmp(detail->type_id(), kDetailType) != 0) return nullptr;
  return &static_cast<const ErrorDetail&>(*detail).error();
}

std::shared_ptr<arrow::io::OutputStream> MakeOutputStream(io::OutputFile& file) {
  return std::make_shared<OutputStream>(file);
}

std::shared_ptr<arrow::io::RandomAccessFile> MakeRandomAccessFile(
    std::unique_ptr<io::InputFile> file) {
  return std::make_shared<RandomAccessFile>(std::move(file));
}

}  // namespace octolake::datafile
