#include "datafile/file_check.h"

#include <arrow/io/interfaces.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32.h"
#include "datafile/arrow_files.h"
#include "datafile/page_header.h"

namespace octolake::datafile {
namespace {

// Headers hold statistics of a page: two bounds, which writers keep short. What is longer than the
// most is no header.
constexpr int64_t kFirstHeaderBytes = 256;
constexpr int64_t kMostHeaderBytes = int64_t{16} << 20;
constexpr int64_t kReadBytes = int64_t{1} << 20;

tl::unexpected<Error> Damaged(const std::string& location, const std::string& what) {
  return MakeError(ErrorKind::kCorruption, "data file " + location + " is damaged: " + what);
}

Error AsMissing(Error error, const std::string& location) {
  if (error.kind != ErrorKind::kNotFound) return error;
  return {ErrorKind::kCorruption,
          "data file " + location + " is named by the table, but does not exist"};
}

Status CheckSize(const iceberg::DataFile& file, int64_t size) {
  if (size == file.file_size_in_bytes) return {};
  const std::string numbers =
      std::to_string(size) + " bytes, the manifest says " + std::to_string(file.file_size_in_bytes);
  if (size < file.file_size_in_bytes)
    return Damaged(file.file_path, "cut short, it has " + numbers);
  return Damaged(file.file_path, "it has " + numbers);
}

// A file's bytes, read in long pieces that follow one another: a request for each header and page
// would cost a store on the network far more than the bytes do.
class ReadWindow {
 public:
  explicit ReadWindow(io::InputFile& file)
      : file_(file),
        buffer_(static_cast<size_t>(std::clamp<int64_t>(file.size(), 1, kReadBytes))) {}

  // Some bytes at `offset`: `wanted` of them if the file and the buffer go so far, at most `most`;
  // none at the end of the file. Valid until the next call.
  Result<std::string_view> At(int64_t offset, int64_t wanted, int64_t most) {
    const int64_t room = std::ssize(buffer_);
    wanted = std::min(wanted, room);
    if (offset < begin_ || offset + wanted > begin_ + size_) {
      size_ = 0;
      begin_ = offset;
      const int64_t rest = std::max<int64_t>(0, file_.size() - offset);
      OCTO_ASSIGN(size_, file_.ReadAt(offset, std::min(rest, room), buffer_.data()));
    }
    const int64_t length = std::min(most, begin_ + size_ - offset);
    return std::string_view(buffer_.data() + (offset - begin_), static_cast<size_t>(length));
  }

 private:
  io::InputFile& file_;
  std::vector<char> buffer_;
  int64_t begin_ = 0;
  int64_t size_ = 0;
};

// The pages of a file, one after the other.
class PageWalk {
 public:
  explicit PageWalk(io::InputFile& file) : file_(file), window_(file) {}

  // Checks the page at `offset`, which must end at `end` or before; returns where the next begins.
  Result<int64_t> Check(int64_t offset, int64_t end, PageCounts& counts) {
    OCTO_ASSIGN(const PageHeader header, ReadHeader(offset, end));
    const int64_t begin = offset + header.header_bytes;
    if (header.compressed_bytes > end - begin) {
      return Damaged(file_.location(), Place(offset) + " reaches beyond the end of its column");
    }
    ++counts.pages;
    if (!header.crc) {
      ++counts.without_checksum;
      return begin + header.compressed_bytes;
    }
    OCTO_ASSIGN(const uint32_t crc, Checksum(begin, header.compressed_bytes));
    if (crc != *header.crc) {
      return Damaged(file_.location(),
                     Place(offset) + " does not have the checksum that it was written with");
    }
    return begin + header.compressed_bytes;
  }

 private:
  static std::string Place(int64_t offset) { return "the page at byte " + std::to_string(offset); }

  Result<PageHeader> ReadHeader(int64_t offset, int64_t end) {
    for (int64_t length = kFirstHeaderBytes;; length *= 2) {
      length = std::min(length, end - offset);
      OCTO_ASSIGN(const std::string_view bytes, HeaderBytes(offset, length));
      auto header = ParsePageHeader(bytes);
      if (!header) return Damaged(file_.location(), Place(offset) + ": " + header.error().message);
      if (*header) return **header;
      if (length == end - offset || length >= kMostHeaderBytes) {
        return Damaged(file_.location(), Place(offset) + " has no end to its header");
      }
    }
  }

  Result<std::string_view> HeaderBytes(int64_t offset, int64_t length) {
    if (length <= kReadBytes) return window_.At(offset, length, length);
    long_header_.resize(static_cast<size_t>(length));
    OCTO_ASSIGN(const int64_t got, file_.ReadAt(offset, length, long_header_.data()));
    return std::string_view(long_header_).substr(0, static_cast<size_t>(got));
  }

