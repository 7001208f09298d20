#include "event/generator_payload.h"

#include <algorithm>

#include "event/json_writer.h"

namespace octolake::event {
namespace {

constexpr char kApi[] = "https://api.github.com/";

class PayloadMaker {
 public:
  explicit PayloadMaker(const PayloadInput& input) : in_(input), dice_(input.seed) {}
  std::string Make();

 private:
  bool timeline() const { return in_.era == Era::k2011; }
  bool trimmed() const { return in_.era == Era::k2025; }
  int64_t Number() { return 1 + dice_.Below(3000); }
  int64_t Id() { return 1'000'000 + dice_.Below(90'000'000); }
  std::string RepoUrl() const { return kApi + ("repos/" + in_.repository.FullName()); }
  std::string Ref() {
    if (dice_.OneIn(2)) return dice_.OneIn(3) ? "refs/heads/master" : "refs/heads/main";
    return "refs/heads/topic/" + dice_.Hex(6);
  }

  void Push();
  void Commits(int64_t size);
  void PullRequest();
  void PullRequestBody(int64_t number, std::string_view state, bool merged, bool counters);
  void Side(std::string_view key);
  void Issue(int64_t number, std::string_view state);
  void Issues();
  void Comment(bool with_issue);
  void Review();
  void CreateOrDelete(bool create);
  void Fork();
  void Release();
  void Gollum();
  void User(std::string_view key, const Account& account);
  void Timeline();

