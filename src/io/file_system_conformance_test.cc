// What io/file_system.h promises, asked of every store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "base/temp_directory_for_test.h"
#include "base/uuid.h"
#include "io/local_file_system.h"
#include "io/s3_server_for_test.h"
#include "io/store_file_system.h"

namespace octolake::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Store { kLocal, kS3 };

class FileSystemTest : public ::testing::TestWithParam<Store> {
 protected:
  void SetUp() override {
    std::unique_ptr<FileSystem> s3;
    if (GetParam() == Store::kS3) {
      if (S3Server::Shared() == nullptr) GTEST_SKIP() << kNoMinio;
      s3 = MakeS3FileSystem(S3Server::Shared()->Settings()).value();
      root_ = "s3://lake/" + Uuid::RandomV4(SystemRandom()).ToString();
    } else {
      root_ = FileLocation(temp_.path());
    }
    fs_ = MakeStoreFileSystem(MakeLocalFileSystem(), std::move(s3));
  }
  std::vector<std::string> Names(const std::string& directory) {
    std::vector<std::string> names;
    const auto files = fs_->List(directory);
    EXPECT_TRUE(files) << files.error().message;
    for (const FileInfo& file : files.value()) names.push_back(file.location);
    return names;
  }

  const TempDirectory temp_;
  std::string root_;
  std::unique_ptr<FileSystem> fs_;
};

TEST_P(FileSystemTest, WritesAndReadsBack) {
  const std::string location = root_ + "/a/day=2024-01-01/größe b%20c+d.bin";
  ASSERT_TRUE(WriteAll(*fs_, location, "hello"));
  EXPECT_EQ(ReadAll(*fs_, location, 5).value(), "hello");
  const FileInfo info = fs_->Stat(location).value();
  EXPECT_EQ(info.location, location);
  EXPECT_EQ(info.size, 5);
  EXPECT_GT(info.modified_micros, 1'600'000'000'000'000);
  EXPECT_THAT(Names(root_), ElementsAre(location));
}

TEST_P(FileSystemTest, AnEmptyFileIsAFile) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/empty", ""));
  EXPECT_EQ(fs_->Stat(root_ + "/empty")->size, 0);
  EXPECT_EQ(ReadAll(*fs_, root_ + "/empty", 10).value(), "");
  EXPECT_EQ(WriteAll(*fs_, root_ + "/empty", "").error().kind, ErrorKind::kAlreadyExists);
}

TEST_P(FileSystemTest, LargeAndSmallAppendsKeepTheirOrder) {
  auto file = fs_->CreateNew(root_ + "/mixed").value();
  std::string expected;
  for (int i = 0; i < 60; ++i) {
    const std::string piece(i % 5 == 0 ? 2'000'000 : 1'000 * i + 1,
                            static_cast<char>('a' + i % 26));
    ASSERT_TRUE(file->Append(piece));
    expected += piece;
    ASSERT_EQ(file->size(), static_cast<int64_t>(expected.size()));
  }
  EXPECT_EQ(file->location(), root_ + "/mixed");
  ASSERT_TRUE(file->Close());
  EXPECT_TRUE(ReadAll(*fs_, root_ + "/mixed", 1 << 30).value() == expected);
}

TEST_P(FileSystemTest, NothingIsOverwritten) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/file", "first"));
  const Status second = WriteAll(*fs_, root_ + "/file", "second");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(ReadAll(*fs_, root_ + "/file", 100).value(), "first");
}

TEST_P(FileSystemTest, AnUnclosedFileIsGone) {
  for (const size_t size : {size_t{1}, size_t{25} << 20}) {
    {
      auto file = fs_->CreateNew(root_ + "/file").value();
      ASSERT_TRUE(file->Append(std::string(size, 'x')));
    }
    EXPECT_EQ(fs_->Stat(root_ + "/file").error().kind, ErrorKind::kNotFound);
  }
  EXPECT_TRUE(Names(root_).empty());
}

