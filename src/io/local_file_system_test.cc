#include "io/local_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/temp_directory_for_test.h"
#include "io/errno_error.h"

namespace octolake::io {
namespace {

using ::testing::HasSubstr;

class LocalFileSystemTest : public ::testing::Test {
 protected:
  const TempDirectory temp_;
  const std::string root_ = temp_.path();
  std::unique_ptr<FileSystem> fs_ = MakeLocalFileSystem();
};

TEST_F(LocalFileSystemTest, WritesAndReadsBackThroughNewDirectories) {
  const std::string location = FileLocation(root_ + "/a/b c/d%20e/file.bin");
  ASSERT_TRUE(WriteAll(*fs_, location, "hello"));
  EXPECT_EQ(ReadAll(*fs_, location, 5).value(), "hello");
  EXPECT_EQ(ReadAll(*fs_, root_ + "/a/b c/d%20e/file.bin", 100).value(), "hello");
  const FileInfo info = fs_->Stat(location).value();
  EXPECT_EQ(info.location, location);
  EXPECT_EQ(info.size, 5);
  EXPECT_GT(info.modified_micros, 1'600'000'000'000'000);
}

TEST_F(LocalFileSystemTest, AnUnclosedFileIsRemoved) {
  const std::string location = root_ + "/file";
  {
    auto file = fs_->CreateNew(location).value();
    ASSERT_TRUE(file->Append("x"));
    EXPECT_TRUE(std::filesystem::exists(location));
  }
  EXPECT_FALSE(std::filesystem::exists(location));
}

TEST_F(LocalFileSystemTest, ReadAllHasALimit) {
  const std::string location = root_ + "/file";
  ASSERT_TRUE(WriteAll(*fs_, location, "0123456789"));
  const auto bytes = ReadAll(*fs_, location, 9);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_THAT(bytes.error().message, HasSubstr("has 10 bytes, more than the limit of 9"));
}

TEST_F(LocalFileSystemTest, WhatIsAbsentIsNamed) {
  const std::string absent = root_ + "/absent";
  EXPECT_THAT(fs_->Open(absent).error().message, HasSubstr("cannot open " + absent));
}

TEST_F(LocalFileSystemTest, DirectoriesAreNoFiles) {
  EXPECT_EQ(fs_->Open(root_).error().kind, ErrorKind::kIo);
  EXPECT_EQ(fs_->Stat(root_).error().kind, ErrorKind::kIo);
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/file", ""));
  const auto below = fs_->CreateNew(root_ + "/file/below");
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().kind, ErrorKind::kIo);
  EXPECT_THAT(below.error().message, HasSubstr("a part of the path is a file"));
}

TEST_F(LocalFileSystemTest, ListsFilesAtAnyDepthInOrder) {
  for (const char* name : {"b", "a/2", "a/1/x", "a.b"}) {
    ASSERT_TRUE(WriteAll(*fs_, root_ + "/" + name, name));
  }
  ASSERT_EQ(::symlink("/nonexistent/target", (root_ + "/broken").c_str()), 0);
  ASSERT_EQ(::mkdir((root_ + "/empty").c_str(), 0777), 0);
  std::vector<std::string> locations;
  const std::vector<FileInfo> files = fs_->List(FileLocation(root_)).value();
  for (const FileInfo& info : files) {
    locations.push_back(info.location);
  }
  const std::string prefix = "file://" + root_ + "/";
  EXPECT_EQ(locations, (std::vector<std::string>{prefix + "a.b", prefix + "a/1/x", prefix + "a/2",
                                                 prefix + "b"}));
  const auto plain = fs_->List(root_ + "/a/").value();
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(plain[0].location, root_ + "/a/1/x");
  EXPECT_EQ(plain[0].size, 5);
}

TEST_F(LocalFileSystemTest, DirectoriesThatComeAndGoHideNoFile) {
  for (const char* name : {"a/1", "m", "z"}) ASSERT_TRUE(WriteAll(*fs_, root_ + "/" + name, "x"));
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) {
      for (const char* name : {"/b", "/c", "/d"}) ::mkdir((root_ + name).c_str(), 0777);
      for (const char* name : {"/b", "/c", "/d"}) ::rmdir((root_ + name).c_str());
    }
  });
  size_t fewest = 3;
  for (int i = 0; i < 3'000; ++i) fewest = std::min(fewest, fs_->List(root_).value().size());
  done = true;
  other.join();
  EXPECT_EQ(fewest, 3u);
}

