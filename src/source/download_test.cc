// Against prepared answers; tests/test_archive_hours.py has a server.
#include "source/download.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/temp_directory_for_test.h"
#include "source/fake_http_for_test.h"

namespace octolake::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char kUrl[] = "https://files.example/x";

// Hands bodies to the sink, and may cut the connection then.
class FakeServer final : public HttpClient {
 public:
  struct Prepared {
    HttpResponse response;
    bool cut = false;
  };
  Result<HttpResponse> Send(const HttpRequest& request, const BodySink& sink) override {
    requests.push_back(request.headers);
    if (answers.empty()) return MakeError(ErrorKind::kTransient, "no connection");
    Prepared answer = std::move(answers.front());
    answers.pop_front();
    if (answer.response.status < 300 && !answer.response.body.empty()) {
      OCTO_TRY(sink(answer.response, answer.response.body));
    }
    if (answer.cut) return MakeError(ErrorKind::kTransient, "cut off");
    return answer.response;
  }
  void Cancel() override {}

  std::deque<Prepared> answers;
  std::vector<std::vector<std::string>> requests;  // their headers
};

class DownloadTest : public ::testing::Test {
 protected:
  Result<int64_t> Get() {
    return Download(server_, pause_, kUrl, path_, options_, [](int64_t, int64_t) {});
  }
  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static HttpResponse Whole(const std::string& body, const std::string& etag = "\"1\"") {
    return Answer(200, body, {{"Content-Length", "10"}, {"ETag", etag}});
  }
  static HttpResponse Rest(const std::string& body, const std::string& range) {
    return Answer(206, body, {{"Content-Range", range}, {"ETag", "\"1\""}});
  }

  const TempDirectory temp_;
  const std::string path_ = temp_.path() + "/x";
  FakeServer server_;
  FakePause pause_;
  DownloadOptions options_;
};

TEST_F(DownloadTest, GoesOnWhereItWasCutOff) {
  server_.answers = {
      {Whole("01234"), true}, {Rest("56", "bytes 5-9/10"), true}, {Rest("789", "bytes 7-9/10")}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "0123456789");
  EXPECT_THAT(server_.requests,
              ElementsAre(IsEmpty(), ElementsAre("Range: bytes=5-", "If-Range: \"1\""),
                          ElementsAre("Range: bytes=7-", "If-Range: \"1\"")));
}

TEST_F(DownloadTest, AnotherFileBeginsAnew) {
  server_.answers = {{Whole("01234"), true}, {Whole("abcdefghij", "\"2\"")}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "abcdefghij");
}

