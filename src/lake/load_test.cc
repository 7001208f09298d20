#include "lake/load.h"

#include <arrow/util/compression.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

#include "base/no_threads_for_test.h"
#include "base/sha256.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Outcome = FileReport::Outcome;

std::string Gzip(const std::string& text) {
  const auto codec = arrow::util::Codec::Create(arrow::Compression::GZIP).ValueOrDie();
  const auto* in = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  std::string out(static_cast<size_t>(codec->MaxCompressedLen(size, in)), '\0');
  const int64_t written = codec
                              ->Compress(size, in, static_cast<int64_t>(out.size()),
                                         reinterpret_cast<uint8_t*>(out.data()))
                              .ValueOrDie();
  out.resize(static_cast<size_t>(written));
  return out;
}

// Events with ids first .. first + count - 1; long enough ids not to compress into nothing.
std::string Events(int first, int count) {
  std::string lines;
  for (int i = first; i < first + count; ++i) {
    lines += EventLine(std::to_string(i), "2015-01-01T15:00:00Z",
                       R"({"ref":")" + Sha256Hex(std::to_string(i)) + "\"}");
  }
  return lines;
}

// Numbers with which nobody waits: multiples of every bound that Backoff has.
class NoWaits final : public RandomSource {
 public:
  uint64_t Next() override { return SystemRandom().Next() % (uint64_t{1} << 48) * 16'000; }
};

class LoadTest : public WarehouseTest {
 protected:
  std::vector<std::string> Ids() { return Column(BronzeEvents({}), "id"); }
};

TEST_F(LoadTest, FilesReadAtOnceGiveTheRowsOfFilesReadInTurn) {
  // Of very different sizes, so that later files are ready long before earlier ones.
  std::vector<std::string> paths;
  std::vector<int> first_ids;
  int next = 1;
  for (const int count : {6000, 1, 40, 9000, 3, 200, 1}) {
    std::string text = Events(next, count) + "{\"no\":\"event\"}\n";
    if (count == 40) text = Gzip(text).substr(0, 400);  // damaged; its first lines are kept
    if (count == 3) text = "<html>" + text;             // foreign; nothing of it is
    paths.push_back(WriteFile(std::to_string(next) + ".json", text));
    first_ids.push_back(next);
    next += count;
  }
  const LoadReport report = Load(paths);
  std::vector<std::string> expected;
  for (size_t file = 0; file < paths.size(); ++file) {
    for (int64_t i = 0; i < report.files[file].events; ++i) {
      expected.push_back(std::to_string(first_ids[file] + i));
    }
  }
  EXPECT_EQ(report.files[0].events, 6000);
  EXPECT_EQ(report.files[2].outcome, Outcome::kPartial);
  EXPECT_EQ(report.files[4].outcome, Outcome::kFailed);
  EXPECT_EQ(report.files[5].events, 200);
  EXPECT_EQ(report.commits, 1);
  EXPECT_EQ(Ids(), expected);
  const auto trace_ids = Column(BronzeEvents({}), "trace_id");
  EXPECT_TRUE(std::is_sorted(trace_ids.begin(), trace_ids.end()));
  const auto instants = Column(BronzeEvents({}), "ingestion_timestamp");
  EXPECT_TRUE(std::is_sorted(instants.begin(), instants.end()));
  EXPECT_EQ(Column(LoadedFiles({}), "name"),
            (std::vector<std::string>{paths[0], paths[1], paths[2], paths[3], paths[5], paths[6]}));
}

TEST_F(LoadTest, EventsRejectedDocumentsAndTheFileAreCommittedTogether) {
  const std::string path =
      WriteFile("x.json", Events(1, 2) + "{\"no\":\"event\"}\n" + Events(3, 1));
  const LoadReport report = Load({path});
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_EQ(report.files[0].outcome, Outcome::kLoaded);
  EXPECT_EQ(report.files[0].events, 3);
  EXPECT_EQ(report.files[0].rejected, 1);
  EXPECT_EQ(report.files[0].bytes, static_cast<int64_t>(std::filesystem::file_size(path)));
  EXPECT_EQ(report.commits, 1);

  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Column(BronzeEvents({}), "source_file"), ElementsAre(path, path, path));
  EXPECT_THAT(Column(BronzeEvents({}), "source")[0], "gharchive");
  EXPECT_THAT(Column(RejectedEvents({}), "ordinal"), ElementsAre("2"));
  const auto loaded = [&](const char* column) { return Column(LoadedFiles({}), column); };
  EXPECT_THAT(loaded("name"), ElementsAre(path));
  EXPECT_THAT(loaded("size"), ElementsAre(std::to_string(report.files[0].bytes)));
  EXPECT_THAT(loaded("events"), ElementsAre("3"));
  EXPECT_THAT(loaded("rejected"), ElementsAre("1"));
  EXPECT_THAT(loaded("error"), ElementsAre("NULL"));
  EXPECT_THAT(loaded("ingestion_date"), ElementsAre("2026-01-02"));
  EXPECT_EQ(loaded("sha256")[0], Sha256Hex(Events(1, 2) + "{\"no\":\"event\"}\n" + Events(3, 1)));
}

