#include "event/generator.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/civil_time.h"
#include "event/generator_payload.h"
#include "event/generator_random.h"
#include "event/generator_world.h"
#include "event/json_writer.h"

namespace octolake::event {
namespace {

constexpr char kApi[] = "https://api.github.com/";
constexpr size_t kRemembered = 1024;  // recent events that may come again
constexpr int64_t kPacificSeconds = -7 * 3600;

struct TypeWeight {
  const char* type;
  int weight;
};

// Roughly as often as in the public stream of the time.
const std::vector<TypeWeight>& Types(Era era) {
  static const std::vector<TypeWeight> k2011 = {
      {"PushEvent", 490},  {"CreateEvent", 110},       {"WatchEvent", 100},
      {"GistEvent", 60},   {"IssueCommentEvent", 70},  {"IssuesEvent", 50},
      {"ForkEvent", 28},   {"PullRequestEvent", 33},   {"GollumEvent", 16},
      {"FollowEvent", 14}, {"CommitCommentEvent", 10}, {"PullRequestReviewCommentEvent", 5},
      {"DeleteEvent", 5},  {"DownloadEvent", 4},       {"MemberEvent", 3},
      {"PublicEvent", 1},  {"ForkApplyEvent", 1}};
  static const std::vector<TypeWeight> k2015 = {
      {"PushEvent", 530},  {"CreateEvent", 118},      {"WatchEvent", 98},
      {"IssuesEvent", 48}, {"IssueCommentEvent", 80}, {"PullRequestEvent", 42},
      {"ForkEvent", 29},   {"DeleteEvent", 20},       {"PullRequestReviewCommentEvent", 11},
      {"GollumEvent", 9},  {"CommitCommentEvent", 7}, {"ReleaseEvent", 5},
      {"MemberEvent", 2},  {"PublicEvent", 1}};
  static const std::vector<TypeWeight> k2025 = {
      {"PushEvent", 640},        {"CreateEvent", 90},       {"PullRequestEvent", 60},
      {"WatchEvent", 50},        {"IssueCommentEvent", 45}, {"DeleteEvent", 26},
      {"IssuesEvent", 22},       {"ForkEvent", 12},         {"PullRequestReviewCommentEvent", 14},
      {"ReleaseEvent", 8},       {"MemberEvent", 3},        {"PullRequestReviewEvent", 22},
      {"CommitCommentEvent", 3}, {"GollumEvent", 3},        {"PublicEvent", 2}};
  return era == Era::k2011 ? k2011 : era == Era::k2015 ? k2015 : k2025;
}

TimestampMicros DefaultStart(Era era) {
  const int64_t year = era == Era::k2011 ? 2011 : era == Era::k2015 ? 2015 : 2025;
  return (DaysFromCivil({year, 11, 3}) * 24 + 9) * kMicrosPerHour;
}

// "2011/11/03 02:00:00 -0700" for the instant 09:00:00Z.
std::string PacificTime(TimestampMicros micros) {
  std::string text = FormatTimestamp(micros + kPacificSeconds * kMicrosPerSecond);
  text[4] = text[7] = '/';
  text[10] = ' ';
  return text.substr(0, 19) + " -0700";
}

// Everything an event's text is made from.
struct Spec {
  int64_t id = 0;
  const char* type = "";
  int64_t actor = 0;
  int64_t repository = 0;
  TimestampMicros created_at = 0;
  uint64_t seed = 0;
  int64_t revision = 0;
};

}  // namespace

Result<Era> ParseEra(std::string_view name) {
  if (name == "2011") return Era::k2011;
  if (name == "2015") return Era::k2015;
  if (name == "2025") return Era::k2025;
  return MakeError(ErrorKind::kInvalidArgument,
                   "era: expected 2011, 2015 or 2025, found '" + std::string(name) + "'");
}

struct EventGenerator::State {
  explicit State(const GeneratorOptions& given)
      : options(given),
        dice(given.seed),
        actors(given.actors),
        repositories(given.repositories),
        next_id(given.era == Era::k2025 ? 5'200'000'000 : 2'489'000'000) {
    options.actors = std::max<int64_t>(options.actors, 1);
    if (options.start == 0) options.start = DefaultStart(options.era);
    if (!(options.rate > 0)) options.rate = 10;
    for (const TypeWeight& type : Types(options.era)) weights += type.weight;
  }

  std::string Next();
  Spec NewSpec();
  const char* PickType();
  int64_t Lateness();
  std::string Text(const Spec& spec) const;
  void EventsShape(const Spec& spec, const std::string& payload, JsonWriter& out) const;
  void TimelineShape(const Spec& spec, const std::string& payload, JsonWriter& out) const;

