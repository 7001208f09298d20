// From documents to columns, and back by RebuildEvent.
#include "event/event_parser.h"

#include <gmock/gmock.h>

#include "event/canonical_json.h"
#include "event/reading_for_test.h"
#include "event/rebuild.h"

namespace octolake::event {
namespace {

using ::testing::IsEmpty;

// The only row of a document, checked to be put together again to the same canonical JSON.
struct OneRow {
  explicit OneRow(const std::string& document) : reading(ReadText(document)) {
    EXPECT_EQ(reading.events.size(), 1u) << document;
    EXPECT_THAT(reading.rejected, IsEmpty()) << document;
    if (reading.events.size() != 1) return;
    row = reading.events[0];
    const Result<std::string> rebuilt = RebuildEvent(row);
    EXPECT_TRUE(rebuilt) << document;
    EXPECT_EQ(CanonicalJson(rebuilt.value_or("")).value_or("nothing"), *CanonicalJson(document));
  }
  Reading reading;
  EventRow row;
};

// An event of the Events API shape with `members` in place of actor, repo, payload and public.
std::string With(const std::string& members) {
  return R"({"id":"1","type":"T","created_at":"2015-01-01T00:00:00Z",)" + members + "}";
}
// The same in the timeline shape.
std::string Timeline(const std::string& members) {
  return R"({"type":"T","created_at":"2012/04/01 12:01:30 -0700",)" + members + "}";
}

TEST(EventParserTest, EventsApiShape) {
  const OneRow one(
      R"({"id":"2489651045","type":"PushEvent","actor":{"id":665991,"login":"petro","gravatar_id":"",)"
      R"("url":"https://api.github.com/users/petro","avatar_url":"https://a/u/665991?",)"
      R"("display_login":"petro"},"repo":{"id":28688495,"name":"petro/node","url":"https://r"},)"
      R"("payload":{"size": 1,"commits":[{"sha":"ab"}]},"public":true,)"
      R"("created_at":"2015-01-01T15:00:00Z","org":{"id":9,"login":"lab","url":"u"}})");
  const EventRow& row = one.row;
  EXPECT_EQ(row.id, "2489651045");
  EXPECT_EQ(row.type, "PushEvent");
  EXPECT_EQ(row.is_public, true);
  EXPECT_EQ(row.actor_id, 665991);
  EXPECT_EQ(row.actor_login, "petro");
  EXPECT_EQ(row.actor_gravatar_id, "");
  EXPECT_EQ(row.actor_url, "https://api.github.com/users/petro");
  EXPECT_EQ(row.actor_avatar_url, "https://a/u/665991?");
  EXPECT_EQ(row.repo_id, 28688495);
  EXPECT_EQ(row.repo_name, "petro/node");
  EXPECT_EQ(row.repo_url, "https://r");
  EXPECT_EQ(row.payload, R"({"size": 1,"commits":[{"sha":"ab"}]})");
  EXPECT_EQ(row.created_at, "2015-01-01T15:00:00Z");
  EXPECT_EQ(row.event_time, 1420124400000000);
  EXPECT_EQ(row.org_id, 9);
  EXPECT_EQ(row.org_login, "lab");
  EXPECT_EQ(row.delivery_id, std::nullopt);
  EXPECT_EQ(row.extra, R"({"actor":{"display_login":"petro"},"org":{"url":"u"}})");
}

TEST(EventParserTest, TimelineShape) {
  const std::string document =
      R"({"repository":{"owner":"mojo","name":"lab","id":7,"url":"https://github.com/mojo/lab",)"
      R"("organization":"mojo","watchers":3,"fork":false},"actor_attributes":{"login":"ann",)"
      R"("gravatar_id":"b8d3"},"type":"WatchEvent","url":"https://github.com/mojo/lab","actor":"ann",)"
      R"("payload":{"action":"started"},"public":1,"created_at":"2012/04/01 12:01:30 -0700"})";
  const OneRow one(document);
  const EventRow& row = one.row;
  // Computed by another implementation of RFC 8785.
  EXPECT_EQ(row.id, "h4d360aad1817def68908978c206de8a0");
  EXPECT_EQ(row.type, "WatchEvent");
  EXPECT_EQ(row.is_public, true);
  EXPECT_EQ(row.actor_id, std::nullopt);
  EXPECT_EQ(row.actor_login, "ann");
  EXPECT_EQ(row.actor_gravatar_id, "b8d3");
  EXPECT_EQ(row.repo_id, 7);
  EXPECT_EQ(row.repo_name, "mojo/lab");
  EXPECT_EQ(row.repo_url, "https://github.com/mojo/lab");
  EXPECT_EQ(row.org_login, "mojo");
  EXPECT_EQ(row.created_at, "2012/04/01 12:01:30 -0700");
  EXPECT_EQ(row.event_time, 1333306890000000);
  EXPECT_EQ(row.extra,
            R"({"public":1,"actor_attributes":{"login":"ann"},"repository":{"watchers":3,"fork":)"
            R"(false},"url":"https://github.com/mojo/lab"})");
}

TEST(EventParserTest, ShapeIsToldByFieldsNotByDate) {
  const OneRow early(
      R"({"id":"5","type":"T","actor":{"login":"a"},"repo":{},"created_at":"2011-02-12T00:00:00Z"})");
  EXPECT_EQ(early.row.id, "5");
  EXPECT_EQ(early.row.actor_login, "a");
  const OneRow late(R"({"type":"T","actor":"a","created_at":"2026-02-12T00:00:00Z"})");
  EXPECT_TRUE(IsDerivedId(*late.row.id));
  EXPECT_EQ(late.row.actor_login, "a");
  EXPECT_TRUE(IsDerivedId(*OneRow(Timeline(R"("actor":null)")).row.id));
  EXPECT_TRUE(IsDerivedId(*OneRow(Timeline(R"("repository":{})")).row.id));
  EXPECT_TRUE(IsDerivedId(*OneRow(Timeline(R"("actor_attributes":{})")).row.id));
}

TEST(EventParserTest, DerivedIdDependsOnTheContentAlone) {
  const std::string id(*OneRow(Timeline(R"("actor":"é","x":[1,2.0])")).row.id);
  EXPECT_EQ(OneRow(R"({ "x": [1.0,2e0], "created_at": "2012\/04/01 12:01:30 -0700",
                        "actor": "\u00e9", "type": "T" })")
                .row.id,
            id);
  for (const char* other : {R"("actor":"é","x":[1,2.5])", R"("actor":"é","x":[2,1])",
                            R"("actor":"e","x":[1,2.0])", R"("actor":"é","x":[1,2],"y":null)"}) {
    EXPECT_NE(OneRow(Timeline(other)).row.id, id) << other;
  }
  EXPECT_NE(OneRow(Timeline(R"("actor":"a","x":9007199254740993)")).row.id,
            OneRow(Timeline(R"("actor":"a","x":9007199254740992)")).row.id);
}

TEST(EventParserTest, AbsentNullAndWrongTypesSurvive) {
  const struct {
    const char* members;
    const char* extra;
  } cases[] = {
      {R"("payload":null)", R"({"payload":null})"},
      {R"("public":null)", R"({"public":null})"},
      {R"("public":0)", R"({"public":0})"},
      {R"("public":"true")", R"({"public":"true"})"},
      {R"("public":2)", R"({"public":2})"},
      {R"("actor":{})", R"({"actor":{}})"},
      {R"("actor":{"id":"7","login":5,"gravatar_id":null})",
       R"({"actor":{"id":"7","login":5,"gravatar_id":null}})"},
      {R"("actor":{"id":9223372036854775808,"login":"a"})",
       R"({"actor":{"id":9223372036854775808}})"},
      {R"("actor":{"id":1.0})", R"({"actor":{"id":1.0}})"},
      {R"("actor":{"login":"\udc00"})", R"({"actor":{"login":"\udc00"}})"},
      {R"("repo":null)", R"({"repo":null})"},
      {R"("repo":"a/b")", R"({"repo":"a/b"})"},
      {R"("repo":[1, 2])", R"({"repo":[1, 2]})"},
      {R"("org":{"id":null,"x":{"y": [ ]}})", R"({"org":{"id":null,"x":{"y": [ ]}}})"},
      {R"("repository":{"name":"x"},"actor":{"id":1})", R"({"repository":{"name":"x"}})"},
      {R"("new":1,"newer":{"a":"b"})", R"({"new":1,"newer":{"a":"b"}})"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(OneRow(With(c.members)).row.extra, c.extra) << c.members;
  }
  EXPECT_EQ(OneRow(With(R"("actor":{"id":9223372036854775807})")).row.actor_id, INT64_MAX);
  EXPECT_EQ(OneRow(With(R"("actor":{"id":-9223372036854775808})")).row.actor_id, INT64_MIN);
  EXPECT_EQ(OneRow(With(R"("actor":{"id":9223372036854775808})")).row.actor_id, std::nullopt);
  EXPECT_EQ(OneRow(With(R"("public":0)")).row.is_public, false);
  EXPECT_EQ(OneRow(With(R"("public":2)")).row.is_public, std::nullopt);
  EXPECT_EQ(OneRow(With(R"("payload":[1, "x"])")).row.payload, R"([1, "x"])");
  EXPECT_EQ(OneRow(With(R"("actor":{"login":"a\u00e9\n\ud83d\ude00"})")).row.actor_login, "aé\n😀");
}

TEST(EventParserTest, TimelineOddities) {
  EXPECT_EQ(OneRow(Timeline(R"("actor":null)")).row.extra, R"({"actor":null})");
  EXPECT_EQ(OneRow(Timeline(R"("actor":"a","repository":{"owner":"o","name":"n"})")).row.extra,
            std::nullopt);
  const OneRow empty(Timeline(R"("actor":"a","repository":{"owner":"","name":""})"));
  EXPECT_EQ(empty.row.repo_name, std::nullopt);
  EXPECT_EQ(OneRow(Timeline(R"("actor":"a","repository":{"owner":"","name":"n"})")).row.repo_name,
            "/n");
  EXPECT_EQ(OneRow(Timeline(R"("actor":"a","repository":{"name":"n/m"})")).row.repo_name, "/n/m");
  EXPECT_EQ(
      OneRow(Timeline(R"("actor":"a","repository":{"owner":"o/p","name":"n"})")).row.repo_name,
      "o/p/n");
  EXPECT_EQ(OneRow(Timeline(R"("actor":"a","repository":{"owner":1,"name":null})")).row.repo_name,
            std::nullopt);
  EXPECT_EQ(OneRow(Timeline(R"("actor":"a","id":"77","repo":"x","org":{"id":1})")).row.id, "77");
  EXPECT_TRUE(IsDerivedId(*OneRow(Timeline(R"("actor":"a","id":null)")).row.id));
  EXPECT_TRUE(IsDerivedId(*OneRow(Timeline(R"("actor":"a","id":"")")).row.id));
}

TEST(EventParserTest, Ids) {
  const auto id_of = [](const std::string& id) {
    const OneRow one(R"({"id":)" + id + R"(,"type":"T","created_at":"2015-01-01T00:00:00Z"})");
    return std::string(one.row.id.value_or("NULL"));
  };
  EXPECT_EQ(id_of("12345"), "12345");
  EXPECT_EQ(id_of("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(id_of("\"a\\u0062c\""), "abc");
  EXPECT_EQ(id_of("\"h0123456789abcdef0123456789abcdef\""), "h0123456789abcdef0123456789abcdef");
}

TEST(EventParserTest, RepeatedAndEscapedKeysKeepTheDocument) {
  const OneRow top(With(R"("public":false,"public":true)"));
  EXPECT_EQ(top.row.is_public, true);
  EXPECT_THAT(std::string(*top.row.extra), ::testing::HasSubstr(R"("$document":{"id":"1")"));
  EXPECT_EQ(OneRow(With(R"("actor":{"id":1,"id":2})")).row.actor_id, 2);
  EXPECT_EQ(OneRow(With(R"("x":1,"x":2)")).row.id, "1");
  EXPECT_EQ(OneRow(With(R"("\u0061ctor":{"login":"a"})")).row.actor_login, "a");
  // Each is compared with its original when it is made.
  const OneRow escaped_inside(With(R"("actor":{"\u0069d":1,"id":2})"));
  const OneRow own_key(With(R"("$document":{"a":1})"));
  std::string many = R"("a":1)";
  for (int i = 0; i < 100; ++i) many += ",\"k" + std::to_string(i) + "\":1";
  const OneRow with_many(With(many));
}

TEST(EventParserTest, TextsAreReceivedPayloadsUntouched) {
  const std::string payload = "{ \"a\" :\t1e0, \"b\":\"\\u0041\\/\xe2\x80\xa8\",\"c\":[ ] }";
  EXPECT_EQ(OneRow(With("\"payload\" : " + payload)).row.payload, payload);
}

TEST(RebuildTest, WebhookDeliveryIsItsBody) {
  EventRow row;
  row.delivery_id = "d";
  row.payload = R"({"ref":"x"})";
  EXPECT_EQ(*RebuildEvent(row), R"({"ref":"x"})");
}

TEST(RebuildTest, DamagedExtraIsCorruption) {
  EventRow row;
  row.id = "1";
  row.extra = "{\"a\":";
  const Result<std::string> rebuilt = RebuildEvent(row);
  ASSERT_FALSE(rebuilt);
  EXPECT_EQ(rebuilt.error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace octolake::event
