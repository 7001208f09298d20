// Events that are hard on the way to Gold, and what Gold must make of them, computed from the
// events alone. For tests only.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/civil_time.h"

namespace octolake::model {

// A document, and what the steps may know of it.
struct TestEvent {
  std::string text;   // one line, without its end
  std::string again;  // the same content, spelled otherwise
  bool rejected = false;
  std::string key;                       // events of one key are one event to Silver
  std::optional<std::string> actor_key;  // nullopt: nobody
  int64_t day = 0;                       // UTC, since 1970-01-01
};

// The same numbers on every platform.
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : engine_(seed) {}
  int64_t Below(int64_t limit) {
    return static_cast<int64_t>(engine_() % static_cast<uint64_t>(limit));
  }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  template <typename T>
  const T& Pick(const std::vector<T>& values) {
    return values[static_cast<size_t>(Below(static_cast<int64_t>(values.size())))];
  }
  template <typename T>
  void Shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<size_t>(Below(static_cast<int64_t>(i)))]);
    }
  }

 private:
  std::mt19937_64 engine_;
};

// Events of the shapes of 2011 (without ids) and since 2015: several logins of one id, logins alone
// (also of digits), nobody, bots; ids that come again at other instants and with other content;
// days in a row, weeks, years and a midnight apart; documents that are no event.
class TestEventSource {
 public:
  explicit TestEventSource(TestRandom& random)
      : random_(random), first_day_(DaysFromCivil({2015, 3, 1}) + random.Below(60)) {}

  TestEvent Next() {
    ++number_;
    if (random_.OneIn(25)) return Rejected();
    const int64_t instant = Instant();
    return random_.OneIn(4) ? Timeline(instant) : Modern(instant);
  }

 private:
  struct Actor {
    std::string id;                   // "" for none
    std::vector<std::string> logins;  // as JSON
  };

  TestEvent Rejected() {
    TestEvent event;
    event.rejected = true;
    const std::string n = std::to_string(number_);
    event.text = random_.Pick<std::string>({
        "not json " + n,
        R"({"id":")" + n + R"(","type":"PushEvent","repo":{"id":1,"name":"o/a"}})",
        R"({"id":")" + n + R"(","type":"PushEvent","created_at":"someday"})",
        R"({"id":")" + n + R"(","type":7,"created_at":"2015-03-01T00:00:00Z"})",
        "[" + n + "]",
        R"({"type":"PushEvent","actor":{"id":1},"created_at":"2015-03-01T00:00:00Z","n":)" + n +
            "}",
    });
    event.again = event.text;
    return event;
  }

