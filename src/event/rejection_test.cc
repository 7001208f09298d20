// What is not an event: why, which bytes, where; and that reading goes on behind it.
#include <gmock/gmock.h>

#include "event/reading_for_test.h"

namespace octolake::event {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using R = RejectedDocument;

void ExpectBetween(const std::string& bad, const std::string& reason) {
  const std::string text = SmallEvent("1") + "\n" + bad + "\n" + SmallEvent("2") + "\n";
  const auto offset = static_cast<int64_t>(SmallEvent("1").size() + 1);
  for (const int64_t piece : {1, 13, 1 << 20}) {
    const Reading reading = ReadText(text, TestOptions(), piece);
    EXPECT_THAT(reading.Ids(), ElementsAre("1", "2")) << bad.substr(0, 80);
    EXPECT_THAT(reading.rejected, ElementsAre(R{bad, reason, 1, offset})) << bad.substr(0, 80);
  }
}

TEST(RejectionTest, EveryReasonInTheShapeOfTheDocument) {
  ExpectBetween("123", "not a JSON object");
  ExpectBetween("null", "not a JSON object");
  ExpectBetween("\"text, with {brackets}\"", "not a JSON object");
  ExpectBetween("{}", "no type: expected a string");
  ExpectBetween(R"({"type":5,"id":"1","created_at":"2015-01-01T00:00:00Z"})",
                "no type: expected a string");
  ExpectBetween(R"({"type":"\ud800","id":"1","created_at":"2015-01-01T00:00:00Z"})",
                "no type: expected a string");
  ExpectBetween(R"({"type":"T","id":"1"})", "no created_at");
  ExpectBetween(R"({"type":"T","id":"1","created_at":null})", "created_at is not a date");
  ExpectBetween(R"({"type":"T","id":"1","created_at":1420070400})", "created_at is not a date");
  ExpectBetween(R"({"type":"T","id":"1","created_at":"yesterday"})", "created_at is not a date");
  ExpectBetween(R"({"type":"T","id":"1","created_at":"2015-02-29T00:00:00Z"})",
                "created_at is not a date");
  ExpectBetween(R"({"type":"T","created_at":"2015-01-01T00:00:00Z"})", "no id");
  ExpectBetween(R"({"id":"","type":"T","created_at":"2015-01-01T00:00:00Z"})", "no id");
  ExpectBetween(R"({"id":1.5,"type":"T","created_at":"2015-01-01T00:00:00Z"})", "no id");
  ExpectBetween(
      R"({"type":"T","actor":{"id":1},"repository":{},"created_at":"2015-01-01T00:00:00Z"})",
      "no id");
}

// The last backslash is itself escaped, so the quote behind it ends the string.
TEST(RejectionTest, AStringThatEndsInABackslashTakesNothingElse) {
  const Reading reading =
      ReadText(R"(["a\\\\",)" + SmallEvent("1") + R"(,"b\"c\\",)" + SmallEvent("2") + "]");
  EXPECT_THAT(reading.Ids(), ElementsAre("1", "2"));
  ASSERT_EQ(reading.rejected.size(), 2U);
  EXPECT_EQ(reading.rejected[0].raw, R"("a\\\\")");
  EXPECT_EQ(reading.rejected[1].raw, R"("b\"c\\")");
}

TEST(RejectionTest, EveryReasonInTheJson) {
  ExpectBetween("not json", "invalid JSON at byte 0: expected a value");
  ExpectBetween(R"({"a":tru})", "invalid JSON at byte 5: expected a value");
  ExpectBetween(R"({"a":01})", "invalid JSON at byte 5: a number is not well formed");
  ExpectBetween(R"({"a" 1})", "invalid JSON at byte 5: expected ':'");
  ExpectBetween(R"({"a":1,})", "invalid JSON at byte 7: expected a key in quotes");
  ExpectBetween(R"({"a":1 "b":2})", "invalid JSON at byte 7: expected ',' or '}'");
  ExpectBetween(R"({"a":[1 2]})", "invalid JSON at byte 8: expected ',' or ']'");
  ExpectBetween(R"({"a":[1,]})", "invalid JSON at byte 8: expected a value");
  ExpectBetween(R"({"a":1]})", "invalid JSON at byte 6: expected ',' or '}'");
  ExpectBetween(R"({"a":"\q"})", "invalid JSON at byte 6: an escape is not one of JSON's");
  ExpectBetween(R"({"a":"\u12g4"})", "invalid JSON at byte 6: an escape is not one of JSON's");
  ExpectBetween("{\"a\":\"x\ty\"}", "invalid JSON at byte 7: control character in a string");
  ExpectBetween("{\"a\":\"\xff\"}", "invalid UTF-8 at byte 6");
  ExpectBetween("{\"a\":\"\xed\xa0\x80\"}", "invalid UTF-8 at byte 6");
  ExpectBetween("{\"a\":\"\xc0\xaf\"}", "invalid UTF-8 at byte 6");
}

