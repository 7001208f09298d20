// Against servers in memory; tests/test_archive_hours.py has a real one.
#include "source/download_ahead.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>

#include "base/temp_directory_for_test.h"
#include "source/download_directory.h"
#include "source/fake_http_for_test.h"

namespace octolake::source {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMicrosPerSecond = 1'000'000;

// What the clients of a test share. Thread-safe.
class Servers {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, const BodySink& sink) {
    std::unique_lock lock(mutex_);
    ++asked_[request.url];
    changed_.notify_all();
    const auto found = pages_.find(request.url);
    if (found == pages_.end()) {
      return MakeError(ErrorKind::kTransient, request.url + ": no connection");
    }
    const HttpResponse response = found->second;
    lock.unlock();
    if (sink && response.status == 200) OCTO_TRY(sink(response, response.body));
    return response;
  }
  void Set(const std::string& url, HttpResponse response) {
    const std::lock_guard lock(mutex_);
    pages_[url] = std::move(response);
  }
  int Asked(const std::string& url) {
    const std::lock_guard lock(mutex_);
    return asked_[url];
  }
  void WaitUntilAsked(size_t urls) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_.size() >= urls; });
  }
  size_t AskedUrls() {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, HttpResponse> pages_;
  std::map<std::string, int> asked_;
};

class Client final : public HttpClient {
 public:
  explicit Client(Servers& servers) : servers_(servers) {}
  Result<HttpResponse> Send(const HttpRequest& request, const BodySink& sink) override {
    return servers_.Send(request, sink);
  }
  void Cancel() override {}

 private:
  Servers& servers_;
};

class DownloadAheadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.at_once = 1;
    options_.download.first_retry_micros = 0;
    options_.make_client = [this]() -> Result<std::unique_ptr<HttpClient>> {
      return std::make_unique<Client>(servers_);
    };
  }

  static std::string Url(int number) { return "https://a.example/" + std::to_string(number); }
  std::vector<std::string> Urls(int count) {
    std::vector<std::string> urls;
    for (int i = 0; i < count; ++i) urls.push_back(Url(i));
    return urls;
  }
  static HttpResponse Page(const std::string& body) {
    return Answer(200, body, {{"Content-Length", std::to_string(body.size())}});
  }
  std::vector<std::string> Kept() const {
    std::vector<std::string> names;
    if (!fs::exists(directory_)) return names;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::string ContentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Put(const std::string& name, bool old) const {
    fs::create_directories(directory_);
    std::ofstream(directory_ + "/" + name) << "x";
    const auto age = std::chrono::hours(old ? 24 * 8 : 24 * 6);
    fs::last_write_time(directory_ + "/" + name, fs::file_time_type::clock::now() - age);
  }

  const TempDirectory temp_;
  const std::string directory_ = temp_.path() + "/downloads";
  Servers servers_;
  DownloadAheadOptions options_;
  IgnoreProgress progress_;
};

