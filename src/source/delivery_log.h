// GitHub's log of a hook's deliveries of the last three days, and what it kept of each.
// docs.github.com/rest/repos/webhooks (orgs/webhooks, apps/webhooks)
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "event/json_index.h"
#include "source/github_client.h"

namespace octolake::source {

// "repos/OWNER/REPOSITORY/hooks/ID", "orgs/ORGANISATION/hooks/ID", or "app" for the hook of the
// GitHub App whose key is configured.
struct Hook {
  std::string name;
  std::string path;  // of its deliveries in the API
  bool of_app = false;
};

// kInvalidArgument, saying what was expected.
Result<Hook> ParseHook(const std::string& name);

// One attempt to deliver something.
struct DeliveryAttempt {
  int64_t id = 0;           // of the attempt
  std::string delivery_id;  // X-GitHub-Delivery, the same for all attempts ("guid")
  std::string event;
  std::string delivered_at;  // as GitHub writes it
  bool again = false;        // not the first attempt
  bool arrived = false;      // it was answered with a status of 2xx
};

struct DeliveryContent {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload;  // JSON text as GitHub's answer holds it
};

// Used by one thread.
class DeliveryLog {
 public:
  // Both must outlive it.
  DeliveryLog(GitHubClient& github, const Hook& hook);

  // Attempts since a time, newest first. Attempts that cannot be read are left out and counted.
  struct Listing {
    int64_t attempts = 0;
    int64_t unreadable = 0;
  };
  Result<Listing> List(TimestampMicros since, const std::function<void(DeliveryAttempt)>& found);

  // What was to be delivered. kNotFound if GitHub keeps it no longer, kCorruption if its answer
  // holds no payload, kResourceExhausted if it is too long.
  Result<DeliveryContent> Fetch(const DeliveryAttempt& attempt);

 private:
  GitHubClient& github_;
  const Hook& hook_;
  event::JsonIndex json_;
};

}  // namespace octolake::source