TEST_F(LoadTest, NoRejectedSnapshotWithoutRejectedRows) {
  Load({WriteFile("x.json", Events(1, 2))});
  EXPECT_EQ(LoadTable(RejectedEvents({})).metadata->current_snapshot_id, std::nullopt);
}

TEST_F(LoadTest, TraceIdsAndInstantsFollowTheOrderOfReading) {
  Load({WriteFile("b.json", Events(5, 300)), WriteFile("a.json", Events(400, 2))});
  const auto traces = Column(BronzeEvents({}), "trace_id");
  const auto ids = Ids();
  ASSERT_EQ(ids.size(), 302u);
  EXPECT_EQ(ids.front(), "5");
  EXPECT_EQ(ids.back(), "401");
  EXPECT_TRUE(std::is_sorted(traces.begin(), traces.end()));
  // The clock stands still, and yet the second file is later.
  const auto times = Column(BronzeEvents({}), "ingestion_timestamp");
  EXPECT_EQ(times.front(), times[299]);
  EXPECT_LT(times.front(), times.back());
}

TEST_F(LoadTest, SameContentIsLoadedOnce) {
  const std::string a = WriteFile("a.json", Events(1, 2));
  const std::string copy = WriteFile("copy.json", Events(1, 2));
  const LoadReport first = Load({a, copy});
  EXPECT_EQ(first.files[0].outcome, Outcome::kLoaded);
  EXPECT_EQ(first.files[1].outcome, Outcome::kSkipped);
  EXPECT_EQ(first.events, 2);
  const LoadReport second = Load({copy, a});
  EXPECT_EQ(second.files[0].outcome, Outcome::kSkipped);
  EXPECT_EQ(second.files[1].outcome, Outcome::kSkipped);
  EXPECT_EQ(second.commits, 0);
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));

  LoadOptions again;
  again.again = true;
  EXPECT_EQ(Load({a, copy}, again).events, 4);
  EXPECT_EQ(Ids().size(), 6u);
}

TEST_F(LoadTest, CommitsByNumberOfFilesAndBytes) {
  std::vector<std::string> paths;
  for (int i = 0; i < 5; ++i) {
    paths.push_back(WriteFile(std::to_string(i) + ".json", Events(i, 1)));
  }
  LoadOptions by_files;
  by_files.commit_files = 2;
  EXPECT_EQ(Load(paths, by_files).commits, 3);
  LoadOptions by_bytes;
  by_bytes.again = true;
  by_bytes.commit_bytes = 1;
  EXPECT_EQ(Load(paths, by_bytes).commits, 5);
  EXPECT_EQ(Bronze().metadata->snapshots.size(), 8u);
}

