#include "datafile/zstd_pages.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/memory.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace octolake::datafile {
namespace {

using Buffer = std::shared_ptr<arrow::Buffer>;

[[noreturn]] void ThrowDamaged(const std::string& what) {
  throw parquet::ParquetStatusException(arrow::Status::IOError(what));
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_DCtx* ContextOfThread() {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context;
  if (context == nullptr) context.reset(ZSTD_createDCtx());
  if (context == nullptr) {
    throw parquet::ParquetStatusException(
        arrow::Status::OutOfMemory("no memory for a zstd decoder"));
  }
  return context.get();
}

Buffer Decompress(const arrow::Buffer& compressed, int64_t size) {
  if (size < 0 || size > std::numeric_limits<int32_t>::max()) {
    ThrowDamaged("a page of " + std::to_string(size) + " bytes");
  }
  PARQUET_ASSIGN_OR_THROW(std::unique_ptr<arrow::Buffer> result, arrow::AllocateBuffer(size));
  const size_t got =
      ZSTD_decompressDCtx(ContextOfThread(), result->mutable_data(), static_cast<size_t>(size),
                          compressed.data(), static_cast<size_t>(compressed.size()));
  if (ZSTD_isError(got) != 0) {
    ThrowDamaged(std::string("zstd: ") + ZSTD_getErrorName(got));
  }
  if (static_cast<int64_t>(got) != size) {
    ThrowDamaged("a page has " + std::to_string(got) + " bytes instead of " + std::to_string(size));
  }
  return result;
}

// A dictionary page does not come with its size.
int64_t SizeInFrame(const arrow::Buffer& compressed) {
  const auto size =
      ZSTD_getFrameContentSize(compressed.data(), static_cast<size_t>(compressed.size()));
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
    ThrowDamaged("a dictionary is no zstd frame that says how long it is");
  }
  return static_cast<int64_t>(std::min<uint64_t>(size, std::numeric_limits<int64_t>::max()));
}

class Pages final : public parquet::PageReader {
 public:
  // `compressed` takes the pages for uncompressed ones.
  explicit Pages(std::unique_ptr<parquet::PageReader> compressed)
      : compressed_(std::move(compressed)) {}

  std::shared_ptr<parquet::Page> NextPage() override {
    const auto page = compressed_->NextPage();
    if (page == nullptr) return nullptr;
    if (page->type() == parquet::PageType::DICTIONARY_PAGE) {
      const auto& dictionary = static_cast<const parquet::DictionaryPage&>(*page);
      return std::make_shared<parquet::DictionaryPage>(
          Decompress(*page->buffer(), SizeInFrame(*page->buffer())), dictionary.num_values(),
          dictionary.encoding(), dictionary.is_sorted());
    }
    const auto* data = dynamic_cast<const parquet::DataPageV1*>(page.get());
    if (data == nullptr) ThrowDamaged("a page of another kind than its footer says");
    return std::make_shared<parquet::DataPageV1>(
        Decompress(*data->buffer(), data->uncompressed_size()), data->num_values(),
        data->encoding(), data->definition_level_encoding(), data->repetition_level_encoding(),
        data->uncompressed_size(), data->statistics());
  }
  void set_max_page_header_size(uint32_t size) override {
    compressed_->set_max_page_header_size(size);
  }

 private:
  const std::unique_ptr<parquet::PageReader> compressed_;
};

bool HasOnlyPagesOfVersion1(const parquet::ColumnChunkMetaData& chunk) {
  const auto& kinds = chunk.encoding_stats();
  return !kinds.empty() && std::all_of(kinds.begin(), kinds.end(), [](const auto& kind) {
    return kind.page_type == parquet::PageType::DATA_PAGE ||
           kind.page_type == parquet::PageType::DICTIONARY_PAGE;
  });
}

class RowGroup final : public parquet::RowGroupReader::Contents {
 public:
  RowGroup(std::shared_ptr<parquet::RowGroupReader> group,
           std::shared_ptr<arrow::io::RandomAccessFile> bytes,
           const parquet::ReaderProperties& properties, const parquet::SchemaDescriptor& schema)
      : group_(std::move(group)),
        bytes_(std::move(bytes)),
        properties_(properties),
        schema_(schema) {}