TEST_F(DownloadTest, AWrongRangeIsNotTaken) {
  server_.answers = {
      {Whole("01234"), true}, {Rest("9", "bytes 9-9/10")}, {Rest("56789", "bytes 5-9/10")}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(DownloadTest, WhatIsTooShortIsAskedForAgain) {
  server_.answers = {{Whole("0123456")}, {Rest("789", "bytes 7-9/10")}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(DownloadTest, WithoutAStrongValidatorNothingIsGoneOnWith) {
  server_.answers = {{Whole("01234", "W/\"1\""), true}, {Whole("0123456789", "W/\"1\"")}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "0123456789");
  EXPECT_THAT(server_.requests, ElementsAre(IsEmpty(), IsEmpty()));
}

TEST_F(DownloadTest, ADateSaysWhichFileItIsWhereNoETagDoes) {
  const std::pair<std::string, std::string> modified{"Last-Modified",
                                                     "Sun, 06 Nov 1994 08:49:37 GMT"};
  const HttpResponse half = Answer(200, "01234", {{"Content-Length", "10"}, modified});
  server_.answers = {{half, true}, {Answer(206, "56789", {{"Content-Range", "bytes 5-9/10"}})}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "0123456789");
  EXPECT_THAT(server_.requests[1],
              ElementsAre("Range: bytes=5-", "If-Range: Sun, 06 Nov 1994 08:49:37 GMT"));
}

TEST_F(DownloadTest, ADateThatIsNowOrStandsBesideAWeakETagSaysNothing) {
  const std::pair<std::string, std::string> modified{"Last-Modified",
                                                     "Sun, 06 Nov 1994 08:49:37 GMT"};
  for (const auto& other : {std::pair<std::string, std::string>("Date", modified.second),
                            std::pair<std::string, std::string>("ETag", "W/\"1\"")}) {
    const HttpResponse half = Answer(200, "01234", {{"Content-Length", "10"}, modified, other});
    server_.requests.clear();
    server_.answers = {{half, true}, {Whole("0123456789")}};
    EXPECT_EQ(*Get(), 10);
    EXPECT_THAT(server_.requests, ElementsAre(IsEmpty(), IsEmpty()));
    std::filesystem::remove(path_);
  }
}

TEST_F(DownloadTest, AServerThatDoesNotKnowIfRangeIsNotBelieved) {
  server_.answers = {{Whole("01234"), true},
                     {Answer(206, "fghij", {{"Content-Range", "bytes 5-9/10"}, {"ETag", "\"2\""}})},
                     {Whole("abcdefghij", "\"2\"")}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "abcdefghij");
}

TEST_F(DownloadTest, AFileThatIsTooLargeIsRefusedByItsLength) {
  options_.max_bytes = 9;
  server_.answers = {{Whole("0123456789")}};
  const auto size = Get();
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_THAT(size.error().message, HasSubstr("has 10 bytes, more than the limit of 9"));
  EXPECT_THAT(server_.requests, SizeIs(1));
  EXPECT_EQ(Content(), "");
}

TEST_F(DownloadTest, AnEmptyFile) {
  server_.answers = {{Answer(200, "", {{"Content-Length", "0"}})}};
  EXPECT_EQ(*Get(), 0);
}

TEST_F(DownloadTest, AFileThatWasWholeIsSeenToBe) {
  server_.answers = {{Whole("0123456789")}};
  EXPECT_TRUE(Get());
  server_.answers = {{Answer(416, "", {{"Content-Range", "bytes */10"}})}};
  EXPECT_EQ(*Get(), 10);
  // Of another length: it is another file.
  server_.answers = {{Answer(416, "", {{"Content-Range", "bytes */9"}})}, {Whole("abcdefghij")}};
  EXPECT_EQ(*Get(), 10);
  EXPECT_EQ(Content(), "abcdefghij");
}

TEST_F(DownloadTest, WhatAnotherStartOfTheMachineLeftIsNotTrusted) {
  server_.answers = {{Whole("01234"), true}};
  options_.max_tries = 1;
  EXPECT_FALSE(Get());
  {
    std::ofstream validator(path_ + ".validator");
    validator << "\"1\"\nanother boot\n";
  }
  server_.answers = {{Whole("0123456789")}};
  server_.requests.clear();
  EXPECT_EQ(*Get(), 10);
  EXPECT_THAT(server_.requests, ElementsAre(IsEmpty()));
}

TEST_F(DownloadTest, GivesUpAfterTriesInVain) {
  server_.answers = {{Whole("01234"), true}};
  const auto size = Get();
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(server_.requests, SizeIs(7));
  EXPECT_THAT(pause_.waits, ElementsAre(1, 2, 4, 8, 16, 32));
  EXPECT_EQ(Content(), "01234");  // for the next
}

TEST_F(DownloadTest, DoesWhatRetryAfterSays) {
  server_.answers = {{Answer(503, "", {{"Retry-After", "7"}})},
                     {Answer(429, "", {{"Retry-After", "99999"}})},
                     {Whole("0123456789")}};
  EXPECT_TRUE(Get());
  EXPECT_THAT(pause_.waits, ElementsAre(7, 60));
  pause_.waits.clear();
  server_.answers = {{Answer(503, "",
                             {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                              {"Retry-After", "Sun, 06 Nov 1994 08:49:49 GMT"}})},
                     {Whole("0123456789")}};
  EXPECT_TRUE(Get());
  EXPECT_THAT(pause_.waits, ElementsAre(12));
}

TEST_F(DownloadTest, SaysWhatIsNotThereOrRefused) {
  for (const auto& [status, kind] :
       {std::pair(404, ErrorKind::kNotFound), std::pair(410, ErrorKind::kNotFound),
        std::pair(403, ErrorKind::kInvalidArgument)}) {
    server_.answers = {{Answer(status)}};
    const auto size = Get();
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().kind, kind);
    EXPECT_THAT(size.error().message, HasSubstr(kUrl));
  }
  EXPECT_THAT(pause_.waits, IsEmpty());
}

}  // namespace
}  // namespace octolake::source