TEST(RejectionTest, ADamagedLineDoesNotSwallowTheNext) {
  ExpectBetween(R"({"a":1)", "invalid JSON at byte 6: expected ',' or '}'");
  ExpectBetween(R"({"a":1,)", "invalid JSON at byte 7: expected a key in quotes");
  ExpectBetween(R"({"a":)", "invalid JSON at byte 5: expected a value");
  ExpectBetween(R"({"a":[1,)", "invalid JSON at byte 8: expected a value");
  ExpectBetween(R"({"a":"x)", "invalid JSON at byte 7: a string has no end");
  ExpectBetween(R"({"a":"x\)", "invalid JSON at byte 8: a string has no end");
  ExpectBetween(R"({"id":"9","type":"T,"created_at":"2015-01-01T00:00:00Z"})",
                "invalid JSON at byte 56: a string has no end");
  ExpectBetween(R"("type":"T","actor":{"id":1},"created_at":"2015-01-01T00:00:00Z"})",
                "invalid JSON at byte 6: expected the end of the document");
}

TEST(RejectionTest, GarbageBetweenDocumentsOfOneLine) {
  const std::string a = SmallEvent("1");
  const auto size = static_cast<int64_t>(a.size());
  const Reading reading = ReadText(a + "xyz" + SmallEvent("2") + "]" + SmallEvent("3"));
  EXPECT_THAT(reading.Ids(), ElementsAre("1", "2", "3"));
  EXPECT_THAT(reading.rejected,
              ElementsAre(R{"xyz", "invalid JSON at byte 0: expected a value", 1, size},
                          R{"]", "invalid JSON at byte 0: expected a value", 3, 2 * size + 3}));
}

TEST(RejectionTest, ADamagedDocumentAmongConcatenatedOnes) {
  const std::string text =
      SmallEvent("1") + "{\"a\":1]" + "}" + SmallEvent("2") + R"({"a":tru})" + SmallEvent("3");
  const Reading reading = ReadText(text, TestOptions(), 5);
  EXPECT_THAT(reading.Ids(), ElementsAre("1", "2", "3"));
  ASSERT_EQ(reading.rejected.size(), 2u);
  EXPECT_EQ(reading.rejected[0].raw, "{\"a\":1]}");
  EXPECT_EQ(reading.rejected[1].raw, R"({"a":tru})");
}

TEST(RejectionTest, ElementsThatAreNotObjects) {
  const Reading reading = ReadText("[1, \"a]\\\"{\", true," + SmallEvent("1") + ",null,[2]]");
  EXPECT_THAT(reading.Ids(), ElementsAre("1"));
  std::vector<std::string> raw;
  for (const R& rejected : reading.rejected) {
    raw.push_back(rejected.raw);
    EXPECT_EQ(rejected.reason, "not a JSON object");
  }
  EXPECT_THAT(raw, ElementsAre("1", "\"a]\\\"{\"", "true", "null", "2"));
}

TEST(RejectionTest, TheInputEndsInsideADocument) {
  const std::string a = SmallEvent("1");
  const auto size = static_cast<int64_t>(a.size());
  const char* reason = "the input ends inside this document";
  EXPECT_THAT(ReadText(a + R"({"id":"2","ty)").rejected,
              ElementsAre(R{R"({"id":"2","ty)", reason, 1, size}));
  EXPECT_THAT(ReadText(a + "\n{\n \"id\": 5,").rejected,
              ElementsAre(R{"{\n \"id\": 5,", reason, 1, size + 1}));
  EXPECT_THAT(ReadText("\n [ " + a + ",").rejected,
              ElementsAre(R{"[", "the array that begins here has no end", 1, 2}));
}

TEST(RejectionTest, TooLongIsSkippedInPieces) {
  ReadOptions options = TestOptions();
  options.max_document_bytes = 300;
  options.max_rejected_bytes = 20;
  const std::string filler(2000, 'x');
  const std::string reason = "longer than 300 bytes";
  const std::string long_object = R"({"a":"}{ \")" + filler + R"(","b":[{}]})";
  const std::string start = long_object.substr(0, 20);
  for (const int64_t piece : {1, 64, 1 << 20}) {
    for (const std::string& separator : {std::string("\n"), std::string()}) {
      const std::string text =
          SmallEvent("1") + separator + long_object + separator + SmallEvent("2");
      const Reading reading = ReadText(text, options, piece);
      EXPECT_THAT(reading.Ids(), ElementsAre("1", "2"));
      const auto offset = static_cast<int64_t>(SmallEvent("1").size() + separator.size());
      EXPECT_THAT(reading.rejected, ElementsAre(R{start, reason, 1, offset}));
    }
    const Reading lines = ReadText(filler + "\n" + SmallEvent("1") + "\n{\"a\":\"" + filler + "\n" +
                                       SmallEvent("2") + "\n{\"a\":[" + filler,
                                   options, piece);
    EXPECT_THAT(lines.Ids(), ElementsAre("1", "2"));
    ASSERT_EQ(lines.rejected.size(), 3u);
    for (const R& rejected : lines.rejected) {
      EXPECT_EQ(rejected.reason, reason);
      EXPECT_EQ(rejected.raw.size(), 20u);
    }
  }
}

