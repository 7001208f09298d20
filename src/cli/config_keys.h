// The configuration keys of this program.
#pragma once

#include <vector>

#include "base/config.h"
#include "datafile/table_writer.h"
#include "iceberg/retention_policy.h"
#include "lake/silver.h"
#include "lake/warehouse.h"
#include "maintain/compaction.h"
#include "maintain/expiry.h"
#include "maintain/orphans.h"
#include "maintain/small_files.h"
#include "model/run.h"
#include "source/github_client.h"
#include "sql/session.h"

namespace octolake::cli {

std::vector<ConfigKey> ConfigKeys();
// Those of `up`, which are among them.
std::vector<ConfigKey> UpConfigKeys();
// Those of jobs, which are too.
std::vector<ConfigKey> JobsConfigKeys();
// Those of maintenance, which are too.
std::vector<ConfigKey> MaintainConfigKeys();
// Those of Kafka, which are too.
std::vector<ConfigKey> KafkaConfigKeys();
// Those of GitHub's API, which are too.
std::vector<ConfigKey> GitHubConfigKeys();

// Those of what the configuration file names: jobs.custom.
std::vector<ConfigKeyGroup> ConfigKeyGroups();

// Parts of a configuration as the rooms take them.
lake::WarehouseOptions WarehouseOptionsOf(const Config& config);
datafile::WriterOptions WriterOptionsOf(const Config& config);
iceberg::RetentionPolicy RetentionPolicyOf(const Config& config);
sql::SessionOptions SessionOptionsOf(const Config& config);
lake::SilverOptions SilverOptionsOf(const Config& config);
model::RunOptions RunOptionsOf(const Config& config);
maintain::CompactionOptions CompactionOptionsOf(const Config& config);
maintain::SmallFilePolicy SmallFilePolicyOf(const Config& config);
maintain::ExpiryOptions ExpiryOptionsOf(const Config& config);
// kInvalidArgument for prefixes that are not written as two.
Result<maintain::OrphanOptions> OrphanOptionsOf(const Config& config);
// With github.token. kInvalidArgument for an URL that no token should be sent to.
Result<source::GitHubOptions> GitHubOptionsOf(const Config& config);

}  // namespace octolake::cli
