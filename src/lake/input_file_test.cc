#include "lake/input_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/sha256.h"
#include "lake/load.h"
#include "lake/warehouse_for_test.h"

namespace octolake::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RecogniseForeignContent, TellsEventsFromOtherFiles) {
  const std::string_view events[] = {"",
                                     " \n\t",
                                     "{}",
                                     "\r\n [{}]",
                                     "\xEF\xBB\xBF{",
                                     "\xFF\xFE{\0",
                                     "half a line}\n{\"id\":1}",
                                     "\"text\"\n\n  [1]"};
  for (const std::string_view text : events) {
    EXPECT_EQ(RecogniseForeignContent(text), std::nullopt) << text;
  }
  EXPECT_EQ(RecogniseForeignContent("PK\x03\x04..."), "a ZIP archive");
  EXPECT_EQ(RecogniseForeignContent("PAR1\x15"), "a Parquet file");
  EXPECT_EQ(RecogniseForeignContent("BZh91AY"), "bzip2 data");
  EXPECT_EQ(RecogniseForeignContent("<!doctype html>\n{"), "HTML or XML");
  EXPECT_EQ(RecogniseForeignContent("\x1F\x8B\x08"), "gzip data within compressed data");
  EXPECT_EQ(RecogniseForeignContent(std::string_view("\x01\x00\x7F\n{", 5)),
            "binary data that begins with bytes 01007f0a7b");
  EXPECT_EQ(RecogniseForeignContent("id,type\n1,PushEvent\n"), "text that begins with 'id,type'");
}

TEST(PeekBeginning, GivesTheBeginningAgain) {
  std::string text(200'000, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  std::string beginning;
  const auto source = Must(PeekBeginning(io::MakeMemorySource(text), &beginning));
  EXPECT_EQ(beginning, text.substr(0, beginning.size()));
  EXPECT_GT(beginning.size(), 1000u);
  std::string all;
  char buffer[7777];
  while (const int64_t got = Must(source->Read(buffer, sizeof(buffer)))) {
    all.append(buffer, static_cast<size_t>(got));
  }
  EXPECT_EQ(all, text);
}

class SourcesTest : public WarehouseTest {};

TEST_F(SourcesTest, DigestIsThatOfTheStoredBytes) {
  const std::string path = WriteFile("x.json", "abc");
  EXPECT_EQ(Must(HashFile(path)),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(SourcesTest, DirectoriesAndGlobsAreExpandedInOrder) {
  std::filesystem::create_directories(directory_ + "/in/b");
  WriteFile("in/z.json", "");
  WriteFile("in/b/1.ndjson", "");
  WriteFile("in/b/2.jsonl", "");
  WriteFile("in/a.json.gz", "");
  WriteFile("in/c.zst", "");
  WriteFile("in/readme.txt", "");
  const std::string in = directory_ + "/in";
  EXPECT_THAT(Must(ExpandSources({in})),
              ElementsAre(in + "/a.json.gz", in + "/b/1.ndjson", in + "/b/2.jsonl", in + "/c.zst",
                          in + "/z.json"));
  EXPECT_THAT(
      Must(ExpandSources({in + "/*.json*", "-", in + "/b"})),
      ElementsAre(in + "/a.json.gz", in + "/z.json", "-", in + "/b/1.ndjson", in + "/b/2.jsonl"));
  // A file that is named is taken whatever it is called; a missing one is for the load to report.
  EXPECT_THAT(Must(ExpandSources({in + "/readme.txt", in + "/none.json"})),
              ElementsAre(in + "/readme.txt", in + "/none.json"));
}

TEST_F(SourcesTest, UrlsAreTakenAsTheyAre) {
  const std::vector<std::string> urls = {"https://example.org/*?x=[1].json.gz", "-"};
  EXPECT_EQ(*ExpandSources(urls), urls);
}

TEST_F(SourcesTest, WhatCannotBeExpanded) {
  std::filesystem::create_directories(directory_ + "/empty");
  const auto kind = [](const std::string& source) { return ExpandSources({source}).error(); };
  EXPECT_EQ(kind(directory_ + "/empty").kind, ErrorKind::kNotFound);
  EXPECT_THAT(kind(directory_ + "/empty").message, HasSubstr("/empty holds no event files"));
  EXPECT_EQ(kind(directory_ + "/*.nothing").kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace octolake::lake