  // Few days, since each is a file of every table: in a row, on both sides of what the seven day
  // averages reach, a month and years away.
  int64_t Instant() {
    const int64_t day =
        first_day_ + random_.Pick<int64_t>({0, 0, 1, 2, 6, 7, 8, 38, -1, -1500, 3900});
    const int64_t second = random_.Pick<int64_t>({0, 5 * 3600, 5 * 3600 + 59, 86'399});
    return (day * 86'400 + second) * kMicrosPerSecond;
  }

  static std::string Clock(int64_t instant, const char* format) {
    const int64_t day = FloorDiv(instant, kMicrosPerDay);
    const CivilDate date = CivilFromDays(day);
    const int64_t second = (instant - day * kMicrosPerDay) / kMicrosPerSecond;
    char text[64];
    std::snprintf(text, sizeof text, format, static_cast<int>(date.year), date.month, date.day,
                  static_cast<int>(second / 3600), static_cast<int>(second / 60 % 60),
                  static_cast<int>(second % 60));
    return text;
  }

  // As Silver cleans it; `json` is a JSON text or null.
  static std::optional<std::string> Login(const std::string& json) {
    if (json == "null") return std::nullopt;
    std::string text = json.substr(1, json.size() - 2);
    text.erase(0, text.find_first_not_of(' '));
    text.erase(text.find_last_not_of(' ') + 1);
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (text.empty()) return std::nullopt;
    return text;
  }

  static std::optional<std::string> ActorKey(const std::string& id, const std::string& login) {
    if (!id.empty()) return "id:" + id;
    const auto clean = Login(login);
    if (clean) return "login:" + *clean;
    return std::nullopt;
  }

  std::string Type() {
    return random_.Pick<std::string>({"PushEvent", "PushEvent", "PushEvent", "PullRequestEvent",
                                      "PullRequestEvent", "PullRequestReviewEvent", "IssuesEvent",
                                      "IssueCommentEvent", "WatchEvent", "ForkEvent", "CreateEvent",
                                      "DeleteEvent", "ReleaseEvent", "GistEvent"});
  }

  std::string Payload(const std::string& type) {
    if (type == "PushEvent") {
      return random_.Pick<std::string>(
          {R"({"size":3,"distinct_size":1,"ref":"refs/heads/main","head":"abc"})",
           R"({"size":0,"ref":"refs/heads/master"})", R"({"ref":"refs/heads/topic"})",
           R"({"size":1000,"ref":"main"})", "{}"});
    }
    if (type == "PullRequestEvent") {
      return random_.Pick<std::string>(
          {R"({"action":"opened","number":4,"pull_request":{"id":5,"merged":false}})",
           R"({"action":"closed","pull_request":{"id":5,"merged":true}})",
           R"({"action":"closed","pull_request":{"id":5,"merged":false}})",
           R"({"action":"merged","pull_request":{"id":5}})", R"({"action":"closed"})"});
    }
    if (type == "IssuesEvent") return R"({"action":"opened","issue":{"number":3,"title":"t"}})";
    return random_.Pick<std::string>({"{}", "null", R"({"action":"started"})"});
  }

  TestEvent Modern(int64_t instant) {
    std::string id = random_.Pick<std::string>(
        {std::to_string(2'000'000 + number_), std::to_string(random_.Below(12)),
         "0" + std::to_string(random_.Below(12)), "delivery-" + std::to_string(number_)});
    // The same event again with other content; which one stays is decided by the order of arrival.
    if (!known_.empty() && random_.OneIn(8)) std::tie(id, instant) = random_.Pick(known_);
    known_.emplace_back(id, instant);

    static const std::vector<Actor> actors{
        {"1", {R"("Ann")", R"("ann-new")", "null"}},
        {"2", {R"(" Bob ")"}},
        {"3", {"null"}},
        {"12", {R"("id:12")"}},
        {"", {R"("12")"}},
        {"", {R"("Carol")", R"("carol ")"}},
        {"99", {R"("build[bot]")"}},
        {"", {"null", R"("  ")"}},
    };
    const Actor& actor = random_.Pick(actors);
    const std::string login = random_.Pick(actor.logins);
    const std::string repo = random_.Pick<std::string>(
        {R"({"id":10,"name":"o/a"})", R"({"id":10,"name":"o/a-renamed"})",
         R"({"id":11,"name":" o/b "})", R"({"name":"o/c"})", R"({"id":12})"});
    const std::string type = Type();
    TestEvent event;
    event.text = R"({"id":")" + id + R"(","type":")" + type + R"(","actor":{)" +
                 (actor.id.empty() ? "" : R"("id":)" + actor.id + ",") + R"("login":)" + login +
                 R"(},"repo":)" + repo + R"(,"payload":)" + Payload(type) + R"(,"public":)" +
                 random_.Pick<std::string>({"true", "true", "false"}) + R"(,"created_at":")" +
                 Clock(instant, "%04d-%02d-%02dT%02d:%02d:%02dZ") + "\"}";
    event.again = event.text;
    event.key = id + "@" + std::to_string(instant);
    event.actor_key = ActorKey(actor.id, login);
    event.day = DaysOfMicros(instant);
    return event;
  }

  // Without an id: the content is the identity, so a number makes each of them another event.
  TestEvent Timeline(int64_t instant) {
    const int64_t offset_hours = random_.Pick<int64_t>({0, -7, 9});
    const std::string clock =
        Clock(instant + offset_hours * kMicrosPerHour, "%04d/%02d/%02d %02d:%02d:%02d ") +
        (offset_hours == 0  ? "+0000"
         : offset_hours < 0 ? "-0700"
                            : "+0900");
    const std::string login =
        random_.Pick<std::string>({R"("Carol")", R"("dave")", R"("12")", R"("1")", "null"});
    const std::string type = Type();
    const std::string repository = random_.Pick<std::string>(
        {R"({"owner":"o","name":"a"})", R"({"id":10,"owner":"o","name":"a"})", "{}"});
    const std::string number = std::to_string(number_);
    const std::string payload = R"({"n":)" + number + R"(,"size":2,"ref":"refs/heads/master"})";
    TestEvent event;
    event.text = R"({"type":")" + type + R"(","actor":)" + login + R"(,"repository":)" +
                 repository + R"(,"payload":)" + payload + R"(,"public":1,"created_at":")" + clock +
                 "\"}";
    event.again = R"({"created_at":")" + clock + R"(", "public":1, "payload":)" + payload +
                  R"(, "repository":)" + repository + R"(, "actor":)" + login + R"(, "type":")" +
                  type + "\"}";
    event.key = "derived from event " + number;
    event.actor_key = ActorKey("", login);
    event.day = DaysOfMicros(instant);
    return event;
  }

