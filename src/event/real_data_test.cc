// The reader over files that GitHub and GH Archive published, where they are at hand: in the folder
// $OCTOLAKE_TEST_DATA, or in ../shared/data beside the source tree.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "event/canonical_json.h"
#include "event/document_reader.h"
#include "event/json_index.h"
#include "event/reading_for_test.h"
#include "event/rebuild.h"
#include "io/local_file_system.h"

namespace octolake::event {
namespace {

std::filesystem::path DataFolder() {
  if (const char* folder = std::getenv("OCTOLAKE_TEST_DATA")) return folder;
  return std::filesystem::path(OCTOLAKE_SOURCE_DIR).parent_path() / "shared" / "data";
}

std::unique_ptr<io::ByteSource> Open(const std::string& path) {
  auto file = io::MakeLocalFileSystem()->Open(path);
  if (!file) {
    ADD_FAILURE() << file.error().message;
    return io::MakeMemorySource("");
  }
  return io::MakeDecompressedSource(io::MakeFileSource(std::move(*file)), path);
}

std::string WholeText(const std::string& path) {
  const auto source = Open(path);
  std::string text;
  std::string chunk(1 << 20, '\0');
  for (;;) {
    const Result<int64_t> got = source->Read(chunk.data(), static_cast<int64_t>(chunk.size()));
    EXPECT_TRUE(got);
    if (!got || *got == 0) return text;
    text.append(chunk, 0, static_cast<size_t>(*got));
  }
}

// The documents' canonical forms, cut out by brackets alone.
std::vector<std::string> CanonicalDocuments(const std::string& text) {
  std::vector<std::string> documents;
  StructureScan scan(256);
  for (size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at)) {
    scan.Reset();
    const size_t size = scan.Feed(std::string_view(text).substr(at));
    EXPECT_EQ(scan.state(), StructureScan::State::kComplete);
    Result<std::string> canonical = CanonicalJson(std::string_view(text).substr(at, size));
    EXPECT_TRUE(canonical);
    documents.push_back(std::move(canonical).value_or(""));
    at += size;
  }
  return documents;
}

struct DataFile {
  const char* name;
  size_t events;
};

class RealDataTest : public ::testing::TestWithParam<DataFile> {
 protected:
  void SetUp() override {
    path_ = DataFolder() / GetParam().name;
    if (!std::filesystem::exists(path_)) {
      GTEST_SKIP() << "no " << path_ << "; set OCTOLAKE_TEST_DATA to the folder that has it";
    }
  }
  std::filesystem::path path_;
};

TEST_P(RealDataTest, EveryEventBecomesARowThatCanBeRebuilt) {
  const Reading reading = ReadSource(Open(path_), TestOptions());
  ASSERT_FALSE(reading.error) << reading.error->message;
  EXPECT_TRUE(reading.rejected.empty());
  ASSERT_EQ(reading.events.size(), GetParam().events);
  const std::vector<std::string> originals = CanonicalDocuments(WholeText(path_));
  ASSERT_EQ(originals.size(), GetParam().events);
  for (size_t i = 0; i < originals.size(); ++i) {
    const Result<std::string> rebuilt = RebuildEvent(reading.events[i]);
    ASSERT_TRUE(rebuilt) << rebuilt.error().message;
    ASSERT_TRUE(*CanonicalJson(*rebuilt) == originals[i]) << "event " << i;
    ASSERT_FALSE(reading.events[i].extra.value_or("").find("$document") != std::string_view::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, RealDataTest,
                         ::testing::Values(DataFile{"gharchive/2012-04-01-12.json.gz", 4664},
                                           DataFile{"gharchive/2015-01-01-0.json.gz", 7702},
                                           DataFile{"gharchive/2015-01-01-15.json.gz", 11351},
                                           DataFile{"gharchive/2021-07-21-few-hours.json.gz", 800},
                                           DataFile{"events_api/2023-04-repo-page.json.gz", 100},
                                           DataFile{"events_api/2025-12-user-page.json", 99},
                                           DataFile{"events_api/2026-07-user-page.json", 30}),
                         [](const auto& file) { return "File" + std::to_string(file.index); });

}  // namespace
}  // namespace octolake::event
