// Files from servers, as far as this room knows them: what is asked for, when, and what becomes of
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Outcome = FileReport::Outcome;

std::string Url(const std::string& name) { return "https://a.example/" + name; }

// Copies are files that lie there from the beginning.
class FakeRemote final : public RemoteFiles {
 public:
  bool IsUnchanged(const std::string& name, int64_t, TimestampMicros) override {
    compared.push_back(name);
    return unchanged.contains(name);
  }
  Status Begin(std::vector<std::string> names) override {
    begun = std::move(names);
    return {};
  }
  bool IsReady(const std::string& name) override { return !slow.contains(name); }
  Result<std::string> Fetch(const std::string& name, ProgressListener&) override {
    if (on_fetch) on_fetch(name);
    const auto found = copies.find(name);
    if (found == copies.end()) return MakeError(ErrorKind::kNotFound, name + " is not there");
    held.insert(name);
    return found->second;
  }
  void Release(const std::string& name) override { held.erase(name); }

  std::map<std::string, std::string> copies;
  std::set<std::string> unchanged;
  std::set<std::string> slow;
  std::function<void(const std::string&)> on_fetch;
  std::vector<std::string> compared;
  std::vector<std::string> begun;
  std::set<std::string> held;
};

class RemoteLoadTest : public WarehouseTest {
 protected:
  void Put(const std::string& name, const std::string& id) {
    remote_.copies[Url(name)] = WriteFile(name, EventLine(id, "2015-01-01T00:00:00Z"));
  }
  LoadReport LoadUrls(const std::vector<std::string>& names, LoadOptions options = {}) {
    std::vector<std::string> urls;
    for (const std::string& name : names) urls.push_back(Url(name));
    options.remote = &remote_;
    return Load(urls, options);
  }
  static std::vector<Outcome> Outcomes(const LoadReport& report) {
    std::vector<Outcome> outcomes;
    for (const FileReport& file : report.files) outcomes.push_back(file.outcome);
    return outcomes;
  }

  FakeRemote remote_;
};

TEST_F(RemoteLoadTest, RowsNameTheUrlAndCopiesAreReleased) {
  Put("a", "1");
  Put("b", "2");
  const LoadReport report = LoadUrls({"a", "none", "b", "none"});
  EXPECT_THAT(Outcomes(report), ElementsAre(Outcome::kLoaded, Outcome::kMissing, Outcome::kLoaded,
                                            Outcome::kMissing));
  EXPECT_EQ(report.files[3].error, report.files[1].error);
  EXPECT_EQ(report.commits, 1);
  EXPECT_THAT(Column(BronzeEvents({}), "source_file"), UnorderedElementsAre(Url("a"), Url("b")));
  EXPECT_THAT(Column(LoadedFiles({}), "name"), UnorderedElementsAre(Url("a"), Url("b")));
  EXPECT_THAT(remote_.begun, ElementsAre(Url("a"), Url("none"), Url("b")));
  EXPECT_THAT(remote_.held, IsEmpty());
}

TEST_F(RemoteLoadTest, OnlyWhatMayHaveChangedIsFetchedAgain) {
  Put("a", "1");
  Put("b", "2");
  LoadUrls({"a", "b"});
  EXPECT_THAT(remote_.compared, IsEmpty());
  remote_.unchanged = {Url("a")};
  Put("b", "3");
  const LoadReport report = LoadUrls({"a", "b", "a"});
  EXPECT_THAT(Outcomes(report),
              ElementsAre(Outcome::kSkipped, Outcome::kLoaded, Outcome::kSkipped));
  EXPECT_THAT(remote_.compared, ElementsAre(Url("a"), Url("b")));
  EXPECT_THAT(remote_.begun, ElementsAre(Url("b")));
  LoadOptions again;
  again.again = true;
  EXPECT_THAT(Outcomes(LoadUrls({"a"}, again)), ElementsAre(Outcome::kLoaded));
}

TEST_F(RemoteLoadTest, WhatIsAtHandIsCommittedWhileTheNextComes) {
  for (const char* name : {"a", "b", "c", "d"}) Put(name, name);
  const auto size = static_cast<int64_t>(EventLine("a", "2015-01-01T00:00:00Z").size());
  LoadOptions options;
  options.commit_bytes = 8 * size;
  remote_.slow = {Url("b"), Url("c")};
  // With "a" alone there is less than a quarter of a commit, with "b" there is one.
  remote_.on_fetch = [&](const std::string& name) {
    EXPECT_EQ(CountRows(BronzeEvents({})), name == Url("a") || name == Url("b") ? 0 : 2) << name;
  };
  EXPECT_EQ(LoadUrls({"a", "b", "c", "d"}, options).commits, 2);
  EXPECT_EQ(CountRows(BronzeEvents({})), 4);
}

TEST_F(RemoteLoadTest, EqualContentIsLoadedOnce) {
  const std::string path = WriteFile("local", EventLine("1", "2015-01-01T00:00:00Z"));
  Put("a", "1");
  Put("b", "1");
  LoadOptions options;
  options.remote = &remote_;
  EXPECT_THAT(Outcomes(Load({Url("a"), path, Url("b")}, options)),
              ElementsAre(Outcome::kLoaded, Outcome::kSkipped, Outcome::kSkipped));
  EXPECT_EQ(CountRows(BronzeEvents({})), 1);
  EXPECT_THAT(remote_.held, IsEmpty());
}

}  // namespace
}  // namespace octolake::lake
