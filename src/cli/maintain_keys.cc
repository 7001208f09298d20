#include <algorithm>

#include "base/civil_time.h"
#include "cli/config_keys.h"

namespace octolake::cli {
std::vector<ConfigKey> MaintainConfigKeys() {
  using enum ConfigType;
  const auto limited = [](const char* name, ConfigType type, const char* value,
                          const char* description, const char* at_least, const char* at_most) {
    return ConfigKey{name, type, value, description, {}, false, at_least, at_most};
  };
  return {
      limited("maintain.target_file_size", kSize, "20MB",
              "Size that compaction gives to data files; smaller ones are brought together", "1KiB",
              ""),
      limited("maintain.memory_limit", kSize, "256MiB", "Rows that compaction keeps in memory",
              "16MiB", ""),
      limited("maintain.concurrency", kInt, "2",
              "Groups of files rewritten at once, or threads for one", "1", "64"),
      limited("maintain.commit_size", kSize, "512MiB",
              "Rewritten files are committed when so many bytes have been read", "1MiB", ""),
      limited("maintain.days_back", kInt, "7",
              "The daily compaction leaves partitions of older days alone", "0", "100000"),
      limited("maintain.tidy_files", kInt, "50",
              "The job tidy leaves partitions with fewer small files alone", "2", "1000000"),
      limited("maintain.open_cost", kSize, "256KiB",
              "What could be read while one more file is opened; for the job tidy", "1B", "1GiB"),
      limited("maintain.tidy_reads", kInt, "16",
              "Reads of a partition that are to make up for its compaction by the job tidy", "1",
              "1000000"),
      limited("maintain.expire_older_than", kDuration, "7d",
              "Older snapshots are removed by maintenance", "1m", "36500d"),
      limited("maintain.orphan_age", kDuration, "3d",
              "Files that no table names are orphans when they are older", "1d", "36500d"),
      limited("maintain.quarantine", kDuration, "7d",
              "How long orphans stay in .quarantine before they are removed", "0s", "36500d"),
      {"maintain.equal_prefixes",
       kList,
       "",
       "Prefixes of locations that mean the same, for example s3a://=s3://",
       {},
       false},
      limited("maintain.expire_keep", kInt, "5", "Newest snapshots kept at any age", "1",
              "1000000"),
  };
}

maintain::CompactionOptions CompactionOptionsOf(const Config& config) {
  maintain::CompactionOptions options;
  maintain::FileSizes& sizes = options.scope.sizes;
  sizes.target = config.GetBytes("maintain.target_file_size");
  // Files as large as a load writes them are not to be split.
  sizes.at_most = std::max(sizes.target, config.GetBytes("write.target_file_size")) / 5 * 9;
  options.memory_bytes = config.GetBytes("maintain.memory_limit");
  options.concurrency = static_cast<int>(config.GetInt("maintain.concurrency"));
  options.commit_bytes = config.GetBytes("maintain.commit_size");
  options.writer = WriterOptionsOf(config);
  options.retention = RetentionPolicyOf(config);
  return options;
}

maintain::SmallFilePolicy SmallFilePolicyOf(const Config& config) {
  maintain::SmallFilePolicy policy;
  policy.sizes = CompactionOptionsOf(config).scope.sizes;
  policy.min_files = config.GetInt("maintain.tidy_files");
  policy.open_cost = config.GetBytes("maintain.open_cost");
  policy.reads = config.GetInt("maintain.tidy_reads");
  return policy;
}

maintain::ExpiryOptions ExpiryOptionsOf(const Config& config) {
  maintain::ExpiryOptions options;
  options.older_than_ms = config.GetMicros("maintain.expire_older_than") / kMicrosPerMilli;
  options.keep = config.GetInt("maintain.expire_keep");
  return options;
}

Result<maintain::OrphanOptions> OrphanOptionsOf(const Config& config) {
  maintain::OrphanOptions options;
  options.older_than_ms = config.GetMicros("maintain.orphan_age") / kMicrosPerMilli;
  options.quarantine_ms = config.GetMicros("maintain.quarantine") / kMicrosPerMilli;
  for (const std::string& text : config.GetList("maintain.equal_prefixes")) {
    const size_t sign = text.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == text.size()) {
      return MakeError(ErrorKind::kInvalidArgument,
                       "maintain.equal_prefixes has '" + text +
                           "', expected two prefixes, for example s3a://=s3://");
    }
    options.equal_prefixes.emplace_back(text.substr(0, sign), text.substr(sign + 1));
  }
  return options;
}

}  // namespace octolake::cli
