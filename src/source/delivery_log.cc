#include "source/delivery_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/string_util.h"
#include "event/event_reader.h"
#include "event/event_time.h"
#include "event/webhook.h"
#include "source/path_names.h"

namespace octolake::source {
namespace {

// What the answer has around the payload.
constexpr int kMoreDepth = 2;
// As long as the gateway takes them.
constexpr size_t kMaxNameBytes = 128;

// Kept with a delivery, as the gateway does, if GitHub sent them.
constexpr std::string_view kKeptHeaders[] = {event::kWebhookEventHeader, "X-GitHub-Hook-ID",
                                             "X-GitHub-Hook-Installation-Target-ID",
                                             "X-GitHub-Hook-Installation-Target-Type"};

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<DeliveryAttempt> ReadAttempt(const nlohmann::json& json) {
  const auto text = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  const auto number = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
  };
  if (!json.is_object()) return std::nullopt;
  DeliveryAttempt attempt;
  attempt.id = number("id");
  attempt.delivery_id = text("guid");
  attempt.event = text("event");
  attempt.delivered_at = text("delivered_at");
  attempt.again = json.value("redelivery", nlohmann::json()) == true;
  const int64_t status = number("status_code");
  attempt.arrived = status >= 200 && status < 300;
  const auto fits = [](const std::string& name) {
    return !name.empty() && name.size() <= kMaxNameBytes;
  };
  if (attempt.id <= 0 || !fits(attempt.delivery_id) || !fits(attempt.event) ||
      !event::ParseEventTime(attempt.delivered_at)) {
    return std::nullopt;
  }
  return attempt;
}

// The last member of that name; nullptr if there is none.
const event::JsonValue* Find(const std::vector<event::JsonMember>& members, std::string_view key) {
  const auto found = std::find_if(members.rbegin(), members.rend(), [&](const auto& member) {
    return EqualsIgnoringCase(member.key, key);
  });
  return found == members.rend() ? nullptr : &found->value;
}

std::string TextOf(const event::JsonValue& value) {
  std::string text;
  if (value.IsString()) event::AppendUnescaped(value.Inner(), event::Surrogates::kKeep, &text);
  return text;
}

}  // namespace

Result<Hook> ParseHook(const std::string& name) {
  if (name == "app") return Hook{name, "/app/hook/deliveries", true};
  const std::vector<std::string> parts = SplitList(name, '/');
  const bool of_repository = parts.size() == 5 && parts[0] == "repos" && IsPathName(parts[1]) &&
                             IsPathName(parts[2]) && parts[3] == "hooks" && IsNumber(parts[4]);
  const bool of_organisation = parts.size() == 4 && parts[0] == "orgs" && IsPathName(parts[1]) &&
                               parts[2] == "hooks" && IsNumber(parts[3]);
  if (of_repository || of_organisation) return Hook{name, "/" + name + "/deliveries", false};
  return MakeError(ErrorKind::kInvalidArgument,
                   "github.hooks " + name +
                       ": expected repos/OWNER/REPOSITORY/hooks/ID, orgs/ORGANISATION/hooks/ID "
                       "or app");
}

DeliveryLog::DeliveryLog(GitHubClient& github, const Hook& hook)
    : github_(github), hook_(hook), json_(event::ReadOptions().max_depth + kMoreDepth) {}

Result<DeliveryLog::Listing> DeliveryLog::List(TimestampMicros since,
                                               const std::function<void(DeliveryAttempt)>& found) {
  Listing listing;
  std::optional<std::string> page = hook_.path + "?per_page=100";
  while (page) {
    OCTO_ASSIGN(const HttpResponse response, github_.Get(*page));
    const auto attempts = nlohmann::json::parse(response.body, nullptr, false);
    if (!attempts.is_array()) {
      return MakeError(ErrorKind::kCorruption, hook_.path + ": GitHub's answer is no list");
    }
    for (const auto& json : attempts) {
      ++listing.attempts;
      std::optional<DeliveryAttempt> attempt = ReadAttempt(json);
      if (!attempt) {
        ++listing.unreadable;
        continue;
      }
      if (event::ParseEventTime(attempt->delivered_at) < since) return listing;
      found(*std::move(attempt));
    }
    OCTO_ASSIGN(page, github_.NextPage(response));
  }
  return listing;
}

Result<DeliveryContent> DeliveryLog::Fetch(const DeliveryAttempt& attempt) {
  OCTO_ASSIGN(HttpResponse response, github_.Get(hook_.path + "/" + std::to_string(attempt.id)));
  const size_t size = response.body.size();
  response.body.append(event::kJsonPadding, ' ');
  const auto unusable = [&](const char* what) {
    return MakeError(ErrorKind::kCorruption, "GitHub's answer for it " + std::string(what));
  };
  if (json_.Parse(std::string_view(response.body).substr(0, size)) || !json_.root().IsObject()) {
    return unusable("is no JSON object");
  }
  std::vector<event::JsonMember> members;
  json_.Members(json_.root(), &members);
  const event::JsonValue* request = Find(members, "request");
  if (request == nullptr || !request->IsObject()) return unusable("has no request");
  std::vector<event::JsonMember> parts;
  json_.Members(*request, &parts);
  const event::JsonValue* payload = Find(parts, "payload");
  if (payload == nullptr || !payload->IsObject()) return unusable("has no payload");
  DeliveryContent content;
  content.payload = payload->raw;
  const event::JsonValue* headers = Find(parts, "headers");
  std::vector<event::JsonMember> sent;
  if (headers != nullptr && headers->IsObject()) json_.Members(*headers, &sent);
  for (const std::string_view name : kKeptHeaders) {
    const event::JsonValue* value = Find(sent, name);
    std::string text = value == nullptr ? "" : TextOf(*value);
    if (name == event::kWebhookEventHeader) text = attempt.event;
    if (!text.empty()) content.headers.emplace_back(name, std::move(text));
  }
  content.headers.emplace_back(event::kWebhookDeliveredAtHeader, attempt.delivered_at);
  return content;
}

}  // namespace octolake::source
