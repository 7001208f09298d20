#include "avro/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "avro/binary.h"
#include "avro/block_codec.h"
#include "avro/views_for_test.h"
#include "base/hex.h"
#include "base/temp_directory_for_test.h"
#include "io/local_file_system.h"

namespace octolake::avro {
namespace {

using ::testing::HasSubstr;

constexpr Codec kCodecs[] = {Codec::kNull, Codec::kDeflate, Codec::kZstandard};

SchemaPtr EventSchema() {
  return RecordOf("event", {RequiredField("id", Primitive(Type::kLong), 1),
                            OptionalField("name", Primitive(Type::kString), 2)});
}

Value Event(int64_t id) {
  return Value::Record(
      {Value::Long(id), id % 3 == 0 ? Value::Null() : Value::String("name " + std::to_string(id))});
}

std::string WriteEvents(int64_t count, WriterOptions options) {
  SeededRandom random(5);
  std::string out;
  auto writer = ContainerWriter::Create(EventSchema(), std::move(options), random, &out).value();
  for (int64_t id = 0; id < count; ++id) EXPECT_TRUE(writer->Append(Event(id)));
  EXPECT_TRUE(writer->Finish());
  EXPECT_EQ(writer->bytes_written(), static_cast<int64_t>(out.size()));
  EXPECT_EQ(writer->record_count(), count);
  return out;
}

// The same records, one after another as views; and what they are is there when all are read.
void ExpectViews(const std::string& bytes, const ReaderLimits& limits,
                 const std::vector<Value>& records, const std::optional<Error>& error) {
  const auto reader = ContainerReader::Open(bytes, "events.avro", limits).value();
  size_t places = 0;
  const WantedFields wanted = WantAll(*reader->schema(), &places);
  std::vector<std::vector<FieldView>> views;
  std::vector<std::string_view> encoded;
  for (;;) {
    const auto next = reader->NextView(wanted, views.emplace_back(places));
    ASSERT_EQ(!next, error && views.size() > records.size());
    if (!next) {
      EXPECT_EQ(next.error().message, error->message);
      EXPECT_EQ(next.error().kind, error->kind);
      EXPECT_FALSE(reader->NextView(wanted, views.back()));
    }
    if (!next || !*next) break;
    encoded.push_back(**next);
  }
  ASSERT_EQ(encoded.size(), records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_TRUE(AreViewsOf(&records[i], wanted, views[i]));
    EXPECT_EQ(Decoder(encoded[i]).Decode(*reader->schema()).value(), records[i]);
  }
}

struct Outcome {
  std::vector<Value> records;
  std::optional<Error> error;
};

Outcome ReadRecords(const std::string& bytes, ReaderLimits limits = {}) {
  Outcome outcome;
  auto reader = ContainerReader::Open(bytes, "events.avro", limits);
  if (!reader) {
    outcome.error = reader.error();
    return outcome;
  }
  for (;;) {
    auto next = (*reader)->Next();
    if (!next) {
      outcome.error = next.error();
      EXPECT_FALSE((*reader)->Next());
      break;
    }
    if (!*next) break;
    outcome.records.push_back(std::move(**next));
  }
  ExpectViews(bytes, limits, outcome.records, outcome.error);
  return outcome;
}

void ExpectEvents(const std::vector<Value>& records, int64_t count) {
  ASSERT_EQ(static_cast<int64_t>(records.size()), count);
  for (int64_t id = 0; id < count; ++id) {
    ASSERT_EQ(records[static_cast<size_t>(id)], Event(id)) << id;
  }
}

TEST(ContainerTest, GoldenBytes) {
  SeededRandom random(5);
  std::string out;
  WriterOptions options;
  options.codec = Codec::kNull;
  options.metadata = {{"format-version", "2"}};
  auto writer = ContainerWriter::Create(Primitive(Type::kLong), options, random, &out).value();
  ASSERT_TRUE(writer->Append(Value::Long(64)));
  ASSERT_TRUE(writer->Append(Value::Long(-1)));
  ASSERT_TRUE(writer->Finish());
  SeededRandom again(5);
  std::string sync;
  for (int i = 0; i < 2; ++i) {
    uint64_t bits = again.Next();
    for (int j = 0; j < 8; ++j, bits >>= 8) sync.push_back(static_cast<char>(bits));
  }
  // Magic; a map of three: avro.schema, avro.codec, format-version; end; sync; a block of two
  // records in three bytes; sync.
  const std::string expected =
      "4f626a01"
      "06" +
      HexEncode(
          "\x16"
          "avro.schema"
          "\x0c"
          "\"long\"") +
      HexEncode(
          "\x14"
          "avro.codec"
          "\x08"
          "null") +
      HexEncode(
          "\x1c"
          "format-version"
          "\x02"
          "2") +
      "00" + HexEncode(sync) +
      "04"
      "06"
      "8001"
      "01" +
      HexEncode(sync);
  EXPECT_EQ(HexEncode(out), expected);
}

TEST(ContainerTest, RecordsComeBackWithEveryCodecAndBlockSize) {
  for (const Codec codec : kCodecs) {
    for (const int64_t block_bytes : {1, 100, 64 * 1024}) {
      for (const int64_t count : {0, 1, 500}) {
        WriterOptions options;
        options.codec = codec;
        options.block_bytes = block_bytes;
        const Outcome outcome = ReadRecords(WriteEvents(count, options));
        ASSERT_FALSE(outcome.error) << outcome.error->message;
        ExpectEvents(outcome.records, count);
      }
    }
  }
}

TEST(ContainerTest, EveryLevelIsReadBackAndOthersAreRefused) {
  const std::pair<Codec, std::vector<int>> levels[] = {{Codec::kDeflate, {0, 1, 2, 3}},
                                                       {Codec::kZstandard, {1, 3, 19}}};
  for (const auto& [codec, good] : levels) {
    for (const int level : good) {
      WriterOptions options;
      options.codec = codec;
      options.level = level;
      const std::string bytes = WriteEvents(5'000, options);
      EXPECT_LT(bytes.size(), 60'000u) << CodecName(codec) << " " << level;
      ExpectEvents(ReadRecords(bytes).records, 5'000);
    }
    SeededRandom random(1);
    std::string out;
    WriterOptions options;
    options.codec = codec;
    options.level = 20;
    const auto writer = ContainerWriter::Create(EventSchema(), options, random, &out);
    ASSERT_FALSE(writer);
    EXPECT_THAT(writer.error().message, HasSubstr("no level 20"));
    EXPECT_EQ(out, "");
  }
}

TEST(ContainerTest, SchemaAndMetadataComeBack) {
  WriterOptions options;
  options.codec = Codec::kZstandard;
  options.metadata = {{"schema-id", "0"}, {"content", std::string("da\0ta", 5)}};
  const auto reader = ContainerReader::Open(WriteEvents(3, options), "x", {}).value();
  EXPECT_EQ(ToJson(*reader->schema()), ToJson(*EventSchema()));
  EXPECT_EQ(reader->codec(), Codec::kZstandard);
  EXPECT_EQ(reader->FindMetadata("content"), std::string_view("da\0ta", 5));
  EXPECT_EQ(reader->FindMetadata("avro.codec"), "zstandard");
  EXPECT_EQ(reader->FindMetadata("absent"), std::nullopt);
  ASSERT_EQ(reader->metadata().size(), 4u);
  EXPECT_EQ(reader->metadata()[2].first, "schema-id");
}

TEST(ContainerTest, WritesToAFile) {
  const TempDirectory temp;
  const std::string path = temp.path() + "/events.avro";
  const auto fs = io::MakeLocalFileSystem();
  SeededRandom random(5);
  {
    const auto file = fs->CreateNew(path).value();
    auto writer =
        ContainerWriter::Create(EventSchema(), WriterOptions{}, random, file.get()).value();
    for (int64_t id = 0; id < 100; ++id) ASSERT_TRUE(writer->Append(Event(id)));
    ASSERT_TRUE(writer->Finish());
    ASSERT_TRUE(file->Close());
    EXPECT_EQ(file->size(), writer->bytes_written());
  }
  ExpectEvents(ReadRecords(io::ReadAll(*fs, path, 1 << 20).value()).records, 100);
}

TEST(ContainerTest, ARecordThatDoesNotFitLeavesNoTrace) {
  SeededRandom random(5);
  std::string out;
  auto writer = ContainerWriter::Create(EventSchema(), WriterOptions{}, random, &out).value();
  ASSERT_TRUE(writer->Append(Event(0)));
  EXPECT_FALSE(writer->Append(Value::Record({Value::Long(1), Value::Long(2)})));
  ASSERT_TRUE(writer->Append(Event(1)));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(writer->Append(Event(2)).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(writer->Finish().error().kind, ErrorKind::kInvalidArgument);
  ExpectEvents(ReadRecords(out).records, 2);
}

TEST(ContainerTest, ReservedMetadataIsRefused) {
  SeededRandom random(5);
  std::string out;
  WriterOptions options;
  options.metadata = {{"avro.codec", "null"}};
  EXPECT_EQ(ContainerWriter::Create(EventSchema(), options, random, &out).error().kind,
            ErrorKind::kInvalidArgument);
}

TEST(ContainerTest, EveryCutIsAnErrorButAtTheEndOfABlock) {
  for (const Codec codec : kCodecs) {
    WriterOptions options;
    options.codec = codec;
    options.block_bytes = 200;
    const std::string bytes = WriteEvents(60, options);
    int whole = 0;
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const Outcome outcome = ReadRecords(bytes.substr(0, cut));
      for (size_t i = 0; i < outcome.records.size(); ++i) {
        ASSERT_EQ(outcome.records[i], Event(static_cast<int64_t>(i)));
      }
      if (!outcome.error) {
        ++whole;
        continue;
      }
      ASSERT_EQ(outcome.error->kind, ErrorKind::kCorruption) << cut;
      ASSERT_THAT(outcome.error->message, HasSubstr("events.avro"));
    }
    // The header alone, and behind every of the three blocks but the last.
    EXPECT_EQ(whole, 3) << CodecName(codec);
  }
}

TEST(ContainerTest, FlippedBytesNeverCrash) {
  for (const Codec codec : kCodecs) {
    WriterOptions options;
    options.codec = codec;
    options.block_bytes = 200;
    const std::string bytes = WriteEvents(60, options);
    int found = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      for (const char mask : {'\x01', '\x80'}) {
        std::string bad = bytes;
        bad[i] = static_cast<char>(bad[i] ^ mask);
        const Outcome outcome = ReadRecords(bad, {.block_bytes = 1 << 16});
        found += outcome.error ? 1 : 0;
      }
    }
    EXPECT_GT(found, static_cast<int>(bytes.size()) / 4) << CodecName(codec);
  }
}

TEST(ContainerTest, BlocksHaveALimitAfterDecompression) {
  const SchemaPtr schema = Primitive(Type::kString);
  for (const Codec codec : {Codec::kDeflate, Codec::kZstandard}) {
    SeededRandom random(5);
    std::string out;
    WriterOptions options;
    options.codec = codec;
    auto writer = ContainerWriter::Create(schema, options, random, &out).value();
    ASSERT_TRUE(writer->Append(Value::String(std::string(1'000'000, 'x'))));
    ASSERT_TRUE(writer->Finish());
    // The text, and three bytes for its length.
    EXPECT_FALSE(ReadRecords(out, {.block_bytes = 1'000'003}).error);
    const Outcome outcome = ReadRecords(out, {.block_bytes = 1'000'002});
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->kind, ErrorKind::kResourceExhausted);
  }
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(ContainerTest, HeadersThatCannotBeReadSayWhy) {
  WriterOptions options;
  options.codec = Codec::kNull;
  const std::string good = WriteEvents(3, options);
  const auto refuse = [](const std::string& bytes) {
    const auto reader = ContainerReader::Open(bytes, "x.avro", {});
    EXPECT_FALSE(reader);
    return reader ? Error{} : reader.error();
  };
  EXPECT_THAT(refuse("PAR1").message, HasSubstr("x.avro: no Avro container file"));
  const Error codec = refuse(Replaced(good, "\x08null", "\x0csnappy"));
  EXPECT_EQ(codec.kind, ErrorKind::kUnsupported);
  EXPECT_THAT(codec.message, HasSubstr("codec 'snappy' is not supported"));
  EXPECT_THAT(refuse(Replaced(good, "avro.schema", "avro.schemx")).message,
              HasSubstr("without avro.schema"));
  const Error schema = refuse(Replaced(good, "\"long\"", "\"lung\""));
  EXPECT_EQ(schema.kind, ErrorKind::kCorruption);
  EXPECT_THAT(schema.message, HasSubstr("unknown type \"lung\""));
}

TEST(ContainerTest, ForeignTailsOfDeflateBlocksAreIgnored) {
  // Some writers cut a zlib stream so that three bytes of its checksum stay behind the data.
  std::string block;
  ASSERT_TRUE(Encode(*EventSchema(), Event(1), block));
  const std::string data = CompressBlock(Codec::kDeflate, 1, block).value() + "abc";
  BlockDecompressor decompressor;
  EXPECT_EQ(decompressor.Decompress(Codec::kDeflate, data, 1000).value(), block);
  for (const Codec codec : {Codec::kDeflate, Codec::kZstandard}) {
    EXPECT_EQ(decompressor.Decompress(codec, "", 1000).error().kind, ErrorKind::kCorruption);
  }
}

// One decompressor takes a large block and a small one, a broken one and a good one.
TEST(ContainerTest, BlocksOfAnySizeFollowEachOther) {
  BlockDecompressor decompressor;
  std::mt19937_64 random(7);
  for (const Codec codec : {Codec::kDeflate, Codec::kZstandard}) {
    for (const size_t size : {10, 200'000, 1'500'000, 0, 70'000, 1}) {
      std::string block(size, '\0');
      for (char& c : block) c = static_cast<char>('a' + random() % 4);
      const std::string data = CompressBlock(codec, 1, block).value();
      const auto limit = static_cast<int64_t>(size);
      EXPECT_EQ(decompressor.Decompress(codec, data, limit).value(), block);
      EXPECT_FALSE(decompressor.Decompress(codec, data.substr(0, data.size() / 2), limit));
      if (size == 0) continue;
      EXPECT_EQ(decompressor.Decompress(codec, data, limit - 1).error().kind,
                ErrorKind::kResourceExhausted);
    }
  }
}

TEST(ContainerTest, RecordsWithoutBytesAreCountedNotStored) {
  SeededRandom random(5);
  std::string out;
  auto writer =
      ContainerWriter::Create(RecordOf("empty", {}), WriterOptions{}, random, &out).value();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer->Append(Value::Record({})));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(ReadRecords(out).records.size(), 1000u);
}

}  // namespace
}  // namespace octolake::avro
