// What is S3's own: buckets, credentials, servers that go away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>
#include <thread>

#include "base/random.h"
#include "base/uuid.h"
#include "io/descriptor.h"
#include "io/local_file_system.h"
#include "io/s3_server_for_test.h"
#include "io/store_file_system.h"

namespace octolake::io {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Answers every request in the same way, as a real server would only with its clock set wrong.
class FixedAnswers {
 public:
  explicit FixedAnswers(std::string answer) : answer_(std::move(answer)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), any, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FixedAnswers() {
    ::shutdown(listener_.get(), SHUT_RDWR);  // ends accept
    thread_.join();
  }
  FixedAnswers(const FixedAnswers&) = delete;
  FixedAnswers& operator=(const FixedAnswers&) = delete;

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  // A request a connection, none of them with a body.
  void Serve() {
    while (true) {
      const Descriptor connection(::accept(listener_.get(), nullptr, nullptr));
      if (connection.get() < 0) return;
      std::string request;
      char bytes[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(connection.get(), bytes, sizeof bytes, 0);
        if (got <= 0) break;
        request.append(bytes, static_cast<size_t>(got));
      }
      const ssize_t sent = ::send(connection.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
      EXPECT_EQ(sent, std::ssize(answer_));
    }
  }

  const std::string answer_;
  const Descriptor listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port_ = 0;
  std::thread thread_;
};

class S3FileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (S3Server::Shared() == nullptr) GTEST_SKIP() << kNoMinio;
    fs_ = Make(settings_ = S3Server::Shared()->Settings());
    root_ = "s3://lake/" + Uuid::RandomV4(SystemRandom()).ToString();
  }
  static std::unique_ptr<FileSystem> Make(const S3Settings& settings) {
    auto made = MakeS3FileSystem(settings);
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }
  // Files in which the server keeps the parts of unfinished uploads.
  static size_t UnfinishedUploads() {
    const std::string directory = S3Server::Shared()->data() + "/.minio.sys/multipart";
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      files += entry.is_regular_file() ? 1 : 0;
    }
    return files;
  }

  S3Settings settings_;
  std::unique_ptr<FileSystem> fs_;
  std::string root_;
};

TEST_F(S3FileSystemTest, SparksSchemeNamesTheSameObject) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/a", "x"));
  const std::string same = "s3a://" + root_.substr(5);
  EXPECT_EQ(ReadAll(*fs_, same + "/a", 10).value(), "x");
  const auto listed = fs_->List(same).value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].location, same + "/a");
  EXPECT_EQ(CanonicalS3Location(listed[0].location), root_ + "/a");
}

TEST_F(S3FileSystemTest, AnUploadThatIsGivenUpLeavesNoParts) {
  const size_t before = UnfinishedUploads();
  {
    auto file = fs_->CreateNew(root_ + "/large").value();
    ASSERT_TRUE(file->Append(std::string(size_t{25} << 20, 'x')));
    EXPECT_GT(UnfinishedUploads(), before) << "parts go up as they are full";
  }
  EXPECT_EQ(UnfinishedUploads(), before);
}

TEST_F(S3FileSystemTest, WhatIsNoLocationOfAnObjectIsRefused) {
  for (const char* location : {"s3:///key", "s3://lake//key", "s3://"}) {
    EXPECT_EQ(fs_->Stat(location).error().kind, ErrorKind::kInvalidArgument) << location;
  }
  EXPECT_EQ(fs_->Stat("/local").error().kind, ErrorKind::kUnsupported);
}

TEST_F(S3FileSystemTest, SaysWhatIsWrongWithBucketsAndCredentials) {
  EXPECT_TRUE(CheckS3Bucket(settings_, "s3://lake/any/prefix"));
  const Status absent = CheckS3Bucket(settings_, "s3://nowhere/x");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(absent.error().message, HasSubstr("nowhere"));
  EXPECT_EQ(WriteAll(*fs_, "s3://nowhere/x", "x").error().kind, ErrorKind::kIo);

  S3Settings wrong = settings_;
  wrong.secret_access_key = "not-the-secret";
  const Status refused = WriteAll(*Make(wrong), root_ + "/x", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kIo) << refused.error().message;
  EXPECT_THAT(refused.error().message, HasSubstr("s3.secret_access_key"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("not-the-secret")));

  wrong.secret_access_key = "";
  EXPECT_EQ(MakeS3FileSystem(wrong).error().kind, ErrorKind::kInvalidArgument);
  for (const char* endpoint :
       {"127.0.0.1:9000", "ftp://x", "http://", "http://user@x", "http://x/y"}) {
    wrong = settings_;
    wrong.endpoint = endpoint;
    const auto made = MakeS3FileSystem(wrong);
    ASSERT_FALSE(made) << endpoint;
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(made.error().message, HasSubstr("s3.endpoint"));
  }
}

TEST_F(S3FileSystemTest, AServerThatIsAwayIsTransientInTheEnd) {
  settings_.endpoint = "http://127.0.0.1:1";
  settings_.retry_for_ms = 300;
  const auto away = Make(settings_)->Stat(root_ + "/x");
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().kind, ErrorKind::kTransient) << away.error().message;
}