TEST_F(LocalFileSystemTest, CreatesDirectoriesAndAcceptsThoseThatAreThere) {
  ASSERT_TRUE(CreateLocalDirectory(root_ + "/x/y"));
  ASSERT_TRUE(CreateLocalDirectory(root_ + "/x/y"));
  EXPECT_TRUE(std::filesystem::is_directory(root_ + "/x/y"));
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/x/file", ""));
  EXPECT_EQ(CreateLocalDirectory(root_ + "/x/file").error().kind, ErrorKind::kIo);
  EXPECT_EQ(CreateLocalDirectory("relative").error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(LocalFileSystemTest, AFailedWriteIsFinal) {
  // The limit on file sizes stands in for a full disk.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1'000'000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string location = root_ + "/full";
  {
    auto file = fs_->CreateNew(location).value();
    Status failed;
    for (int i = 0; i < 10 && failed; ++i) failed = file->Append(std::string(400'000, 'x'));
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::kResourceExhausted);
    EXPECT_THAT(failed.error().message, HasSubstr("cannot write " + location));
    // There is room again, but the file has a hole: it must not come back to life.
    EXPECT_EQ(file->Append("y").error().message, failed.error().message);
    EXPECT_EQ(file->Close().error().message, failed.error().message);
  }
  EXPECT_FALSE(std::filesystem::exists(location));
}

TEST_F(LocalFileSystemTest, ManyThreadsCreateInTheSameNewDirectory) {
  std::atomic<int> created{0};
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::string directory = root_ + "/x/y/z/";
      if (WriteAll(*fs_, directory + std::to_string(t), "own")) ++created;
      const Status shared = WriteAll(*fs_, directory + "shared", "one");
      if (!shared && shared.error().kind == ErrorKind::kAlreadyExists) ++taken;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(created, 8);
  EXPECT_EQ(taken, 7);
  EXPECT_EQ(fs_->List(root_).value().size(), 9u);
}

TEST(LocalPathTest, NamesTheSameFileInEveryForm) {
  EXPECT_EQ(LocalPath("/a/b").value(), "/a/b");
  EXPECT_EQ(LocalPath("file:///a/b").value(), "/a/b");
  EXPECT_EQ(LocalPath("file:/a/b").value(), "/a/b");
  EXPECT_EQ(LocalPath("file://localhost/a/b").value(), "/a/b");
  EXPECT_EQ(LocalPath("file:///a%20b/").value(), "/a%20b");
  EXPECT_EQ(LocalPath("/").value(), "/");
  EXPECT_EQ(FileLocation("/a/b"), "file:///a/b");
}

TEST(LocalPathTest, RefusesWhatIsNotLocal) {
  EXPECT_EQ(LocalPath("s3://bucket/a").error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(LocalPath("file://host/a").error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(LocalPath("a/b").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(LocalPath("").error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(LocalPath(std::string("/a\0b", 4)).error().kind, ErrorKind::kInvalidArgument);
}

TEST(ErrnoErrorTest, KindsAndAdvice) {
  const auto kind = [](int error) { return ErrnoError(error, "write", "/x").value().kind; };
  EXPECT_EQ(kind(ENOSPC), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(EDQUOT), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(EMFILE), ErrorKind::kResourceExhausted);
  EXPECT_EQ(kind(ENOENT), ErrorKind::kNotFound);
  EXPECT_EQ(kind(EACCES), ErrorKind::kIo);
  EXPECT_EQ(kind(EROFS), ErrorKind::kIo);
  EXPECT_EQ(kind(EIO), ErrorKind::kIo);
  EXPECT_EQ(ErrnoError(EROFS, "create", "/x/y").value().message,
            "cannot create /x/y: Read-only file system (the file system is mounted read-only; "
            "choose another directory)");
}

}  // namespace
}  // namespace octolake::io
