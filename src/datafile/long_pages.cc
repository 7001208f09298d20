#include "datafile/long_pages.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>

#include <optional>
#include <string>
#include <utility>

#include "datafile/column_chunk.h"
#include "datafile/text_parts.h"
#include "datafile/zstd_stream.h"

namespace octolake::datafile {
namespace {

class Pages final : public parquet::PageReader {
 public:
  // `compressed` takes the pages for uncompressed ones. `rows` are those of the row group.
  Pages(std::unique_ptr<parquet::PageReader> compressed, bool optional, int64_t rows)
      : compressed_(std::move(compressed)), optional_(optional), rows_(rows) {}

  std::shared_ptr<parquet::Page> NextPage() override {
    while (true) {
      if (parts_ != nullptr) {
        if (auto part = parts_->Next()) return part;
        parts_.reset();
      }
      const auto page = compressed_->NextPage();
      if (page == nullptr) return nullptr;
      auto given = page->type() == parquet::PageType::DICTIONARY_PAGE
                       ? OpenDictionary(std::static_pointer_cast<parquet::DictionaryPage>(page))
                       : OpenData(std::dynamic_pointer_cast<parquet::DataPageV1>(page));
      if (given != nullptr) return given;
    }
  }
  void set_max_page_header_size(uint32_t size) override {
    compressed_->set_max_page_header_size(size);
  }

 private:
  // These two give the page, or nothing where it is kept, or comes in parts.
  std::shared_ptr<parquet::Page> OpenDictionary(std::shared_ptr<parquet::DictionaryPage> page);
  std::shared_ptr<parquet::Page> OpenData(std::shared_ptr<parquet::DataPageV1> page);

  const std::unique_ptr<parquet::PageReader> compressed_;
  const bool optional_;
  const int64_t rows_;  // of the row group
  // Of a dictionary that is long, values take the places of their numbers. Data pages that need it
  // come before those that do not: behind these it is kept as it is in the file.
  std::shared_ptr<parquet::DictionaryPage> long_dictionary_;
  std::optional<TextDictionary> dictionary_;
  std::unique_ptr<TextParts> parts_;  // of the page at hand
};

std::shared_ptr<parquet::Page> Pages::OpenDictionary(
    std::shared_ptr<parquet::DictionaryPage> page) {
  auto values = DecompressAll(*page->buffer());
  if (values->size() > kMostOfAWholePage) {
    dictionary_.emplace(std::move(values), page->num_values());
    long_dictionary_ = std::move(page);
    return nullptr;
  }
  return std::make_shared<parquet::DictionaryPage>(std::move(values), page->num_values(),
                                                   page->encoding(), page->is_sorted());
}

std::shared_ptr<parquet::Page> Pages::OpenData(std::shared_ptr<parquet::DataPageV1> page) {
  if (page == nullptr) ThrowDamaged("a page of another kind than its footer says");
  // What comes in parts has memory for each row of its page, however few bytes say so many.
  if (page->num_values() > rows_) {
    ThrowDamaged("a page of " + std::to_string(page->num_values()) + " values in " +
                 std::to_string(rows_) + " rows");
  }
  const bool spells = long_dictionary_ != nullptr && NeedsDictionary(*page);
  if (!spells) dictionary_.reset();
  if (IsLongPage(*page)) {
    parts_ = std::make_unique<DividedPage>(std::move(page), optional_);
    return nullptr;
  }
  auto opened = std::make_shared<parquet::DataPageV1>(
      Decompress(*page->buffer(), page->uncompressed_size()), page->num_values(), page->encoding(),
      page->definition_level_encoding(), page->repetition_level_encoding(),
      page->uncompressed_size(), page->statistics());
  if (!spells) return opened;
  if (!dictionary_) {
    dictionary_.emplace(DecompressAll(*long_dictionary_->buffer()), long_dictionary_->num_values());
  }
  parts_ = std::make_unique<SpelledPage>(*opened, *dictionary_, optional_);
  return nullptr;
}

bool MayHaveLongPages(const parquet::ColumnChunkMetaData& chunk,
                      const parquet::ColumnDescriptor& column) {
  return HasDivisiblePages(column) && chunk.compression() == parquet::Compression::ZSTD &&
         chunk.total_uncompressed_size() > kMostOfAWholePage && HasOnlyPagesOfVersion1(chunk);
}

class RowGroup final : public parquet::RowGroupReader::Contents {
 public:
  // The schema is the file's, which outlives its readers.
  RowGroup(std::shared_ptr<parquet::RowGroupReader> group,
           std::shared_ptr<arrow::io::RandomAccessFile> bytes, parquet::ReaderProperties properties,
           const parquet::SchemaDescriptor& schema)
      : group_(std::move(group)),
        bytes_(std::move(bytes)),
        properties_(std::move(properties)),
        schema_(schema) {}

  std::unique_ptr<parquet::PageReader> GetColumnPageReader(int i) override {
    const auto chunk = metadata()->ColumnChunk(i);
    const parquet::ColumnDescriptor& column = *schema_.Column(i);
    if (!MayHaveLongPages(*chunk, column)) return group_->GetColumnPageReader(i);
    return std::make_unique<Pages>(
        parquet::PageReader::Open(BytesOf(*chunk, bytes_, properties_), chunk->num_values(),
                                  parquet::Compression::UNCOMPRESSED, properties_, column),
        column.max_definition_level() > 0, metadata()->num_rows());
  }
  const parquet::RowGroupMetaData* metadata() const override { return group_->metadata(); }
  const parquet::ReaderProperties* properties() const override { return &properties_; }

 private:
  const std::shared_ptr<parquet::RowGroupReader> group_;
  const std::shared_ptr<arrow::io::RandomAccessFile> bytes_;
  const parquet::ReaderProperties properties_;
  const parquet::SchemaDescriptor& schema_;
};

class File final : public parquet::ParquetFileReader::Contents {
 public:
  File(std::unique_ptr<parquet::ParquetFileReader> file,
       std::shared_ptr<arrow::io::RandomAccessFile> bytes, parquet::ReaderProperties properties)
      : file_(std::move(file)), bytes_(std::move(bytes)), properties_(std::move(properties)) {}

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

std::unique_ptr<parquet::ParquetFileReader> WithLongPagesInParts(
    std::unique_ptr<parquet::ParquetFileReader> file,
    std::shared_ptr<arrow::io::RandomAccessFile> bytes,
    const parquet::ReaderProperties& properties) {
  auto result = std::make_unique<parquet::ParquetFileReader>();
  result->Open(std::make_unique<File>(std::move(file), std::move(bytes), properties));
  return result;
}

}  // namespace octolake::datafile
