#include "datafile/zstd_pages.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "datafile/column_chunk.h"

namespace octolake::datafile {
namespace {

using Buffer = std::shared_ptr<arrow::Buffer>;

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

// Pages of a column chunk.
class Pages final : public parquet::PageReader {
 public:
  // With kZstd, `pages` takes the pages for uncompressed ones.
  enum class Compression { kNone, kZstd };
  Pages(std::unique_ptr<parquet::PageReader> pages, Compression compression, int64_t values,
        std::function<void()> on_page)
      : pages_(std::move(pages)),
        compression_(compression),
        missing_(values),
        on_page_(std::move(on_page)) {}

  std::shared_ptr<parquet::Page> NextPage() override {
    while (true) {
      on_page_();
      auto page = pages_->NextPage();
      const auto* data = dynamic_cast<const parquet::DataPage*>(page.get());
      if (data != nullptr) missing_ -= data->num_values();
      if (missing_ < 0 || (page == nullptr && missing_ > 0)) {
        ThrowDamaged("a column has not as many values as its footer says");
      }
      // Parquet's reader may take a page without values for the end of its column.
      if (data != nullptr && data->num_values() == 0) continue;
      if (page == nullptr || compression_ == Compression::kNone) return page;
      return Decompressed(*page);
    }
  }
  void set_max_page_header_size(uint32_t size) override { pages_->set_max_page_header_size(size); }

 private:
  static std::shared_ptr<parquet::Page> Decompressed(const parquet::Page& page) {
    if (page.type() == parquet::PageType::DICTIONARY_PAGE) {
      const auto& dictionary = static_cast<const parquet::DictionaryPage&>(page);
      return std::make_shared<parquet::DictionaryPage>(
          Decompress(*page.buffer(), SizeInFrame(*page.buffer())), dictionary.num_values(),
          dictionary.encoding(), dictionary.is_sorted());
    }
    const auto* data = dynamic_cast<const parquet::DataPageV1*>(&page);
    if (data == nullptr) ThrowDamaged("a page of another kind than its footer says");
    return std::make_shared<parquet::DataPageV1>(
        Decompress(*data->buffer(), data->uncompressed_size()), data->num_values(),
        data->encoding(), data->definition_level_encoding(), data->repetition_level_encoding(),
        data->uncompressed_size(), data->statistics());
  }

  const std::unique_ptr<parquet::PageReader> pages_;
  const Compression compression_;
  int64_t missing_;  // values that are yet to come
  const std::function<void()> on_page_;
};

class RowGroup final : public parquet::RowGroupReader::Contents {
 public:
  RowGroup(std::shared_ptr<parquet::RowGroupReader> group,
           std::shared_ptr<arrow::io::RandomAccessFile> bytes,
           const parquet::ReaderProperties& properties, const parquet::SchemaDescriptor& schema,
           std::function<void()> on_page)
      : group_(std::move(group)),
        bytes_(std::move(bytes)),
        properties_(properties),
        schema_(schema),
        on_page_(std::move(on_page)) {}

  std::unique_ptr<parquet::PageReader> GetColumnPageReader(int i) override {
    on_page_();
    const auto chunk = metadata()->ColumnChunk(i);
    const int64_t values = chunk->num_values();
    const bool nested = schema_.Column(i)->max_repetition_level() > 0;
    if (!nested && values != metadata()->num_rows()) {
      ThrowDamaged("a column has " + std::to_string(values) + " values in " +
                   std::to_string(metadata()->num_rows()) + " rows");
    }
    if (chunk->compression() != parquet::Compression::ZSTD || !HasOnlyPagesOfVersion1(*chunk)) {
      return std::make_unique<Pages>(group_->GetColumnPageReader(i), Pages::Compression::kNone,
                                     values, on_page_);
    }
    auto pages = parquet::PageReader::Open(BytesOf(*chunk, bytes_, properties_), values,
                                           parquet::Compression::UNCOMPRESSED, properties_,
                                           *schema_.Column(i));
    return std::make_unique<Pages>(std::move(pages), Pages::Compression::kZstd, values, on_page_);
  }
  const parquet::RowGroupMetaData* metadata() const override { return group_->metadata(); }
  const parquet::ReaderProperties* properties() const override { return &properties_; }

 private:
  const std::shared_ptr<parquet::RowGroupReader> group_;
  const std::shared_ptr<arrow::io::RandomAccessFile> bytes_;
  const parquet::ReaderProperties properties_;
  const parquet::SchemaDescriptor& schema_;  // the files', which outlives its readers
  const std::function<void()> on_page_;
};

class Files final : public parquet::ParquetFileReader::Contents {
 public:
  Files(std::vector<OwnFile> files, const parquet::ReaderProperties& properties,
        std::shared_ptr<size_t> reading)
      : files_(std::move(files)), properties_(properties), reading_(std::move(reading)) {
    for (size_t file = 0; file < files_.size(); ++file) {
      const auto own = files_[file].reader->metadata();
      for (int group = 0; group < own->num_row_groups(); ++group)
        groups_.push_back({file, group, nullptr});
    }
    for (size_t file = 1; file < files_.size(); ++file) {
      metadata()->AppendRowGroups(*files_[file].reader->metadata());
    }
  }

  void Close() override {
    for (const OwnFile& file : files_) file.reader->Close();
  }
  std::shared_ptr<parquet::RowGroupReader> GetRowGroup(int i) override {
    Group& group = groups_[static_cast<size_t>(i)];
    if (group.reader == nullptr) {
      const OwnFile& file = files_[group.file];
      group.reader = std::make_shared<parquet::RowGroupReader>(std::make_unique<RowGroup>(
          file.reader->RowGroup(group.place), file.bytes, properties_, *metadata()->schema(),
          [reading = reading_, place = group.file] { *reading = place; }));
    }
    return group.reader;
  }
  // Of the first, which has got the row groups of the others.
  std::shared_ptr<parquet::FileMetaData> metadata() const override {
    return files_.front().reader->metadata();
  }
  std::shared_ptr<parquet::PageIndexReader> GetPageIndexReader() override {
    return files_.front().reader->GetPageIndexReader();
  }
  parquet::BloomFilterReader& GetBloomFilterReader() override {
    return files_.front().reader->GetBloomFilterReader();
  }

 private:
  struct Group {
    size_t file;
    int place;                                        // in it
    std::shared_ptr<parquet::RowGroupReader> reader;  // once it was asked for
  };

  const std::vector<OwnFile> files_;
  const parquet::ReaderProperties properties_;
  const std::shared_ptr<size_t> reading_;
  std::vector<Group> groups_;  // of all files
};

}  // namespace

std::unique_ptr<parquet::ParquetFileReader> WithKeptContext(
    std::vector<OwnFile> files, const parquet::ReaderProperties& properties,
    std::shared_ptr<size_t> reading) {
  auto result = std::make_unique<parquet::ParquetFileReader>();
  result->Open(std::make_unique<Files>(std::move(files), properties, std::move(reading)));
  return result;
}

}  // namespace octolake::datafile