// What is damaged must not depend on where a read of the input happened to end.
TEST(RejectionTest, DamageIsTheSameHoweverTheBytesArrive) {
  ReadOptions options = TestOptions();
  options.max_document_bytes = 200;
  options.max_rejected_bytes = 50;
  const std::string filler(300, 'x');
  const std::string texts[] = {
      // Broken on its third line, of which the rest belongs to the damage.
      "[\n {\n  \"a\": 1,\n  $\"b\": {\"c\": [1, 2, 3]}, \"d\": true\n }\n]\n",
      // The same, with a line that is too long.
      "{\n  \"a\": 1,\n  $\"b\": \"" + filler + "\"\n}\n",
      // Broken only beyond the limit.
      "{\n  \"a\": \"" + filler + "\",\n  $}\n",
      // What follows on the line tells whether the object is whole.
      R"({"a":tru} x)" + std::string("\n"), R"({"a":tru}   ,   )" + SmallEvent("7") + "\n",
      // Damage that is too long once what follows is taken to it.
      R"({"a":tru} )" + filler + "\n", R"({"a":tru} )" + filler + R"(}{"a":1})" + "\n",
      // The next document begins just where the limit is.
      std::string(198, 'y') + "}{\"a\":1}\n", std::string(199, 'y') + "}{\"a\":1}\n",
      std::string(200, 'y') + "}{\"a\":1}\n", std::string(201, 'y') + "}{\"a\":1}\n"};
  for (const std::string& damage : texts) {
    const std::string text = SmallEvent("1") + "\n" + damage + SmallEvent("2") + "\n";
    const Reading whole = ReadText(text, options);
    EXPECT_THAT(whole.Ids(), ::testing::Contains("1"));
    EXPECT_THAT(whole.Ids(), ::testing::Contains("2")) << damage;
    EXPECT_FALSE(whole.rejected.empty()) << damage;
    for (int64_t piece = 1; piece <= 80; ++piece) {
      const Reading reading = ReadText(text, options, piece);
      EXPECT_EQ(reading.Ids(), whole.Ids()) << damage << " in pieces of " << piece;
      EXPECT_EQ(reading.rejected, whole.rejected) << damage << " in pieces of " << piece;
    }
  }
}

TEST(RejectionTest, AHundredMegabyteLine) {
  std::string text = SmallEvent("1") + "\n{\"type\":\"";
  text.append(size_t{100} << 20, 'x');
  text += "\"}\n" + SmallEvent("2") + "\n";
  const Reading reading = ReadText(text);
  EXPECT_THAT(reading.Ids(), ElementsAre("1", "2"));
  ASSERT_EQ(reading.rejected.size(), 1u);
  EXPECT_EQ(reading.rejected[0].reason, "longer than 33554432 bytes");
  EXPECT_EQ(reading.rejected[0].raw.size(), size_t{1} << 20);
}

TEST(RejectionTest, DeepNesting) {
  const std::string reason = "nested deeper than 256 levels";
  std::string arrays = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  ExpectBetween(arrays, reason);
  arrays.pop_back();
  ExpectBetween(arrays, reason);
  ExpectBetween("{\"a\":" + std::string(100'000, '['), reason);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  ExpectBetween(objects, reason);

  const Reading concatenated = ReadText(SmallEvent("1") + arrays + "}" + SmallEvent("2"));
  EXPECT_THAT(concatenated.Ids(), ElementsAre("1", "2"));
  ASSERT_EQ(concatenated.rejected.size(), 1u);
  EXPECT_EQ(concatenated.rejected[0].reason, reason);

  const Reading framing = ReadText(std::string(100'000, '[') + "\n" + SmallEvent("1"));
  EXPECT_THAT(framing.Ids(), ElementsAre("1"));
  ASSERT_EQ(framing.rejected.size(), 1u);
  EXPECT_EQ(framing.rejected[0].reason, reason);
}

TEST(RejectionTest, DepthIsCountedExactly) {
  ReadOptions options = TestOptions();
  options.max_depth = 3;
  const std::string head = R"({"id":"1","type":"T","created_at":"2015-01-01T00:00:00Z","payload":)";
  EXPECT_THAT(ReadText(head + "[[1]]}", options).Ids(), ElementsAre("1"));
  EXPECT_EQ(ReadText(head + "[[[]]]}", options).rejected.at(0).reason,
            "nested deeper than 3 levels");
}

TEST(RejectionTest, APrettyPrintedDocumentWithAnErrorIsOne) {
  const std::string bad = "{\n  \"a\": 1,\n  \"b\": x\n}";
  ExpectBetween(bad, "invalid JSON at byte 19: expected a value");
}

}  // namespace
}  // namespace octolake::event
