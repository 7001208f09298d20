#include "datafile/file_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>

#include "datafile/page_header.h"
#include "datafile/table_for_test.h"

namespace octolake::datafile {
namespace {

using ::testing::HasSubstr;

class FileCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string numbers;
    std::string texts;
    for (int i = 0; i < 3'000; ++i) {
      numbers += (i == 0 ? "[" : ",") + std::to_string(i * 7919 % 100'003);
      texts += (i == 0 ? "[\"" : ",\"") + std::to_string(i % 11) + " times\"";
    }
    const auto files = table_.Write(
        {MakeBatch({{"n", arrow::int64(), numbers + "]"}, {"t", arrow::utf8(), texts + "]"}})},
        {.row_group_rows = 1'000});
    ASSERT_EQ(files.size(), 1U);
    file_ = files.front();
    path_ = *io::LocalPath(file_.file_path);
    std::ifstream in(path_, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    ASSERT_EQ(static_cast<int64_t>(bytes_.size()), file_.file_size_in_bytes);
  }

  void Replace(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Reads all rows as Silver reads Bronze.
  Status ReadRows() {
    OCTO_ASSIGN(auto reader, OpenDataFile(table_.fs(), file_, table_.schema()));
    while (true) {
      OCTO_ASSIGN(const auto batch, reader->Next());
      if (batch == nullptr) return {};
    }
  }
  void ExpectDamage(const Status& status, const std::string& what) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(status.error().message, HasSubstr(path_));
    EXPECT_THAT(status.error().message, HasSubstr(what));
  }
  Status Pages() {
    OCTO_ASSIGN([[maybe_unused]] const PageCounts counts, CheckPages(table_.fs(), file_));
    return {};
  }
  // The end of the last page: of what stands before the page index and the footer.
  size_t EndOfPages() {
    int64_t end = 4;
    for (const auto& [id, size] : file_.column_sizes) end += size;
    return static_cast<size_t>(end);
  }

  TestTable table_{
      {{1, "n", iceberg::LongType(), false, ""}, {2, "t", iceberg::StringType(), false, ""}}};
  iceberg::DataFile file_;
  std::string path_;
  std::string bytes_;
};

TEST_F(FileCheckTest, AGoodFileHasAChecksumOnEveryPage) {
  ASSERT_TRUE(CheckFileSize(table_.fs(), file_));
  const auto counts = CheckPages(table_.fs(), file_);
  ASSERT_TRUE(counts) << counts.error().message;
  // Three row groups of two columns, each with a dictionary or not.
  EXPECT_GE(counts->pages, 6);
  EXPECT_EQ(counts->without_checksum, 0);
  EXPECT_TRUE(ReadRows());
}

TEST_F(FileCheckTest, AMissingFileIsDamageToTheTable) {
  std::filesystem::remove(path_);
  ExpectDamage(CheckFileSize(table_.fs(), file_), "does not exist");
  ExpectDamage(Pages(), "does not exist");
  ExpectDamage(ReadRows(), "does not exist");
}

TEST_F(FileCheckTest, EveryCutIsTold) {
  for (size_t length = 0; length < bytes_.size(); length += 97) {
    Replace(bytes_.substr(0, length));
    const std::string what = "cut short, it has " + std::to_string(length) +
                             " bytes, the manifest says " + std::to_string(bytes_.size());
    ExpectDamage(CheckFileSize(table_.fs(), file_), what);
    ExpectDamage(ReadRows(), what);
  }
  Replace(bytes_ + "x");
  ExpectDamage(CheckFileSize(table_.fs(), file_), "the manifest says");
}

TEST_F(FileCheckTest, FlippedBitsInThePagesAreFound) {
  const size_t end = EndOfPages();
  ASSERT_GT(end, 1'000U);
  ASSERT_LT(end, bytes_.size());
  int found = 0;
  int tried = 0;
  for (size_t at = 4; at < end; at += 3) {
    std::string bad = bytes_;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    Replace(bad);
    ++tried;
    const Status pages = Pages();
    if (pages) continue;
    ++found;
    EXPECT_EQ(pages.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(pages.error().message, HasSubstr(path_));
  }
  // Page headers, too, have bytes; the bounds in some are needed by nobody.
  EXPECT_GT(found, tried * 9 / 10);
}

TEST_F(FileCheckTest, AFlippedBitInAPageNeverGivesOtherRows) {
  const auto good = table_.Read({file_}, table_.schema());
  const size_t end = EndOfPages();
  int noticed = 0;
  int tried = 0;
  int different = 0;
  for (size_t at = 4; at < end; at += 7) {
    std::string bad = bytes_;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    Replace(bad);
    ++tried;
    const Status read = ReadRows();
    if (!read) {
      ++noticed;
      EXPECT_EQ(read.error().kind, ErrorKind::kCorruption) << read.error().message;
      EXPECT_THAT(read.error().message, HasSubstr(path_));
      continue;
    }
    if (!table_.Read({file_}, table_.schema())->Equals(*good)) ++different;
  }
  // Page checksums do not cover the headers of the pages, a few dozen bytes each.
  EXPECT_LE(different, tried / 200);
  EXPECT_GT(noticed, tried * 9 / 10);
}

TEST_F(FileCheckTest, RowsAndColumnsAreThoseOfTheManifest) {
  ++file_.record_count;
  ExpectDamage(Pages(), "it has 3000 rows, the manifest says 3001");
  ExpectDamage(ReadRows(), "it has 3000 rows, the manifest says 3001");
  --file_.record_count;
  file_.column_sizes[9] = 12;
  ExpectDamage(Pages(), "it has no column with field id 9");
  ExpectDamage(ReadRows(), "it has no column with field id 9");
}

TEST_F(FileCheckTest, RowGroupsHaveTheRowsOfTheFooter) {
  // A row group's number of rows is the last of its fields that has the rows of a group: i64, 1000.
  const std::string rows("\x16\xD0\x0F", 3);
  const size_t at = bytes_.rfind(rows);
  ASSERT_NE(at, std::string::npos);
  ASSERT_GT(at, EndOfPages());
  const auto replace = [&](const std::string& other) {
    std::string bad = bytes_;
    Replace(bad.replace(at, other.size(), other));
  };
  replace(std::string("\x16\xCE\x0F", 3));  // 999
  ExpectDamage(Pages(), "its row groups have 2999 rows, its footer says 3000");
  ExpectDamage(ReadRows(), "its row groups have 2999 rows, its footer says 3000");
  replace(std::string("\x16\xCF\x0F", 3));  // -1000
  ExpectDamage(Pages(), "its row group 2 has -1000 rows of 3000");
  ExpectDamage(ReadRows(), "its row group 2 has -1000 rows of 3000");
}

TEST(PageHeader, IsReadWhereItIsWholeAndOnlyThere) {
  // type 0, uncompressed 10, compressed 20, crc -2, data_page_header {1: 5, 2: 0, 3: 3, 4: 3}.
  const std::string bytes(
      "\x15\x00\x15\x14\x15\x28\x15\x03\x1c\x15\x0a\x15\x00\x15\x06\x15\x06\x00\x00", 19);
  const auto header = ParsePageHeader(bytes + "page");
  ASSERT_TRUE(header && *header);
  EXPECT_EQ((*header)->header_bytes, 19);
  EXPECT_EQ((*header)->compressed_bytes, 20);
  EXPECT_EQ((*header)->crc, 0xFFFFFFFEU);
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = ParsePageHeader(bytes.substr(0, length));
    ASSERT_TRUE(cut) << length;
    EXPECT_FALSE(*cut) << length;
  }
}

TEST(PageHeader, AnyBytesGiveAnAnswer) {
  SeededRandom random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random.Next() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random.Next());
    const auto header = ParsePageHeader(bytes);
    if (!header || !*header) continue;
    EXPECT_LE((*header)->header_bytes, static_cast<int64_t>(bytes.size()));
    EXPECT_GE((*header)->compressed_bytes, 0);
  }
}

}  // namespace
}  // namespace octolake::datafile