  const PayloadInput& in_;
  Dice dice_;
  JsonWriter out_;
};

void PayloadMaker::User(std::string_view key, const Account& account) {
  out_.Key(key).Open('{').Member("login", account.login).Member("id", account.id);
  out_.Member("url", kApi + ("users/" + account.login)).Member("type", "User").Close('}');
}

void PayloadMaker::Commits(int64_t size) {
  out_.Key("commits").Open('[');
  for (int64_t i = 0; i < std::min<int64_t>(size, 20); ++i) {
    const std::string sha = dice_.Hex(40);
    out_.Open('{').Member("sha", sha).Key("author").Open('{');
    out_.Member("email", in_.actor.login + "@example.com").Member("name", in_.actor.login);
    out_.Close('}').Member("message", dice_.OneIn(9) ? MakeBody(dice_) : MakeTitle(dice_));
    out_.Flag("distinct", !dice_.OneIn(12)).Member("url", RepoUrl() + "/commits/" + sha);
    out_.Close('}');
  }
  out_.Close(']');
}

void PayloadMaker::Push() {
  const int64_t size = dice_.PerMille(10) ? 20 + dice_.Below(980) : 1 + dice_.Below(3);
  if (trimmed()) out_.Member("repository_id", in_.repository.id);
  out_.Member("push_id", Id());
  if (!trimmed()) out_.Member("size", size).Member("distinct_size", dice_.Below(size + 1));
  out_.Member("ref", Ref()).Member("head", dice_.Hex(40)).Member("before", dice_.Hex(40));
  if (!trimmed()) Commits(size);
}

void PayloadMaker::Side(std::string_view key) {
  out_.Key(key).Open('{').Member("ref", key == "base" ? "main" : "topic-" + dice_.Hex(4));
  out_.Member("sha", dice_.Hex(40)).Key("repo").Open('{').Member("id", in_.repository.id);
  out_.Member("url", RepoUrl()).Member("name", in_.repository.name).Close('}').Close('}');
}

void PayloadMaker::PullRequestBody(int64_t number, std::string_view state, bool merged,
                                   bool counters) {
  out_.Key("pull_request").Open('{').Member("url", RepoUrl() + "/pulls/" + std::to_string(number));
  out_.Member("id", Id()).Member("number", number);
  if (!trimmed()) {
    const bool closed = state == "closed";
    out_.Member("state", state).Member("title", MakeTitle(dice_));
    User("user", MakeActor(dice_.Below(500)));
    out_.Member("body", MakeBody(dice_)).Member("created_at", in_.created_at);
    closed ? out_.Member("closed_at", in_.created_at) : out_.Null("closed_at");
    merged ? out_.Member("merged_at", in_.created_at) : out_.Null("merged_at");
  }
  Side("head");
  Side("base");
  if (!trimmed() && counters) {
    out_.Flag("merged", merged).Member("comments", dice_.Below(9) + in_.revision);
    out_.Member("commits", 1 + dice_.Below(12)).Member("additions", dice_.Below(900));
    out_.Member("deletions", dice_.Below(500)).Member("changed_files", 1 + dice_.Below(20));
  }
  out_.Close('}');
}

void PayloadMaker::PullRequest() {
  const int64_t kind = dice_.Below(10);
  const bool closed = kind >= 5 && kind < 9;
  const bool merged = closed && kind != 5;
  const char* action = kind < 5 ? "opened" : kind == 9 ? "reopened" : "closed";
  if (trimmed() && merged) action = "merged";
  if (trimmed() && dice_.OneIn(20)) action = "assigned";
  const int64_t number = Number();
  out_.Member("action", action).Member("number", number);
  PullRequestBody(number, closed ? "closed" : "open", merged, true);
}

void PayloadMaker::Issue(int64_t number, std::string_view state) {
  out_.Key("issue").Open('{').Member("url", RepoUrl() + "/issues/" + std::to_string(number));
  out_.Member("id", Id()).Member("number", number).Member("title", MakeTitle(dice_));
  User("user", MakeActor(dice_.Below(500)));
  out_.Key("labels").AddRaw("[]").Member("state", state).Flag("locked", false).Null("assignee");
  out_.Member("comments", dice_.Below(20) + in_.revision).Member("created_at", in_.created_at);
  state == "closed" ? out_.Member("closed_at", in_.created_at) : out_.Null("closed_at");
  if (dice_.OneIn(4)) {
    out_.Key("pull_request")
        .Open('{')
        .Member("url", RepoUrl() + "/pulls/" + std::to_string(number));
    out_.Close('}');
  }
  out_.Member("body", MakeBody(dice_)).Close('}');
}

void PayloadMaker::Issues() {
  const int64_t kind = dice_.Below(10);
  out_.Member("action", kind < 5 ? "opened" : kind < 9 ? "closed" : "reopened");
  Issue(Number(), kind >= 5 && kind < 9 ? "closed" : "open");
}

void PayloadMaker::Comment(bool with_issue) {
  if (with_issue) {
    out_.Member("action", "created");
    const bool closed = dice_.OneIn(4);
    Issue(Number(), closed ? "closed" : "open");
  }
  out_.Key("comment").Open('{').Member("id", Id());
  User("user", in_.actor);
  if (!with_issue) out_.Member("commit_id", dice_.Hex(40)).Null("position");
  out_.Member("created_at", in_.created_at).Member("body", MakeBody(dice_)).Close('}');
}

void PayloadMaker::Review() {
  const bool comment = in_.type == "PullRequestReviewCommentEvent";
  out_.Member("action", comment || !trimmed() ? "created" : "submitted");
  out_.Key(comment ? "comment" : "review").Open('{').Member("id", Id());
  User("user", in_.actor);
  if (!comment) out_.Member("state", dice_.OneIn(2) ? "approved" : "commented");
  out_.Member("commit_id", dice_.Hex(40)).Member("body", MakeTitle(dice_)).Close('}');
  PullRequestBody(Number(), "open", false, false);
}

void PayloadMaker::CreateOrDelete(bool create) {
  const bool repository = create && dice_.OneIn(3);
  const bool tag = !repository && dice_.OneIn(3);
  const std::string ref = tag ? "v1." + std::to_string(dice_.Below(40)) : "topic-" + dice_.Hex(5);
  repository ? out_.Null("ref") : out_.Member("ref", ref);
  out_.Member("ref_type", repository ? "repository" : tag ? "tag" : "branch");
  if (trimmed() && !repository) {
    out_.Member("full_ref", (tag ? "refs/tags/" : "refs/heads/") + ref);
  }
  if (create) {
    out_.Member("master_branch", "main");
    dice_.OneIn(3) ? out_.Null("description") : out_.Member("description", MakeTitle(dice_));
  }
  if (!timeline()) out_.Member("pusher_type", "user");
}

void PayloadMaker::Fork() {
  if (trimmed()) out_.Member("action", "forked");
  out_.Key("forkee").Open('{').Member("id", Id()).Member("name", in_.repository.name);
  out_.Member("full_name", in_.actor.login + '/' + in_.repository.name);
  User("owner", in_.actor);
  out_.Flag("private", false).Member("description", MakeTitle(dice_)).Flag("fork", true);
  out_.Member("created_at", in_.created_at).Member("size", dice_.Below(90000));
  out_.Member("forks_count", in_.revision).Member("default_branch", "main").Close('}');
}

void PayloadMaker::Release() {
  out_.Member("action", "published").Key("release").Open('{').Member("id", Id());
  out_.Member("tag_name", "v1." + std::to_string(Number()));
  out_.Member("name", MakeTitle(dice_)).Flag("draft", false).Flag("prerelease", dice_.OneIn(8));
  User("author", in_.actor);
  out_.Member("published_at", in_.created_at).Member("body", MakeBody(dice_)).Close('}');
}

void PayloadMaker::Gollum() {
  out_.Key("pages").Open('[').Open('{').Member("page_name", "Home").Member("title", "Home");
  out_.Null("summary").Member("action", "edited").Member("sha", dice_.Hex(40)).Close('}');
  out_.Close(']');
}

// Payloads that had another shape before 2015.
void PayloadMaker::Timeline() {
  if (in_.type == "PushEvent") {
    const int64_t size = 1 + dice_.Below(3);
    out_.Member("head", dice_.Hex(40)).Member("size", size).Key("shas").Open('[');
    for (int64_t i = 0; i < size; ++i) {
      out_.Open('[').Add(dice_.Hex(40)).Add(in_.actor.login + "@example.com");
      out_.Add(MakeTitle(dice_)).Add(in_.actor.login).Close(']');
    }
    out_.Close(']').Member("ref", Ref());
  } else if (in_.type == "IssuesEvent") {
    out_.Member("number", Number()).Member("issue", Id());
    out_.Member("action", dice_.OneIn(2) ? "opened" : "closed");
  } else if (in_.type == "GistEvent") {
    out_.Member("name", "gist: " + std::to_string(Id())).Member("action", "create");
    out_.Member("id", Id()).Member("desc", MakeTitle(dice_));
  } else if (in_.type == "FollowEvent") {
    User("target", MakeActor(dice_.Below(500)));
  } else if (in_.type == "DownloadEvent") {
    out_.Member("id", Id()).Member("url", RepoUrl() + "/downloads/1");
  } else if (in_.type == "ForkApplyEvent") {
    out_.Member("head", "master").Member("after", dice_.Hex(40)).Member("before", dice_.Hex(40));
  } else {  // IssueCommentEvent, CommitCommentEvent
    out_.Member("comment_id", Id());
    if (in_.type == "IssueCommentEvent") out_.Member("issue_id", Id());
    if (in_.type == "CommitCommentEvent") out_.Member("commit", dice_.Hex(40));
  }
}

std::string PayloadMaker::Make() {
  const std::string_view type = in_.type;
  const bool own_timeline_shape = type == "PushEvent" || type == "IssuesEvent" ||
                                  type == "GistEvent" || type == "FollowEvent" ||
                                  type == "DownloadEvent" || type == "ForkApplyEvent" ||
                                  type == "IssueCommentEvent" || type == "CommitCommentEvent";
  if (timeline() && type == "PublicEvent") return "";
  out_.Open('{');
  if (timeline() && own_timeline_shape) {
    Timeline();
  } else if (type == "PushEvent") {
    Push();
  } else if (type == "PullRequestEvent") {
    PullRequest();
  } else if (type == "PullRequestReviewEvent" || type == "PullRequestReviewCommentEvent") {
    Review();
  } else if (type == "IssuesEvent") {
    Issues();
  } else if (type == "IssueCommentEvent" || type == "CommitCommentEvent") {
    Comment(type == "IssueCommentEvent");
  } else if (type == "CreateEvent" || type == "DeleteEvent") {
    CreateOrDelete(type == "CreateEvent");
  } else if (type == "ForkEvent") {
    Fork();
  } else if (type == "ReleaseEvent") {
    Release();
  } else if (type == "GollumEvent") {
    Gollum();
  } else if (type == "MemberEvent") {
    User("member", MakeActor(dice_.Below(500)));
    out_.Member("action", "added");
  } else if (type == "WatchEvent") {
    out_.Member("action", "started");
  }
  return out_.Close('}').text();
}

}  // namespace

std::string MakePayload(const PayloadInput& input) { return PayloadMaker(input).Make(); }

}  // namespace octolake::event