TEST_F(DownloadAheadTest, GivesCopiesUntilTheyAreReleased) {
  servers_.Set(Url(0), Page("zero"));
  servers_.Set(Url(1), Answer(404));
  servers_.Set(Url(2), Answer(403));
  const auto remote = MakeDownloadAhead(directory_, options_);
  ASSERT_TRUE(remote->Begin(Urls(3)));
  const auto path = remote->Fetch(Url(0), progress_);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_TRUE(remote->IsReady(Url(0)));
  EXPECT_EQ(ContentOf(*path), "zero");
  EXPECT_EQ(remote->Fetch(Url(1), progress_).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(remote->Fetch(Url(2), progress_).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(Kept(), SizeIs(2));  // and its validator
  remote->Release(Url(0));
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(DownloadAheadTest, SoManyFilesAreAhead) {
  options_.min_ahead = 2;
  options_.bytes_ahead = 0;
  for (const std::string& url : Urls(6)) servers_.Set(url, Page("x"));
  const auto remote = MakeDownloadAhead(directory_, options_);
  ASSERT_TRUE(remote->Begin(Urls(6)));
  servers_.WaitUntilAsked(2);
  EXPECT_FALSE(remote->IsReady(Url(2)));
  ASSERT_TRUE(remote->Fetch(Url(0), progress_));
  ASSERT_TRUE(remote->Fetch(Url(1), progress_));
  servers_.WaitUntilAsked(4);
  ASSERT_TRUE(remote->Fetch(Url(3), progress_));
  // Two behind the one that was asked for, of six.
  servers_.WaitUntilAsked(6);
}

TEST_F(DownloadAheadTest, MoreAreAheadWhileTheyAreSmall) {
  options_.min_ahead = 1;
  options_.max_ahead = 5;
  options_.bytes_ahead = 7;
  for (const std::string& url : Urls(9)) servers_.Set(url, Page("xyz"));
  {
    const auto remote = MakeDownloadAhead(directory_, options_);
    ASSERT_TRUE(remote->Begin(Urls(9)));
    servers_.WaitUntilAsked(3);  // 3 + 3 + 3 bytes are not fewer than 7
  }
  EXPECT_EQ(servers_.AskedUrls(), 3u);
  options_.bytes_ahead = 1000;
  {
    const auto remote = MakeDownloadAhead(directory_, options_);
    ASSERT_TRUE(remote->Begin(Urls(9)));
    servers_.WaitUntilAsked(5);
  }
  EXPECT_EQ(servers_.AskedUrls(), 5u);
}

TEST_F(DownloadAheadTest, AServerThatIsDownIsNotTriedForEver) {
  const std::string other = "https://b.example/x";
  servers_.Set(other, Page("there"));
  auto urls = Urls(14);
  urls.push_back(other);
  const auto remote = MakeDownloadAhead(directory_, options_);
  ASSERT_TRUE(remote->Begin(urls));
  for (int i = 0; i < 14; ++i) {
    const auto path = remote->Fetch(Url(i), progress_);
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().kind, ErrorKind::kTransient);
    EXPECT_THAT(path.error().message, HasSubstr(i < 10 ? "no connection" : "not asked for"));
    EXPECT_EQ(servers_.Asked(Url(i)), i == 0 ? options_.download.max_tries : i < 10 ? 1 : 0);
  }
  EXPECT_TRUE(remote->Fetch(other, progress_));
  remote->Release(other);
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(DownloadAheadTest, AnAnswerMakesUpForFilesThatWereGivenUp) {
  servers_.Set(Url(1), Answer(404));
  const auto remote = MakeDownloadAhead(directory_, options_);
  ASSERT_TRUE(remote->Begin(Urls(3)));
  for (const std::string& url : Urls(3)) EXPECT_FALSE(remote->Fetch(url, progress_));
  EXPECT_EQ(servers_.Asked(Url(2)), options_.download.max_tries);
}

TEST_F(DownloadAheadTest, UnchangedIsWhatHasItsSizeAndAnEarlierDate) {
  const auto remote = MakeDownloadAhead(directory_, options_);
  const auto head = [](const std::string& size, const std::string& modified) {
    return Answer(200, "", {{"Content-Length", size}, {"Last-Modified", modified}});
  };
  const int64_t modified = 784'111'777;
  const int64_t loaded_at = (modified + 3600) * kMicrosPerSecond;
  servers_.Set(Url(0), head("5", "Sun, 06 Nov 1994 08:49:37 GMT"));
  EXPECT_TRUE(remote->IsUnchanged(Url(0), 5, loaded_at));
  EXPECT_FALSE(remote->IsUnchanged(Url(0), 6, loaded_at));
  EXPECT_FALSE(remote->IsUnchanged(Url(0), 5, loaded_at - kMicrosPerSecond));
  servers_.Set(Url(0), head("5", ""));
  EXPECT_FALSE(remote->IsUnchanged(Url(0), 5, loaded_at));
  servers_.Set(Url(0), Answer(503, "", {{"Content-Length", "5"}}));
  EXPECT_FALSE(remote->IsUnchanged(Url(0), 5, loaded_at));
  // One that does not answer is not asked for the next.
  EXPECT_FALSE(remote->IsUnchanged(Url(1), 5, loaded_at));
  EXPECT_FALSE(remote->IsUnchanged(Url(2), 5, loaded_at));
  EXPECT_EQ(servers_.Asked(Url(1)), 1);
  EXPECT_EQ(servers_.Asked(Url(2)), 0);
}

TEST_F(DownloadAheadTest, WhatWasAbandonedIsRemoved) {
  Put("0123-old.json.gz", true);
  Put("0123-old.json.gz.validator", true);
  Put("0123-alone.json.gz.validator", true);
  Put("0123-new.json.gz", false);
  Put("0123-new.json.gz.validator", false);
  Put("0123-new.json.gz~own-1", false);
  MakeDownloadAhead(directory_, options_);
  EXPECT_THAT(Kept(), ElementsAre("0123-new.json.gz", "0123-new.json.gz.validator"));
}

TEST_F(DownloadAheadTest, AFileThatAnotherHoldsIsNotTouched) {
  auto first = HoldDownload(directory_, Url(0));
  ASSERT_TRUE(first) << first.error().message;
  auto second = HoldDownload(directory_, Url(0));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_THAT(second->path(), testing::StartsWith(first->path() + "~own-"));
  for (const std::string& name : Kept()) {
    fs::last_write_time(directory_ + "/" + name,
                        fs::file_time_type::clock::now() - std::chrono::hours(24 * 8));
  }
  RemoveAbandonedDownloads(directory_);
  EXPECT_THAT(Kept(), SizeIs(2));
  RemoveDownload(*second);
  EXPECT_THAT(Kept(), ElementsAre(EndsWith("-0")));
  // Another query is another file.
  EXPECT_NE(HoldDownload(directory_, Url(0) + "?a")->path(), first->path());
}

}  // namespace
}  // namespace octolake::source
