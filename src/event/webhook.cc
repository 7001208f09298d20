#include "event/webhook.h"

#include <simdjson.h>

#include <algorithm>

#include "base/civil_time.h"
#include "base/string_util.h"
#include "event/event_parser.h"
#include "event/event_time.h"

namespace octolake::event {
namespace {

struct MappedName {
  std::string_view event_name;
  std::string_view type;
};

// docs.github.com/rest/using-the-rest-api/github-event-types, and the types that only old events
// have. "star" is no WatchEvent: a star makes a delivery of each name. Sorted by name.
constexpr MappedName kTypes[] = {
    {"commit_comment", "CommitCommentEvent"},
    {"create", "CreateEvent"},
    {"delete", "DeleteEvent"},
    {"discussion", "DiscussionEvent"},
    {"download", "DownloadEvent"},
    {"follow", "FollowEvent"},
    {"fork", "ForkEvent"},
    {"fork_apply", "ForkApplyEvent"},
    {"gist", "GistEvent"},
    {"gollum", "GollumEvent"},
    {"issue_comment", "IssueCommentEvent"},
    {"issues", "IssuesEvent"},
    {"member", "MemberEvent"},
    {"public", "PublicEvent"},
    {"pull_request", "PullRequestEvent"},
    {"pull_request_review", "PullRequestReviewEvent"},
    {"pull_request_review_comment", "PullRequestReviewCommentEvent"},
    {"pull_request_review_thread", "PullRequestReviewThreadEvent"},
    {"push", "PushEvent"},
    {"release", "ReleaseEvent"},
    {"sponsorship", "SponsorshipEvent"},
    {"team_add", "TeamAddEvent"},
    {"watch", "WatchEvent"},
};
static_assert(std::is_sorted(std::begin(kTypes), std::end(kTypes),
                             [](const MappedName& a, const MappedName& b) {
                               return a.event_name < b.event_name;
                             }));

// A header's bytes as UTF-8: those that are none count as Latin-1, as they did in HTTP once.
std::string Utf8Of(std::string_view bytes) {
  if (simdjson::validate_utf8(bytes.data(), bytes.size())) return std::string(bytes);
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

void AddHeader(const std::string& name, const std::string& value, std::string* extra) {
  *extra += extra->empty() ? "{\"headers\":{" : ",";
  AppendJsonString(Utf8Of(name), extra);
  *extra += ':';
  AppendJsonString(Utf8Of(value), extra);
}

}  // namespace

std::string_view TypeOfWebhook(std::string_view event_name) {
  const auto* found = std::lower_bound(
      std::begin(kTypes), std::end(kTypes), event_name,
      [](const MappedName& mapped, std::string_view name) { return mapped.event_name < name; });
  const bool mapped = found != std::end(kTypes) && found->event_name == event_name;
  return mapped ? found->type : event_name;
}

std::string_view WebhookParser::Keep(std::string text) {
  if (kept_used_ == kept_.size()) kept_.emplace_back();
  std::string& kept = kept_[kept_used_++];
  kept = std::move(text);
  return kept;
}

void WebhookParser::ReadTime(std::string_view delivered_at, const WebhookDelivery& delivery,
                             EventRow* row) {
  const auto attempt = delivered_at.empty() ? std::nullopt : ParseEventTime(delivered_at);
  row->event_time = attempt.value_or(delivery.received_at);
  row->created_at = attempt ? delivered_at : Keep(FormatTimestamp(delivery.received_at));
}

const char* WebhookParser::ReadHeaders(const WebhookDelivery& delivery, EventRow* row) {
  std::string_view delivered_at;
  std::string extra;
  for (const auto& [name, value] : delivery.headers) {
    if (EqualsIgnoringCase(name, kWebhookEventHeader)) {
      row->type = TypeOfWebhook(Keep(Utf8Of(value)));
    } else if (EqualsIgnoringCase(name, kWebhookDeliveredAtHeader)) {
      delivered_at = value;
    } else {
      AddHeader(name, value, &extra);
    }
  }
  if (row->type.value_or("").empty()) return kNoEventName;
  if (delivery.delivery_id.empty()) return kNoDeliveryId;
  row->id = row->delivery_id = Keep(Utf8Of(delivery.delivery_id));
  if (!extra.empty()) row->extra = Keep(extra + "}}");
  ReadTime(delivered_at, delivery, row);
  return nullptr;
}

void WebhookParser::ReadSlot(const Slot& slot, const JsonValue& value) {
  if (slot.flag != nullptr) {
    slot.flag->reset();
    if (value.raw == "true") *slot.flag = true;
    if (value.raw == "false") *slot.flag = false;
  } else if (slot.integer != nullptr) {
    *slot.integer = ParseNumber<int64_t>(value.raw);
  } else {
    slot.text->reset();
    if (!value.IsString()) return;
    const std::string_view inner = value.Inner();
    std::string text;
    if (inner.find('\\') == std::string_view::npos) {
      *slot.text = inner;
    } else if (AppendUnescaped(inner, Surrogates::kRefuse, &text)) {
      *slot.text = Keep(std::move(text));
    }
  }
}

// Of a key that comes twice the last counts, and is kept in one place.
void WebhookParser::ReadObject(const JsonIndex& index, const JsonValue& object,
                               std::initializer_list<Slot> slots) {
  if (object.raw.empty() || !object.IsObject()) return;
  index.Members(object, &nested_);
  for (const Slot& slot : slots) {
    const auto last =
        std::find_if(nested_.rbegin(), nested_.rend(),
                     [&slot](const JsonMember& member) { return member.key == slot.key; });
    if (last != nested_.rend()) ReadSlot(slot, last->value);
  }
}

const char* WebhookParser::Read(const JsonIndex& index, const WebhookDelivery& delivery,
                                EventRow* row) {
  *row = {};
  kept_used_ = 0;
  if (!index.root().IsObject()) return kNotAnObject;
  if (const char* reason = ReadHeaders(delivery, row)) return reason;
  row->payload = delivery.body;
  index.Members(index.root(), &members_);
  JsonValue sender;
  JsonValue repository;
  JsonValue organization;
  for (const JsonMember& member : members_) {
    if (member.key == "sender") sender = member.value;
    if (member.key == "repository") repository = member.value;
    if (member.key == "organization") organization = member.value;
  }
  ReadObject(index, sender,
             {{"id", nullptr, &row->actor_id},
              {"login", &row->actor_login},
              {"gravatar_id", &row->actor_gravatar_id},
              {"url", &row->actor_url},
              {"avatar_url", &row->actor_avatar_url}});
  std::optional<bool> is_private;
  ReadObject(index, repository,
             {{"id", nullptr, &row->repo_id},
              {"full_name", &row->repo_name},
              {"url", &row->repo_url},
              {"private", nullptr, nullptr, &is_private}});
  if (is_private) row->is_public = !*is_private;
  ReadObject(index, organization, {{"id", nullptr, &row->org_id}, {"login", &row->org_login}});
  return nullptr;
}

}  // namespace octolake::event