  Result<uint32_t> Checksum(int64_t offset, int64_t length) {
    uint32_t crc = 0;
    while (length > 0) {
      OCTO_ASSIGN(const std::string_view bytes, window_.At(offset, 1, length));
      if (bytes.empty()) return Damaged(file_.location(), "it became shorter while it was read");
      crc = Crc32(bytes, crc);
      offset += std::ssize(bytes);
      length -= std::ssize(bytes);
    }
    return crc;
  }

  io::InputFile& file_;
  ReadWindow window_;
  std::string long_header_;
};

struct Extent {
  int64_t begin;
  int64_t end;
};

// Where the column chunks lie. Throws what Parquet throws.
std::vector<Extent> ColumnExtents(const parquet::FileMetaData& footer) {
  std::vector<Extent> extents;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto row_group = footer.RowGroup(group);
    for (int column = 0; column < row_group->num_columns(); ++column) {
      const auto chunk = row_group->ColumnChunk(column);
      int64_t begin = chunk->data_page_offset();
      const int64_t dictionary = chunk->dictionary_page_offset();
      if (chunk->has_dictionary_page() && dictionary > 0) begin = std::min(begin, dictionary);
      extents.push_back({begin, begin + chunk->total_compressed_size()});
    }
  }
  return extents;
}

Result<std::vector<Extent>> ReadExtents(io::FileSystem& fs, const iceberg::DataFile& file) {
  OCTO_ASSIGN(auto input, OpenChecked(fs, file));
  const int64_t size = input->size();
  std::vector<Extent> extents;
  try {
    const auto footer = parquet::ReadMetaData(MakeRandomAccessFile(std::move(input)));
    OCTO_TRY(CheckFooter(*footer, file));
    extents = ColumnExtents(*footer);
  } catch (const parquet::ParquetStatusException& error) {
    if (const Error* own = CarriedError(error.status())) return tl::unexpected<Error>(*own);
    return Damaged(file.file_path, error.what());
  } catch (const std::exception& error) {
    return Damaged(file.file_path, error.what());
  }
  for (const Extent& extent : extents) {
    if (extent.begin >= 0 && extent.begin <= extent.end && extent.end <= size) continue;
    return Damaged(file.file_path, "its footer places a column at bytes " +
                                       std::to_string(extent.begin) + " to " +
                                       std::to_string(extent.end) + " of " + std::to_string(size));
  }
  return extents;
}

}  // namespace

Status CheckFileSize(io::FileSystem& fs, const iceberg::DataFile& file) {
  auto info = fs.Stat(file.file_path);
  if (!info) return tl::unexpected<Error>(AsMissing(std::move(info).error(), file.file_path));
  return CheckSize(file, info->size);
}

Result<std::unique_ptr<io::InputFile>> OpenChecked(io::FileSystem& fs,
                                                   const iceberg::DataFile& file) {
  auto input = fs.Open(file.file_path);
  if (!input) return tl::unexpected<Error>(AsMissing(std::move(input).error(), file.file_path));
  OCTO_TRY(CheckSize(file, (*input)->size()));
  return input;
}

Status CheckFooter(const parquet::FileMetaData& footer, const iceberg::DataFile& file) {
  if (footer.num_rows() != file.record_count) {
    return Damaged(file.file_path, "it has " + std::to_string(footer.num_rows()) +
                                       " rows, the manifest says " +
                                       std::to_string(file.record_count));
  }
  // What is read is what the row groups say.
  int64_t rows = 0;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const int64_t group_rows = footer.RowGroup(group)->num_rows();
    if (group_rows < 0 || __builtin_add_overflow(rows, group_rows, &rows)) {
      return Damaged(file.file_path, "its row group " + std::to_string(group) + " has " +
                                         std::to_string(group_rows) + " rows of " +
                                         std::to_string(footer.num_rows()));
    }
  }
  if (rows != footer.num_rows()) {
    return Damaged(file.file_path, "its row groups have " + std::to_string(rows) +
                                       " rows, its footer says " +
                                       std::to_string(footer.num_rows()));
  }
  std::set<int32_t> ids;
  for (int column = 0; column < footer.schema()->num_columns(); ++column) {
    ids.insert(footer.schema()->Column(column)->schema_node()->field_id());
  }
  for (const auto& [id, size] : file.column_sizes) {
    if (ids.contains(id)) continue;
    return Damaged(file.file_path, "it has no column with field id " + std::to_string(id) +
                                       ", of which the manifest says that it takes " +
                                       std::to_string(size) + " bytes");
  }
  return {};
}

Result<PageCounts> CheckPages(io::FileSystem& fs, const iceberg::DataFile& file) {
  OCTO_ASSIGN(const std::vector<Extent> extents, ReadExtents(fs, file));
  OCTO_ASSIGN(auto input, OpenChecked(fs, file));
  PageWalk walk(*input);
  PageCounts counts;
  for (const Extent& extent : extents) {
    int64_t offset = extent.begin;
    while (offset < extent.end) {
      OCTO_ASSIGN(offset, walk.Check(offset, extent.end, counts));
    }
  }
  return counts;
}

}  // namespace octolake::datafile