TEST_F(LoadTest, BadFilesDoNotStopGoodOnes) {
  std::filesystem::create_directory(directory_ + "/folder.json");
  const std::vector<std::string> paths = {
      directory_ + "/missing.json",
      WriteFile("good1.json", Events(1, 1)),
      directory_ + "/folder.json",
      WriteFile("archive.zip", "PK\x03\x04rest"),
      WriteFile("table.csv", "id,type\n1,x\n"),
      WriteFile("inside.gz", Gzip("PAR1 and more")),
      WriteFile("good2.json.gz", Gzip(Events(2, 1))),
  };
  const LoadReport report = Load(paths);
  const auto error = [&](size_t i) {
    EXPECT_EQ(report.files[i].outcome, Outcome::kFailed) << report.files[i].name;
    return report.files[i].error;
  };
  EXPECT_THAT(error(0), HasSubstr("missing.json"));
  EXPECT_THAT(error(2), HasSubstr("folder.json is a directory"));
  EXPECT_THAT(error(3), HasSubstr("found a ZIP archive"));
  EXPECT_THAT(error(4), HasSubstr("found text that begins with 'id,type'"));
  EXPECT_THAT(error(5), HasSubstr("found a Parquet file"));
  EXPECT_EQ(report.files[1].outcome, Outcome::kLoaded);
  EXPECT_EQ(report.files[6].outcome, Outcome::kLoaded);
  EXPECT_EQ(report.events, 2);
  EXPECT_THAT(Ids(), ElementsAre("1", "2"));
  EXPECT_THAT(Column(LoadedFiles({}), "name"), ElementsAre(paths[1], paths[6]));
}

TEST_F(LoadTest, EmptyFilesAreLoadedWithoutEvents) {
  const LoadReport report = Load({WriteFile("empty.json", ""), WriteFile("empty.gz", Gzip(" \n"))});
  EXPECT_EQ(report.files[0].outcome, Outcome::kLoaded);
  EXPECT_EQ(report.files[1].outcome, Outcome::kLoaded);
  EXPECT_EQ(report.events, 0);
  EXPECT_THAT(Column(LoadedFiles({}), "events"), ElementsAre("0", "0"));
  EXPECT_EQ(Bronze().metadata->current_snapshot_id, std::nullopt);
}

TEST_F(LoadTest, WhatComesBeforeACutIsLoadedOnceAndTheCutReportedAlways) {
  const std::string whole = Gzip(Events(1, 2000));
  const std::string cut = WriteFile("cut.gz", whole.substr(0, whole.size() / 2));
  const std::string good = WriteFile("good.json", Events(9000, 1));
  const LoadReport first = Load({cut, good});
  ASSERT_EQ(first.files[0].outcome, Outcome::kPartial);
  EXPECT_THAT(first.files[0].error, HasSubstr("cut.gz"));
  EXPECT_GT(first.files[0].events, 100);
  EXPECT_LT(first.files[0].events, 2000);
  EXPECT_EQ(first.files[1].outcome, Outcome::kLoaded);
  const auto ids = Ids();
  EXPECT_EQ(static_cast<int64_t>(ids.size()), first.files[0].events + 1);
  EXPECT_EQ(ids[0], "1");
  EXPECT_EQ(Column(LoadedFiles({}), "error")[0], first.files[0].error);

  const LoadReport second = Load({cut});
  EXPECT_EQ(second.files[0].outcome, Outcome::kPartial);
  EXPECT_THAT(second.files[0].error,
              AllOf(HasSubstr(first.files[0].error), HasSubstr("was loaded earlier")));
  EXPECT_EQ(second.events, 0);
  EXPECT_EQ(Ids().size(), ids.size());
}

TEST_F(LoadTest, AFileCutBeforeItsFirstEventGivesNothing) {
  const std::string cut = WriteFile("cut.gz", Gzip(Events(1, 1)).substr(0, 14));
  for (int round = 0; round < 2; ++round) {
    const LoadReport report = Load({cut});
    EXPECT_EQ(report.files[0].outcome, Outcome::kFailed);
    EXPECT_EQ(report.commits, 0);
  }
}

TEST_F(LoadTest, AWrongChecksumIsReported) {
  std::string damaged = Gzip(Events(1, 50));
  damaged[damaged.size() - 6] ^= 0x20;  // in the CRC-32
  const LoadReport report = Load({WriteFile("damaged.gz", damaged)});
  EXPECT_EQ(report.files[0].outcome, Outcome::kPartial);
  EXPECT_EQ(report.files[0].events, 50);
  EXPECT_THAT(report.files[0].error, HasSubstr("damaged.gz"));
}

TEST_F(LoadTest, APipeIsReadOnceAndKnownByItsDigest) {
  const std::string pipe = directory_ + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string before = WriteFile("before.json", Events(100, 1));
  for (const Outcome expected : {Outcome::kLoaded, Outcome::kSkipped}) {
    std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << Gzip(Events(1, 3)); });
    const LoadReport report = Load({before, pipe});
    writer.join();
    EXPECT_EQ(report.files[1].outcome, expected) << report.files[1].error;
    EXPECT_EQ(report.files[1].events, expected == Outcome::kLoaded ? 3 : 0);
  }
  EXPECT_THAT(Ids(), ElementsAre("100", "1", "2", "3"));
  // The rows read in vain are gone.
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 2);
}

