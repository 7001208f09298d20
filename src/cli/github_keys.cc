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

}  // namespace octolake::cli
