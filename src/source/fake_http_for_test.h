// A server that gives prepared answers, and time that passes at once. For tests only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/pause.h"
#include "source/http_client.h"

namespace octolake::source {

inline HttpResponse Answer(int status, std::string body = "",
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
  return HttpResponse{status, std::move(headers), std::move(body)};
}

class FakeHttp final : public HttpClient {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, const BodySink&) override {
    requests.push_back(request);
    if (on_request) on_request(request);
    if (const auto found = pages.find(request.url); found != pages.end()) return found->second;
    if (answers.empty()) return MakeError(ErrorKind::kTransient, request.url + ": no connection");
    Result<HttpResponse> answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  void Cancel() override {}

  std::map<std::string, HttpResponse> pages;  // by URL; what is no page takes the next answer
  std::deque<Result<HttpResponse>> answers;
  std::vector<HttpRequest> requests;
  std::function<void(const HttpRequest&)> on_request;
};

class FakePause final : public Pause {
 public:
  bool For(int64_t micros) override {
    waits.push_back(micros / 1'000'000);
    return !ended;
  }

  std::vector<int64_t> waits;  // seconds
  bool ended = false;
};

}  // namespace octolake::source