  std::unique_ptr<parquet::PageReader> GetColumnPageReader(int i) override {
    const auto chunk = metadata()->ColumnChunk(i);
    if (chunk->compression() != parquet::Compression::ZSTD || !HasOnlyPagesOfVersion1(*chunk)) {
      return group_->GetColumnPageReader(i);
    }
    int64_t begin = chunk->data_page_offset();
    const int64_t dictionary = chunk->dictionary_page_offset();
    if (chunk->has_dictionary_page() && dictionary > 0) begin = std::min(begin, dictionary);
    const int64_t length = chunk->total_compressed_size();
    PARQUET_ASSIGN_OR_THROW(const int64_t file_bytes, bytes_->GetSize());
    if (begin < 0 || length < 0 || begin > file_bytes || length > file_bytes - begin) {
      ThrowDamaged("a column of " + std::to_string(length) + " bytes at byte " +
                   std::to_string(begin) + " of " + std::to_string(file_bytes));
    }
    PARQUET_ASSIGN_OR_THROW(Buffer pages, bytes_->ReadAt(begin, length));
    if (pages->size() < length) ThrowDamaged("a column is cut short");
    return std::make_unique<Pages>(parquet::PageReader::Open(
        std::make_shared<arrow::io::BufferReader>(std::move(pages)), chunk->num_values(),
        parquet::Compression::UNCOMPRESSED, properties_, *schema_.Column(i)));
  }
  const parquet::RowGroupMetaData* metadata() const override { return group_->metadata(); }
  const parquet::ReaderProperties* properties() const override { return &properties_; }

 private:
  const std::shared_ptr<parquet::RowGroupReader> group_;
  const std::shared_ptr<arrow::io::RandomAccessFile> bytes_;
  const parquet::ReaderProperties properties_;
  const parquet::SchemaDescriptor& schema_;  // the file's, which outlives its readers
};

class File final : public parquet::ParquetFileReader::Contents {
 public:
  File(std::unique_ptr<parquet::ParquetFileReader> file,
       std::shared_ptr<arrow::io::RandomAccessFile> bytes,
       const parquet::ReaderProperties& properties)
      : file_(std::move(file)), bytes_(std::move(bytes)), properties_(properties) {}

  void Close() override { file_->Close(); }
  std::shared_ptr<parquet::RowGroupReader> GetRowGroup(int i) override {
    return std::make_shared<parquet::RowGroupReader>(std::make_unique<RowGroup>(
        file_->RowGroup(i), bytes_, properties_, *file_->metadata()->schema()));
  }
  std::shared_ptr<parquet::FileMetaData> metadata() const override { return file_->metadata(); }
  std::shared_ptr<parquet::PageIndexReader> GetPageIndexReader() override {
    return file_->GetPageIndexReader();
  }
  parquet::BloomFilterReader& GetBloomFilterReader() override {
    return file_->GetBloomFilterReader();
  }

 private:
  const std::unique_ptr<parquet::ParquetFileReader> file_;
  const std::shared_ptr<arrow::io::RandomAccessFile> bytes_;
  const parquet::ReaderProperties properties_;
};

}  // namespace

std::unique_ptr<parquet::ParquetFileReader> WithKeptContext(
    std::unique_ptr<parquet::ParquetFileReader> file,
    std::shared_ptr<arrow::io::RandomAccessFile> bytes,
    const parquet::ReaderProperties& properties) {
  auto result = std::make_unique<parquet::ParquetFileReader>();
  result->Open(std::make_unique<File>(std::move(file), std::move(bytes), properties));
  return result;
}

}  // namespace octolake::datafile