TEST_F(LoadTest, OfTwoLoadsOfTheSameFileOneSkipsIt) {
  const std::string shared = WriteFile("shared.json", Events(1, 2));
  const std::string own = WriteFile("own.json", Events(10, 2));
  HookCatalog().before_commit = {[&] {
    IgnoreProgress progress;
    EXPECT_EQ(Must(LoadFiles(*others_, {shared}, {}, progress)).events, 2);
  }};
  const LoadReport report = Load({shared, own});
  EXPECT_EQ(report.files[0].outcome, Outcome::kSkipped);
  EXPECT_EQ(report.files[1].outcome, Outcome::kLoaded);
  EXPECT_EQ(report.events, 2);
  EXPECT_EQ(report.commits, 1);
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "10", "11"));
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 2);
  EXPECT_EQ(CountDataFiles(LoadedFiles({})), 2);
}

TEST_F(LoadTest, AnotherLoadOfOtherFilesCostsNothing) {
  const std::string own = WriteFile("own.json", Events(10, 2));
  const std::string other = WriteFile("other.json", Events(1, 2));
  HookCatalog().before_commit = {[&] {
    IgnoreProgress progress;
    Must(LoadFiles(*others_, {other}, {}, progress));
  }};
  EXPECT_EQ(Load({own}).events, 2);
  EXPECT_THAT(Ids(), UnorderedElementsAre("1", "2", "10", "11"));
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 2);
}

TEST_F(LoadTest, WhenOthersAlwaysComeFirstNothingIsLoadedAndTheErrorSaysSo) {
  const std::string own = WriteFile("own.json", Events(10, 2));
  NoWaits random;
  int others = 0;
  HookedCatalog& catalog = HookCatalog(random);
  catalog.before_commit.assign(100, [&] {
    IgnoreProgress progress;
    const std::string name = "other" + std::to_string(others++) + ".json";
    Must(LoadFiles(*others_, {WriteFile(name, Events(100 + others, 1))}, {}, progress));
  });
  const auto report = TryLoad({own});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCommitConflict);
  EXPECT_THAT(report.error().message, HasSubstr("gave up after 20 races lost to others"));
  EXPECT_EQ(CountRows(LoadedFiles({})), others);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), others);
  catalog.before_commit.clear();
  EXPECT_EQ(Load({own}).events, 2);
}

TEST_F(LoadTest, WhatAnotherLoadsBeforeALostReplyIsLookedUpIsLoadedOnce) {
  const std::string first = WriteFile("first.json", Events(1, 2));
  const std::string second = WriteFile("second.json", Events(10, 2));
  HookedCatalog& catalog = HookCatalog();
  catalog.loss = std::make_shared<ReplyLoss>();
  catalog.before_load = [&, done = false]() mutable {
    if (catalog.loss->lost == 0 || std::exchange(done, true)) return;
    IgnoreProgress progress;
    EXPECT_EQ(Must(LoadFiles(*others_, {second}, {}, progress)).events, 2);
  };
  LoadOptions options;
  options.commit_files = 1;
  const LoadReport report = Load({first, second}, options);
  EXPECT_EQ(report.files[0].outcome, Outcome::kLoaded);
  EXPECT_EQ(report.files[1].outcome, Outcome::kSkipped);
  EXPECT_THAT(Ids(), UnorderedElementsAre("1", "2", "10", "11"));
  EXPECT_EQ(CountRows(LoadedFiles({})), 2);
}

TEST_F(LoadTest, WithoutThreadsNothingIsLoadedAndTheErrorSaysWhy) {
  const std::string path = WriteFile("x.json", Events(1, 2));
  {
    const NoMoreThreads limit;
    const LoadReport report = Load({path});
    EXPECT_EQ(report.files[0].outcome, Outcome::kFailed);
    EXPECT_THAT(report.files[0].error, HasSubstr("no thread can be started to read it"));
    EXPECT_EQ(report.commits, 0);
  }
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 0);
  EXPECT_EQ(Load({path}).events, 2);
  {
    const NoMoreThreads limit;
    IgnoreProgress progress;
    const auto report = RunSilver(*warehouse_, {}, progress);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, ErrorKind::kResourceExhausted);
    EXPECT_THAT(report.error().message, HasSubstr("no thread can be started"));
  }
  EXPECT_EQ(Silver().added, 2);
}

