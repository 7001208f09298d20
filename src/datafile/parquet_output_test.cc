#include "datafile/parquet_output.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/memory.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>

#include <random>

#include "base/worker_pool.h"
#include "datafile/data_file_writer.h"
#include "datafile/table_for_test.h"

namespace octolake::datafile {
namespace {

constexpr int kColumns = 12;
constexpr int64_t kRows = 3'000;

// Fails at a byte, and counts what is written behind that.
class FailingSink final : public arrow::io::OutputStream {
 public:
  explicit FailingSink(int64_t fails_at) : fails_at_(fails_at) {}
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Write(const void* /*data*/, int64_t size) override {
    if (failed_) ++writes_after_;
    position_ += size;
    if (position_ < fails_at_) return arrow::Status::OK();
    failed_ = true;
    return arrow::Status::IOError("the disk is full");
  }
  using arrow::io::OutputStream::Write;
  bool failed() const { return failed_; }
  int64_t writes_after() const { return writes_after_; }

 private:
  const int64_t fails_at_;
  int64_t position_ = 0;
  bool failed_ = false;
  int64_t writes_after_ = 0;
};

class ParquetOutputTest : public ::testing::Test {
 protected:
  ParquetOutputTest() : table_(Fields()), layout_(MakeFileLayout(table_.metadata(), 1).value()) {
    std::mt19937_64 random(5);
    for (int column = 0; column < kColumns; ++column) {
      arrow::StringBuilder texts;
      const uint64_t different = column % 3 == 0 ? 10 : 1'000'000;
      for (int64_t row = 0; row < kRows; ++row) {
        const auto number = std::to_string(random() % different);
        EXPECT_TRUE((row % 11 == 0 ? texts.AppendNull() : texts.Append(number)).ok());
      }
      columns_.push_back(texts.Finish().ValueOrDie());
      levels_.assign(kRows, 1);
      for (int64_t row = 0; row < kRows; row += 11) levels_[static_cast<size_t>(row)] = 0;
    }
  }

  static std::vector<iceberg::Field> Fields() {
    std::vector<iceberg::Field> fields;
    for (int id = 1; id <= kColumns; ++id) {
      fields.push_back({id, "c" + std::to_string(id), iceberg::StringType(), false, ""});
    }
    return fields;
  }

  // Two row groups, of which every other column is long text.
  void Write(const std::shared_ptr<arrow::io::OutputStream>& sink, int threads) {
    WorkerPool workers(threads);
    parquet::WriterProperties::Builder properties;
    properties.compression(kCodec)->enable_page_checksum();
    for (int column = 0; column < kColumns; column += 2) {
      properties.disable_dictionary("c" + std::to_string(column + 1));
      properties.disable_statistics("c" + std::to_string(column + 1));
    }
    ParquetOutput output(sink, *layout_.descriptor, properties.build());
    for (int group = 0; group < 2; ++group) {
      output.BeginRowGroup(std::vector<bool>(kColumns, false));
      for (int column = 0; column < kColumns; ++column) {
        output.Write(column, levels_, *columns_[static_cast<size_t>(column)]);
      }
      output.EndRowGroup(kRows, threads > 0 ? &workers : nullptr);
    }
    output.Close();
  }

  std::string BytesWrittenBy(int threads) {
    auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
    Write(sink, threads);
    return sink->Finish().ValueOrDie()->ToString();
  }

  TestTable table_;
  FileLayout layout_;
  arrow::ArrayVector columns_;
  std::vector<int16_t> levels_;
};

TEST_F(ParquetOutputTest, TheFileIsTheSameWhateverThreadsEndItsColumns) {
  const std::string expected = BytesWrittenBy(0);
  for (int threads = 1; threads <= 5; ++threads) {
    EXPECT_TRUE(BytesWrittenBy(threads) == expected) << threads << " threads";
  }
}

TEST_F(ParquetOutputTest, NothingIsWrittenBehindWhatFailed) {
  const auto size = static_cast<int64_t>(BytesWrittenBy(0).size());
  for (int threads = 0; threads <= 4; ++threads) {
    for (int64_t at = 1; at < size; at += size / 23) {
      const auto sink = std::make_shared<FailingSink>(at);
      try {
        Write(sink, threads);
        ADD_FAILURE() << "no error at byte " << at;
      } catch (const parquet::ParquetException& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("the disk is full"));
      }
      EXPECT_TRUE(sink->failed());
      EXPECT_EQ(sink->writes_after(), 0);
    }
  }
}

}  // namespace
}  // namespace octolake::datafile