TEST_F(S3FileSystemTest, AServerThatComesBackIsWaitedFor) {
  ASSERT_TRUE(WriteAll(*fs_, root_ + "/before", "before"));
  auto small = fs_->CreateNew(root_ + "/small").value();
  ASSERT_TRUE(small->Append("small"));
  auto large = fs_->CreateNew(root_ + "/large").value();
  const std::string bytes(size_t{15} << 20, 'x');
  ASSERT_TRUE(large->Append(bytes));
  S3Server::Shared()->Stop();
  std::thread starting([] { S3Server::Shared()->Restart(); });
  EXPECT_TRUE(large->Append(bytes));
  EXPECT_TRUE(large->Close());
  EXPECT_TRUE(small->Close());
  EXPECT_EQ(ReadAll(*fs_, root_ + "/before", 100).value(), "before");
  starting.join();
  EXPECT_EQ(ReadAll(*fs_, root_ + "/small", 100).value(), "small");
  EXPECT_TRUE(ReadAll(*fs_, root_ + "/large", 1 << 30).value() == bytes + bytes);
}

TEST_F(S3FileSystemTest, AnUploadThatFailedIsTakenBackUnlessItsCloseDid) {
  settings_.retry_for_ms = 300;
  const auto fs = Make(settings_);
  const size_t before = UnfinishedUploads();
  const std::string bytes(size_t{15} << 20, 'x');
  auto appended = fs->CreateNew(root_ + "/appended").value();
  ASSERT_TRUE(appended->Append(bytes));
  auto closed = fs->CreateNew(root_ + "/closed").value();
  ASSERT_TRUE(closed->Append(bytes));
  const size_t with_both = UnfinishedUploads();
  S3Server::Shared()->Stop();
  const Status not_appended = appended->Append(bytes);
  const Status not_closed = closed->Close();
  ASSERT_TRUE(S3Server::Shared()->Restart());
  ASSERT_FALSE(not_appended);
  EXPECT_EQ(not_appended.error().kind, ErrorKind::kTransient) << not_appended.error().message;
  ASSERT_FALSE(not_closed);
  EXPECT_EQ(not_closed.error().kind, ErrorKind::kTransient) << not_closed.error().message;
  appended.reset();
  const size_t with_one = UnfinishedUploads();
  EXPECT_LT(with_one, with_both);
  closed.reset();
  EXPECT_EQ(UnfinishedUploads(), with_one) << "these wait for the bucket's lifecycle rule";
  EXPECT_GT(with_one, before);
  EXPECT_TRUE(fs->List(root_).value().empty());
}

TEST_F(S3FileSystemTest, AClockThatIsWrongIsNamed) {
  const std::string body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>RequestTimeTooSkewed</Code>"
      "<Message>The difference between the request time and the server's time is too "
      "large.</Message></Error>";
  // No Date, by which the SDK would set things right.
  FixedAnswers server(
      "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nConnection: close\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  settings_.endpoint = server.endpoint();
  settings_.retry_for_ms = 300;
  const auto listed = Make(settings_)->List(root_);
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kTransient) << listed.error().message;
  EXPECT_THAT(listed.error().message, HasSubstr("clock"));
}

TEST_F(S3FileSystemTest, SettingsAreResolvedToThoseInUse) {
  const S3Settings resolved = ResolveS3Settings(settings_).value();
  EXPECT_EQ(resolved.access_key_id, "octolake");
  EXPECT_EQ(resolved.secret_access_key, "octolake-secret");
  EXPECT_EQ(resolved.region, "us-east-1");
}

TEST(StoreFileSystemTest, MovesBetweenStoresAreCopies) {
  if (S3Server::Shared() == nullptr) GTEST_SKIP() << kNoMinio;
  const TempDirectory temp;
  const auto fs = MakeStoreFileSystem(MakeLocalFileSystem(),
                                      MakeS3FileSystem(S3Server::Shared()->Settings()).value());
  const std::string there = "s3://lake/" + Uuid::RandomV4(SystemRandom()).ToString() + "/x";
  ASSERT_TRUE(WriteAll(*fs, temp.path() + "/x", "moved"));
  ASSERT_TRUE(fs->Move(temp.path() + "/x", there));
  EXPECT_EQ(ReadAll(*fs, there, 100).value(), "moved");
  EXPECT_EQ(fs->Stat(temp.path() + "/x").error().kind, ErrorKind::kNotFound);
}

TEST(StoreFileSystemTest, SaysWhatToConfigureForS3) {
  const auto fs = MakeStoreFileSystem(MakeLocalFileSystem(), nullptr);
  const auto stat = fs->Stat("s3a://lake/x");
  ASSERT_FALSE(stat);
  EXPECT_EQ(stat.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(stat.error().message, HasSubstr("s3.endpoint"));
}

}  // namespace
}  // namespace octolake::io
