// How documents are found in a stream of bytes, through the whole reader.
#include <gmock/gmock.h>

#include "event/reading_for_test.h"
#include "event/rebuild.h"

namespace octolake::event {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string A() { return SmallEvent("1"); }
std::string B() { return SmallEvent("2"); }
std::string C() { return SmallEvent("3"); }

std::string Pretty() {
  return "{\n  \"id\": \"2\",\r\n  \"type\": \"WatchEvent\",\n  \"list\": [\n    {\n      \"a\": "
         "1\n"
         "    },\n    []\n  ],\n  \"created_at\":\n \"2015-01-01T00:00:00Z\"\n}";
}

std::string Utf16(const std::u16string& text, bool big) {
  std::string out = big ? "\xfe\xff" : "\xff\xfe";
  for (const char16_t unit : text) {
    const char low = static_cast<char>(unit & 0xff);
    const char high = static_cast<char>(unit >> 8);
    out += big ? high : low;
    out += big ? low : high;
  }
  return out;
}

std::u16string Widen(const std::string& ascii) { return {ascii.begin(), ascii.end()}; }

struct Framing {
  const char* name;
  std::string text;
};

class FramingTest : public ::testing::TestWithParam<Framing> {};

TEST_P(FramingTest, GivesThreeEventsHoweverTheBytesArrive) {
  const std::string& text = GetParam().text;
  for (int64_t piece = 1; piece <= 64; ++piece) {
    const Reading reading = ReadText(text, TestOptions(), piece);
    ASSERT_FALSE(reading.error) << reading.error->message;
    ASSERT_THAT(reading.Ids(), ElementsAre("1", "2", "3")) << "in pieces of " << piece;
    ASSERT_THAT(reading.rejected, IsEmpty()) << "in pieces of " << piece;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FramingTest,
    ::testing::Values(
        Framing{"Lines", A() + "\n" + B() + "\n" + C() + "\n"},
        Framing{"NoLastNewline", A() + "\n" + B() + "\n" + C()},
        Framing{"CrLf", A() + "\r\n" + B() + "\r\n" + C() + "\r\n"},
        Framing{"BlankLines", "\n\n" + A() + "\n \t\n" + B() + "\n\r\n\n" + C() + "\n\n"},
        Framing{"SpacesAround", "  " + A() + "  \n\t" + B() + "\t\n" + C() + " "},
        Framing{"Concatenated", A() + B() + C()},
        Framing{"ConcatenatedWithSpaces", A() + " " + B() + "\t" + C() + "\n"},
        Framing{"SomeOnOneLine", A() + "\n" + B() + C() + "\n"},
        Framing{"Array", "[" + A() + "," + B() + "," + C() + "]"},
        Framing{"ArrayOverLines", "[\n" + A() + ",\n" + B() + ",\n" + C() + "\n]\n"},
        Framing{"CommasFirst", "[" + A() + "\n, " + B() + "\n, " + C() + "\n]"},
        Framing{"NestedArrays", "[[" + A() + "],[[" + B() + "]],[]," + C() + "]"},
        Framing{"SeveralArrays", "[" + A() + "]\n[" + B() + "," + C() + "]\n[]"},
        Framing{"ArraysWithoutBreak", "[" + A() + "][" + B() + "," + C() + "]"},
        Framing{"LineWithComma", A() + ",\n" + B() + ",\n" + C() + ",\n"},
        Framing{"PrettyAmongLines", A() + "\n" + Pretty() + "\n" + C() + "\n"},
        Framing{"PrettyInArray", "[\n  " + A() + ",\n  " + Pretty() + ",\n  " + C() + "\n]"},
        Framing{"PrettyConcatenated", A() + Pretty() + C()},
        Framing{"Mixture", "[" + A() + "]" + Pretty() + "\r\n" + C()},
        Framing{"ByteOrderMark", "\xef\xbb\xbf" + A() + "\n" + B() + "\n" + C()},
        Framing{"MarkAtEveryFile", "\xef\xbb\xbf" + A() + "\n\xef\xbb\xbf" + B() + "\n" + C()},
        Framing{"Utf16Le", Utf16(Widen(A() + "\r\n" + B() + "\r\n" + C()), false)},
        Framing{"Utf16Be", Utf16(Widen("[" + A() + "," + B() + "\n," + C() + "]"), true)},
        Framing{"Utf16LeWithoutMark",
                Utf16(Widen(A() + B() + "\n" + C() + "\n"), false).substr(2)}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(StreamTest, EmptyInputHasNoBatch) {
  for (const char* text : {"", "\n", " \r\n\n", "[]", "[[],[]]\n", "\xef\xbb\xbf", "\xff\xfe"}) {
    const Reading reading = ReadText(text);
    EXPECT_THAT(reading.batches, IsEmpty()) << text;
    EXPECT_FALSE(reading.error);
  }
}

TEST(StreamTest, LineSeparatorsAndBracketsInStringsAreText) {
  const std::string title = "a\u2028b\u2029}{ ]\\\" \\\\";
  const std::string event =
      R"({"id":"7","type":"T","created_at":"2015-01-01T00:00:00Z","payload":")" + title + R"("})";
  for (const std::string& text : {event + "\n" + event, event + event, "[" + event + "," + event}) {
    const Reading reading = ReadText(text, TestOptions(), 3);
    ASSERT_THAT(reading.Ids(), ElementsAre("7", "7"));
    EXPECT_EQ(reading.events[1].payload, '"' + title + '"');
  }
}

TEST(StreamTest, Utf16KeepsTextBeyondTheBasicPlane) {
  const std::u16string text =
      u"{\"id\":\"1\",\"type\":\"é€😀\",\"created_at\":\"2015-01-01T00:00:00Z\"}\n{}";
  for (const bool big : {false, true}) {
    const Reading reading = ReadText(Utf16(text, big), TestOptions(), 1);
    ASSERT_EQ(reading.events.size(), 1u);
    EXPECT_EQ(reading.events[0].type, "é€😀");
    // The second document's offset counts the mark and two bytes a code unit.
    const auto offset = static_cast<int64_t>(2 + 2 * (text.size() - 2));
    EXPECT_THAT(reading.rejected,
                ElementsAre(RejectedDocument{"{}", "no type: expected a string", 1, offset}));
  }
}

TEST(StreamTest, BrokenUtf16IsRejectedNotReplaced) {
  std::u16string text = u"{\"a\":\"x\"}\n" + Widen(A());
  text[6] = 0xd800;  // half a pair in place of x
  const Reading reading = ReadText(Utf16(text, false) + "!");
  EXPECT_THAT(reading.Ids(), ElementsAre("1"));
  ASSERT_EQ(reading.rejected.size(), 2u);
  EXPECT_EQ(reading.rejected[0].reason, "invalid UTF-8 at byte 6");
  EXPECT_EQ(reading.rejected[1].raw, "\xff");
}

TEST(StreamTest, OneLongLineOfManyDocumentsIsReadInBoundedMemory) {
  std::string text;
  const std::string event = SmallEvent("5");
  constexpr size_t kEvents = 20000;
  for (size_t i = 0; i < kEvents; ++i) text += event;
  ReadOptions options = TestOptions();
  options.max_document_bytes = 1000;  // more would be rejected if the line were one document
  options.batch_bytes = int64_t{16} << 20;
  const Reading reading = ReadText(text, options);
  EXPECT_EQ(reading.events.size(), kEvents);
  EXPECT_THAT(reading.rejected, IsEmpty());
  EXPECT_EQ(reading.batches.size(), 3u);  // 8192 rows each
}

TEST(StreamTest, BatchesEndAtRowsOrBytes) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += SmallEvent(std::to_string(i)) + "\n{}\n";
  ReadOptions options = TestOptions();
  options.batch_rows = 7;
  EXPECT_EQ(ReadText(text, options).batches.size(), 3u);
  options.batch_rows = 8192;
  options.batch_bytes = 2 * static_cast<int64_t>(SmallEvent("0").size());
  const Reading reading = ReadText(text, options);
  EXPECT_GE(reading.batches.size(), 5u);
  EXPECT_EQ(reading.events.size(), 10u);
  EXPECT_EQ(reading.rejected.size(), 10u);
}

TEST(StreamTest, ErrorOfTheInputComesAfterTheDocumentsBeforeIt) {
  const Error cut{ErrorKind::kCorruption, "cut"};
  const std::string text = A() + "\n" + B() + "\n" + C().substr(0, 40);
  for (const int64_t piece : {1, 7, 4096}) {
    const Reading reading = ReadText(text, TestOptions(), piece, cut);
    EXPECT_THAT(reading.Ids(), ElementsAre("1", "2"));
    EXPECT_THAT(reading.rejected, IsEmpty());
    ASSERT_TRUE(reading.error);
    EXPECT_EQ(reading.error->kind, ErrorKind::kCorruption);
    EXPECT_EQ(reading.error->message, "cut");
  }
}

TEST(StreamTest, TraceIdsGrowInTheOrderOfReading) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += SmallEvent(std::to_string(i)) + "\n[1]\n";
  const Reading reading = ReadText(text);
  ASSERT_EQ(reading.trace_ids.size(), 50u);
  ASSERT_EQ(reading.rejected_trace_ids.size(), 50u);
  for (size_t i = 0; i < 50; ++i) {
    EXPECT_LT(reading.trace_ids[i], reading.rejected_trace_ids[i]);
    if (i > 0) {
      EXPECT_LT(reading.rejected_trace_ids[i - 1], reading.trace_ids[i]);
    }
  }
}

}  // namespace
}  // namespace octolake::event