  GeneratorOptions options;
  Dice dice;
  ZipfChoice actors;
  ZipfChoice repositories;
  int64_t weights = 0;
  int64_t next_id;
  int64_t count = 0;
  std::vector<Spec> recent;
};

const char* EventGenerator::State::PickType() {
  int64_t at = dice.Below(weights);
  for (const TypeWeight& type : Types(options.era)) {
    at -= type.weight;
    if (at < 0) return type.type;
  }
  return Types(options.era).front().type;
}

// Microseconds by which an event is older than its place in the stream says.
int64_t EventGenerator::State::Lateness() {
  if (!dice.PerMille(40)) return 0;
  if (dice.PerMille(900)) return dice.Below(10) * kMicrosPerSecond;
  if (dice.PerMille(900)) return dice.Below(5 * 3600) * kMicrosPerSecond;
  return dice.Below(3 * 24 * 3600) * kMicrosPerSecond;
}

Spec EventGenerator::State::NewSpec() {
  Spec spec;
  next_id += 1 + dice.Below(4);
  spec.id = next_id;
  spec.type = PickType();
  spec.actor = actors.Pick(dice);
  spec.repository = repositories.Pick(dice);
  // Whole microseconds keep the division the same everywhere.
  const auto step = std::max<int64_t>(static_cast<int64_t>(1e6 / options.rate), 1);
  spec.created_at = options.start + count * step - Lateness();
  spec.created_at = std::max<int64_t>(spec.created_at, 0);
  spec.seed = dice.Next();
  return spec;
}

std::string EventGenerator::State::Next() {
  ++count;
  if (!recent.empty() && dice.PerMille(6)) {
    Spec& spec = recent[static_cast<size_t>(dice.Below(static_cast<int64_t>(recent.size())))];
    if (dice.OneIn(6)) ++spec.revision;
    return Text(spec);
  }
  const Spec spec = NewSpec();
  if (recent.size() < kRemembered) {
    recent.push_back(spec);
  } else {
    recent[static_cast<size_t>(count) % kRemembered] = spec;
  }
  return Text(spec);
}

void EventGenerator::State::EventsShape(const Spec& spec, const std::string& payload,
                                        JsonWriter& out) const {
  const Account actor = MakeActor(spec.actor);
  const Repository repository = MakeRepository(spec.repository, options.actors);
  out.Member("id", std::to_string(spec.id)).Member("type", spec.type).Key("actor").Open('{');
  out.Member("id", actor.id).Member("login", actor.login);
  if (options.era == Era::k2025) out.Member("display_login", actor.login);
  out.Member("gravatar_id", "").Member("url", kApi + ("users/" + actor.login));
  out.Member("avatar_url",
             "https://avatars.githubusercontent.com/u/" + std::to_string(actor.id) + "?");
  out.Close('}').Key("repo").Open('{').Member("id", repository.id);
  out.Member("name", repository.FullName());
  out.Member("url", kApi + ("repos/" + repository.FullName())).Close('}');
  out.Key("payload").AddRaw(payload).Flag("public", true);
  out.Member("created_at", FormatTimestamp(spec.created_at));
  if (!repository.organization) return;
  out.Key("org").Open('{').Member("id", repository.owner.id);
  out.Member("login", repository.owner.login).Member("gravatar_id", "");
  out.Member("url", kApi + ("orgs/" + repository.owner.login)).Close('}');
}

void EventGenerator::State::TimelineShape(const Spec& spec, const std::string& payload,
                                          JsonWriter& out) const {
  const std::string_view type = spec.type;
  const bool gist = type == "GistEvent";
  const bool anonymous = gist && spec.seed % 8 == 0;
  const Account actor = MakeActor(spec.actor);
  const Repository repository = MakeRepository(spec.repository, options.actors);
  if (!gist && type != "FollowEvent") {
    out.Key("repository").Open('{').Member("owner", repository.owner.login);
    out.Member("name", repository.name).Flag("private", false).Flag("fork", spec.seed % 5 == 0);
    out.Member("url", "https://github.com/" + repository.FullName());
    if (repository.organization) out.Member("organization", repository.owner.login);
    out.Member("watchers", 1 + repository.id % 300).Member("description", repository.name);
    if (spec.seed % 3 == 0) out.Member("id", repository.id);
    out.Close('}');
  }
  anonymous ? out.Null("actor") : out.Member("actor", actor.login);
  if (!anonymous) {
    out.Key("actor_attributes").Open('{').Member("login", actor.login).Member("type", "User");
    out.Member("gravatar_id", Dice(static_cast<uint64_t>(spec.actor)).Hex(32)).Close('}');
  }
  out.Member("type", spec.type).Member("url", "https://github.com/" + repository.FullName());
  if (!payload.empty()) out.Key("payload").AddRaw(payload);
  spec.seed % 70 == 0 ? out.Member("public", int64_t{0}) : out.Flag("public", true);
  out.Member("created_at", PacificTime(spec.created_at));
}

std::string EventGenerator::State::Text(const Spec& given) const {
  Spec spec = given;
  spec.created_at -= spec.created_at % kMicrosPerSecond;
  PayloadInput input;
  input.era = options.era;
  input.type = spec.type;
  input.actor = MakeActor(spec.actor);
  input.repository = MakeRepository(spec.repository, options.actors);
  input.created_at = FormatTimestamp(spec.created_at);
  input.revision = spec.revision;
  input.seed = spec.seed;
  const std::string payload = MakePayload(input);
  JsonWriter out;
  out.Open('{');
  if (options.era == Era::k2011) {
    TimelineShape(spec, payload, out);
  } else {
    EventsShape(spec, payload, out);
  }
  return out.Close('}').text();
}

EventGenerator::EventGenerator(const GeneratorOptions& options)
    : state_(std::make_unique<State>(options)) {}
EventGenerator::~EventGenerator() = default;
EventGenerator::EventGenerator(EventGenerator&&) noexcept = default;
EventGenerator& EventGenerator::operator=(EventGenerator&&) noexcept = default;

std::string EventGenerator::Next() { return state_->Next(); }

}  // namespace octolake::event