TEST_P(FileSystemTest, AClosedFileRefusesMore) {
  auto file = fs_->CreateNew(root_ + "/file").value();
  ASSERT_TRUE(file->Close());
  EXPECT_EQ(file->Append("x").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(file->Close().error().kind, ErrorKind::kInvalidArgument);
  file.reset();
  EXPECT_TRUE(fs_->Stat(root_ + "/file"));
}

TEST_P(FileSystemTest, ReadAtStopsAtTheEnd) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/file", "0123456789"));
  const auto file = fs_->Open(root_ + "/file").value();
  EXPECT_EQ(file->size(), 10);
  char buffer[20] = {};
  EXPECT_EQ(file->ReadAt(7, 20, buffer).value(), 3);
  EXPECT_EQ(std::string(buffer, 3), "789");
  EXPECT_EQ(file->ReadAt(10, 5, buffer).value(), 0);
  EXPECT_EQ(file->ReadAt(-1, 5, buffer).error().kind, ErrorKind::kInvalidArgument);
}

TEST_P(FileSystemTest, ManyThreadsReadOneFile) {
  ASSERT_TRUE(
      WriteAll(*fs_, root_ + "/file", std::string(100'000, 'x') + std::string(100'000, 'y')));
  const auto file = fs_->Open(root_ + "/file").value();
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      std::string bytes(200, '\0');
      const auto got = file->ReadAt(99'900, 200, bytes.data());
      if (got && bytes == std::string(100, 'x') + std::string(100, 'y')) ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 4);
}

TEST_P(FileSystemTest, WhatIsAbsentIsNotFound) {
  const std::string absent = root_ + "/absent";
  EXPECT_EQ(fs_->Open(absent).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(fs_->Stat(absent).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(fs_->Remove(absent).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(fs_->Move(absent, root_ + "/x").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(fs_->List(absent).value().empty());
  EXPECT_THAT(fs_->Stat(absent).error().message, HasSubstr("/absent"));
}

TEST_P(FileSystemTest, ADirectoryIsNoFile) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/directory/file", "x"));
  EXPECT_FALSE(fs_->Stat(root_ + "/directory"));
  EXPECT_FALSE(fs_->Open(root_ + "/directory"));
}

TEST_P(FileSystemTest, RemoveTakesTheNameAway) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/a/file", "x"));
  ASSERT_TRUE(fs_->Remove(root_ + "/a/file"));
  EXPECT_EQ(fs_->Stat(root_ + "/a/file").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(Names(root_).empty());
}

TEST_P(FileSystemTest, MoveGivesAnotherNameAndReplacesNothing) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/from", "moved"));
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/taken", "there"));
  EXPECT_EQ(fs_->Move(root_ + "/from", root_ + "/taken").error().kind, ErrorKind::kAlreadyExists);
  ASSERT_TRUE(fs_->Move(root_ + "/from", root_ + "/new/place"));
  EXPECT_EQ(ReadAll(*fs_, root_ + "/new/place", 100).value(), "moved");
  EXPECT_EQ(ReadAll(*fs_, root_ + "/taken", 100).value(), "there");
  EXPECT_EQ(fs_->Stat(root_ + "/from").error().kind, ErrorKind::kNotFound);
}

TEST_P(FileSystemTest, ListsFilesAtAnyDepthInOrder) {
  for (const char* name : {"b", "a/2", "a/1/x", "a.b"}) {
    ASSERT_TRUE(WriteAll(*fs_, root_ + "/" + name, name));
  }
  EXPECT_THAT(Names(root_),
              ElementsAre(root_ + "/a.b", root_ + "/a/1/x", root_ + "/a/2", root_ + "/b"));
  const auto inner = fs_->List(root_ + "/a/").value();
  ASSERT_EQ(inner.size(), 2U) << "a.b is not below a";
  EXPECT_EQ(inner[0].location, root_ + "/a/1/x");
  EXPECT_EQ(inner[0].size, 5);
  EXPECT_GT(inner[0].modified_micros, 1'600'000'000'000'000);
}

TEST_P(FileSystemTest, MoreFilesThanAPageOfAListing) {
  constexpr int kFiles = 1'100;
  std::vector<std::thread> threads;
  std::atomic<int> next = 0;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (int i = next++; i < kFiles; i = next++) {
        EXPECT_TRUE(WriteAll(*fs_, root_ + "/many/" + std::to_string(i), "x"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Names(root_ + "/many").size(), static_cast<size_t>(kFiles));
}

std::string StoreName(const ::testing::TestParamInfo<Store>& tested) {
  return tested.param == Store::kLocal ? "Local" : "S3";
}

INSTANTIATE_TEST_SUITE_P(On, FileSystemTest, ::testing::Values(Store::kLocal, Store::kS3),
                         StoreName);

}  // namespace
}  // namespace octolake::io