TEST_F(LoadTest, NothingIsRemovedWhenTheOutcomeIsUnknown) {
  const std::string path = WriteFile("x.json", Events(1, 2));
  HookCatalog().fall_silent = true;
  const auto report = TryLoad({path});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kCommitStateUnknown);
  EXPECT_THAT(report.error().message, HasSubstr("no file was removed"));
  warehouse_ = std::move(others_);
  EXPECT_EQ(CountDataFiles(BronzeEvents({})), 1);
  EXPECT_EQ(CountDataFiles(LoadedFiles({})), 1);
  EXPECT_EQ(Load({path}).events, 2);
}

TEST_F(LoadTest, ProgressCountsTheBytesOfAllFiles) {
  struct Recorder final : ProgressListener {
    void OnProgress(const Progress& progress) override {
      unit = progress.unit;
      EXPECT_LE(last, progress.done);
      last = progress.done;
      total = progress.total;
    }
    std::string unit;
    int64_t last = 0;
    int64_t total = 0;
  } recorder;
  const std::string a = WriteFile("a.json", Events(1, 100));
  const std::string b = WriteFile("b.json", Events(200, 100));
  Must(LoadFiles(*warehouse_, {a, b}, {}, recorder));
  EXPECT_EQ(recorder.unit, "bytes");
  EXPECT_EQ(recorder.total, static_cast<int64_t>(Events(1, 100).size() + Events(200, 100).size()));
  EXPECT_EQ(recorder.last, recorder.total);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Their allocators keep what is freed.
int64_t ResidentBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "RssAnon:" && status >> kilobytes) return kilobytes << 10;
  }
  return -1;
}

TEST_F(LoadTest, WhatOneGroupHasFreedIsNotThereAnyMoreForTheNext) {
  constexpr int64_t kFreed = int64_t{64} << 20;
  // With the first group memory is used and freed that malloc keeps, as something behind it stays.
  struct Listener final : ProgressListener {
    void OnProgress(const Progress&) override {
      if (behind != nullptr) {
        if (of_next == 0) of_next = ResidentBytes();
        return;
      }
      std::vector<std::string> pieces;
      for (int i = 0; i < 1024; ++i) pieces.emplace_back(size_t{kFreed / 1024}, 'x');
      behind = std::make_unique<std::string>(size_t{kFreed / 1024}, 'x');
      pieces.clear();
      of_first = ResidentBytes();
    }
    std::unique_ptr<std::string> behind;
    int64_t of_first = 0;
    int64_t of_next = 0;
  } listener;
  LoadOptions options;
  options.commit_files = 1;
  const std::string a = WriteFile("a.json", Events(1, 10));
  const std::string b = WriteFile("b.json", Events(200, 10));
  EXPECT_EQ(Must(LoadFiles(*warehouse_, {a, b}, options, listener)).commits, 2);
  ASSERT_GT(listener.of_next, 0);
  EXPECT_LT(listener.of_next, listener.of_first - kFreed / 2);
}
#endif

TEST(Warehouse, ADirectoryThatCannotBeIsAnError) {
  const auto open = [](const std::string& directory, bool create = true) {
    WarehouseOptions options;
    options.directory = directory;
    options.create_if_missing = create;
    auto opened = Warehouse::Open(options, SystemClock(), SystemRandom());
    EXPECT_FALSE(opened) << directory;
    return opened ? Error{ErrorKind::kIo, ""} : opened.error();
  };
  EXPECT_THAT(open("/proc/none/warehouse").message, HasSubstr("/proc/none"));
  EXPECT_EQ(open("/dev/null").kind, ErrorKind::kIo);
  EXPECT_EQ(open("/tmp/no-such-warehouse-here", false).kind, ErrorKind::kNotFound);
  EXPECT_EQ(open("gs://bucket/x").kind, ErrorKind::kUnsupported);
  const Error on_s3 = open("s3://bucket/x");
  EXPECT_EQ(on_s3.kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(on_s3.message.find("catalog.uri"), std::string::npos) << on_s3.message;
  EXPECT_EQ(open("").kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace octolake::lake
