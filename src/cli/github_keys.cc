#include "cli/config_keys.h"

namespace octolake::cli {

std::vector<ConfigKey> GitHubConfigKeys() {
  using enum ConfigType;
  return {
      {"github.api_url",
       kString,
       "https://api.github.com",
       "GitHub's REST API (of GitHub Enterprise Server: https://HOST/api/v3)",
       {},
       false},
      {"github.token",
       kString,
       "",
       "Token for it; for hooks one that may read webhooks",
       {"GITHUB_TOKEN"},
       true},
      {"github.app_id", kString, "", "Id or client id of a GitHub App, for its hook", {}, false},
      {"github.app_key_file", kString, "", "The App's private key (PEM)", {}, false},
      {"github.hooks",
       kList,
       "",
       "Webhooks whose missed deliveries are recovered: repos/OWNER/REPOSITORY/hooks/ID, "
       "orgs/ORGANISATION/hooks/ID, app",
       {},
       false},
      {"poll.feeds",
       kList,
       "",
       "Feeds of the Events API that poll takes: repos/OWNER/REPOSITORY, orgs/ORGANISATION, "
       "users/USER, public",
       {},
       false},
      {"poll.interval",
       kDuration,
       "60s",
       "Time between two polls of a feed; GitHub may ask for more",
       {},
       false,
       "100ms",
       "24h"},
      {"recover.interval",
       kDuration,
       "1h",
       "Time between two looks for missed deliveries",
       {},
       false,
       "1s",
       "36500d"},
  };
}

Result<source::GitHubOptions> GitHubOptionsOf(const Config& config) {
  source::GitHubOptions options;
  options.api_url = config.GetString("github.api_url");
  OCTO_TRY(source::CheckApiUrl(options.api_url));
  while (options.api_url.ends_with('/')) options.api_url.pop_back();
  const std::string token = config.GetString("github.token");
  options.authorization = [token] { return token.empty() ? "" : "Bearer " + token; };
  return options;
}

}  // namespace octolake::cli