  TestRandom& random_;
  int64_t first_day_;
  int64_t number_ = 0;
  std::vector<std::pair<std::string, int64_t>> known_;
};

// What is where, by rule: Silver keeps the first to arrive of a key, and a changed actor's days
// from the first changed one on are what Gold rewrites.
class ExpectedTables {
 public:
  void Load(const TestEvent& event) {
    if (!event.rejected) bronze_.push_back(event);
  }
  // How many events are new to parsed Silver.
  int64_t Parse() {
    int64_t added = 0;
    for (; parsed_until_ < bronze_.size(); ++parsed_until_) {
      const TestEvent& event = bronze_[parsed_until_];
      if (!keys_.insert(event.key).second) continue;
      parsed_.push_back(event);
      ++added;
    }
    return added;
  }
  void RunSilver() { silver_until_ = parsed_.size(); }

  // Rows that Gold computes anew from what Silver has and Gold has not seen: (actor, day).
  using Rows = std::set<std::pair<std::string, int64_t>>;
  Rows RunGold() {
    std::map<std::string, int64_t> first_days;
    for (; gold_until_ < silver_until_; ++gold_until_) {
      const TestEvent& event = parsed_[gold_until_];
      if (!event.actor_key) continue;
      gold_.emplace(*event.actor_key, event.day);
      const auto [at, added] = first_days.emplace(*event.actor_key, event.day);
      if (!added) at->second = std::min(at->second, event.day);
    }
    Rows changed;
    for (const auto& row : gold_) {
      const auto first = first_days.find(row.first);
      if (first != first_days.end() && row.second >= first->second) changed.insert(row);
    }
    return changed;
  }
  const Rows& gold() const { return gold_; }
  int64_t parsed_rows() const { return static_cast<int64_t>(parsed_.size()); }

  // As reports name the partitions of rows.
  static std::vector<std::string> Partitions(const Rows& rows) {
    std::set<std::string> names;
    for (const auto& [actor, day] : rows) {
      const CivilDate date = CivilFromDays(day);
      char text[64];
      std::snprintf(text, sizeof text, "activity_date=%04d-%02d-%02d", static_cast<int>(date.year),
                    date.month, date.day);
      names.insert(text);
    }
    return {names.begin(), names.end()};
  }

 private:
  std::vector<TestEvent> bronze_;  // as they arrived
  size_t parsed_until_ = 0;        // of bronze_
  std::set<std::string> keys_;
  std::vector<TestEvent> parsed_;
  size_t silver_until_ = 0;  // of parsed_
  size_t gold_until_ = 0;    // of parsed_
  Rows gold_;
};

}  // namespace octolake::model
