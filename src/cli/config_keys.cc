#include "cli/config_keys.h"

#include <utility>

#include "base/civil_time.h"
#include "lake/retention.h"

namespace octolake::cli {
namespace {

// Each takes about a kilobyte of the metadata that every commit writes anew.
constexpr char kMostSnapshots[] = "100000";
// Enough for "for ever", and no sum with it leaves 64 bits.
constexpr char kLongest[] = "36500d";

}  // namespace

std::vector<ConfigKey> ConfigKeys() {
  using enum ConfigType;
  std::vector<ConfigKey> keys = {
      {"warehouse",
       kString,
       "./warehouse",
       "Directory of the catalog and all tables, or s3://BUCKET/PREFIX",
       {"ICEBERG_WAREHOUSE_PATH"},
       false},
      {"state_directory",
       kString,
       "",
       "What is kept beside the tables: journal, runs of jobs, space to spill. Empty: the "
       "warehouse; for a warehouse on S3 ./octolake-state, and up, recover, jobs and journal ask "
       "for one",
       {},
       false},
      {"s3.endpoint",
       kString,
       "",
       "The S3 server of a warehouse on S3, http(s)://HOST:PORT; empty: AWS",
       {},
       false},
      {"s3.region", kString, "", "Its region; empty: AWS's own rules", {}, false},
      {"s3.access_key_id",
       kString,
       "",
       "Its user; empty: what the AWS SDK finds",
       {"MINIO_ROOT_USER"},
       false},
      {"s3.secret_access_key", kString, "", "Its user's secret", {"MINIO_ROOT_PASSWORD"}, true},
      {"s3.retry_for",
       kDuration,
       "1m",
       "How long requests are tried again while it is away or busy; each try at a server that "
       "is silent takes 20 s more",
       {},
       false,
       "0s",
       "1h"},
      {"catalog.name", kString, "demo", "Name of the catalog", {"ICEBERG_CATALOG"}, false},
      {"catalog.uri",
       kString,
       "",
       "PostgreSQL database of the catalog, postgresql://USER@HOST:PORT/DATABASE; empty: the file "
       "catalog.db in the warehouse",
       {},
       false},
      {"catalog.password", kString, "", "Its password; empty: PGPASSWORD or ~/.pgpass", {}, true},
      {"catalog.busy_timeout",
       kDuration,
       "30s",
       "How long to wait for a catalog that another process has locked, or that is away",
       {},
       false,
       "0s",
       "24h"},
      {"namespaces.bronze", kString, "bronze", "Namespace of Bronze", {"BRONZE_NAMESPACE"}, false},
      {"namespaces.silver", kString, "silver", "Namespace of Silver", {"SILVER_NAMESPACE"}, false},
      {"namespaces.gold", kString, "gold", "Namespace of Gold", {"GOLD_NAMESPACE"}, false},
      {"namespaces.test_failures",
       kString,
       "test_failures",
       "Namespace of the failing rows that 'test --store-failures' keeps",
       {},
       false},
      {"load.commit_bytes",
       kSize,
       "256MiB",
       "Input read between two commits of a load",
       {},
       false,
       "1B",
       ""},
      {"load.commit_files",
       kInt,
       "256",
       "Files loaded between two commits of a load",
       {},
       false,
       "1",
       ""},
      {"load.archive_url",
       kString,
       "https://data.gharchive.org",
       "Where the hours of GH Archive are",
       {},
       false},
      {"load.max_document_size",
       kSize,
       "32MiB",
       "A longer event is rejected",
       {},
       false,
       "1KiB",
       "1GiB"},
      {"silver.sources",
       kList,
       "",
       "Sources that Silver takes (collect, webhook, gharchive, events_api); empty: all. After one "
       "was added, the next run reads all of Bronze again",
       {},
       false},
      {"silver.commit_rows",
       kInt,
       "4000000",
       "Bronze rows of one Silver commit",
       {},
       false,
       "1",
       ""},
      {"retention.max_snapshots",
       kInt,
       "500",
       "Snapshots a table keeps at most, but for those that tags and branches need",
       {},
       false,
       "1",
       kMostSnapshots},
      {"retention.keep_all",
       kDuration,
       "1h",
       "Younger snapshots are all kept",
       {},
       false,
       "1m",
       kLongest},
      {"retention.interval",
       kDuration,
       "1h",
       "Of older snapshots the last of each interval is kept; 0s: all",
       {},
       false,
       "0s",
       kLongest},
      {"retention.max_age",
       kDuration,
       "7d",
       "Older snapshots are removed",
       {},
       false,
       "1m",
       kLongest},
      {"retention.min_snapshots",
       kInt,
       "5",
       "Newest snapshots kept at any age",
       {},
       false,
       "1",
       kMostSnapshots},
      {"write.target_file_size",
       kSize,
       "128MiB",
       "Data files are closed at this size",
       {},
       false,
       "1KiB",
       ""},
      {"write.max_open_files",
       kInt,
       "32",
       "Data files open at once in one writer",
       {},
       false,
       "1",
       "10000"},
      {"write.buffer_size",
       kSize,
       "128MiB",
       "Rows kept in memory by one writer",
       {},
       false,
       "1KiB",
       ""},
      {"write.zstd_level",
       kInt,
       "1",
       "Compression level of data files (1 to 19)",
       {},
       false,
       "1",
       "19"},
      {"sql.memory_limit",
       kSize,
       "1GiB",
       "Memory of a query; beyond it DuckDB spills",
       {},
       false,
       "1MiB",
       ""},
      {"sql.threads", kInt, "0", "Threads of a query; 0: one a core", {}, false, "0", "1024"},
      {"log.level", kString, "info", "trace, debug, info, warn, error or off", {}, false},
      {"log.format", kString, "text", "text or json", {}, false},
  };
  for (ConfigKey& key : UpConfigKeys()) keys.push_back(std::move(key));
  for (ConfigKey& key : JobsConfigKeys()) keys.push_back(std::move(key));
  for (ConfigKey& key : MaintainConfigKeys()) keys.push_back(std::move(key));
  for (ConfigKey& key : KafkaConfigKeys()) keys.push_back(std::move(key));
  for (ConfigKey& key : GitHubConfigKeys()) keys.push_back(std::move(key));
  return keys;
}

lake::WarehouseOptions WarehouseOptionsOf(const Config& config) {
  lake::WarehouseOptions options;
  options.directory = config.GetString("warehouse");
  options.state_directory = config.GetString("state_directory");
  options.s3.endpoint = config.GetString("s3.endpoint");
  options.s3.region = config.GetString("s3.region");
  options.s3.access_key_id = config.GetString("s3.access_key_id");
  options.s3.secret_access_key = config.GetString("s3.secret_access_key");
  options.s3.retry_for_ms = config.GetMicros("s3.retry_for") / kMicrosPerMilli;
  options.catalog_name = config.GetString("catalog.name");
  options.catalog_uri = config.GetString("catalog.uri");
  options.catalog_password = config.GetString("catalog.password");
  options.catalog_busy_timeout_ms = config.GetMicros("catalog.busy_timeout") / kMicrosPerMilli;
  options.namespaces.bronze = config.GetString("namespaces.bronze");
  options.namespaces.silver = config.GetString("namespaces.silver");
  options.namespaces.gold = config.GetString("namespaces.gold");
  options.namespaces.test_failures = config.GetString("namespaces.test_failures");
  return options;
}

datafile::WriterOptions WriterOptionsOf(const Config& config) {
  datafile::WriterOptions options;
  options.target_file_bytes = config.GetBytes("write.target_file_size");
  options.max_open_files = static_cast<int>(config.GetInt("write.max_open_files"));
  options.max_buffered_bytes = config.GetBytes("write.buffer_size");
  options.zstd_level = static_cast<int>(config.GetInt("write.zstd_level"));
  return options;
}

iceberg::RetentionPolicy RetentionPolicyOf(const Config& config) {
  iceberg::RetentionPolicy policy = lake::DefaultRetention();
  policy.max_snapshots = config.GetInt("retention.max_snapshots");
  policy.min_snapshots = config.GetInt("retention.min_snapshots");
  policy.keep_all_ms = config.GetMicros("retention.keep_all") / kMicrosPerMilli;
  policy.interval_ms = config.GetMicros("retention.interval") / kMicrosPerMilli;
  policy.max_age_ms = config.GetMicros("retention.max_age") / kMicrosPerMilli;
  return policy;
}

lake::SilverOptions SilverOptionsOf(const Config& config) {
  lake::SilverOptions options;
  options.commit_rows = config.GetInt("silver.commit_rows");
  options.sources = config.GetList("silver.sources");
  options.writer = WriterOptionsOf(config);
  options.retention = RetentionPolicyOf(config);
  return options;
}

model::RunOptions RunOptionsOf(const Config& config) {
  model::RunOptions options;
  options.session = SessionOptionsOf(config);
  options.writer = WriterOptionsOf(config);
  options.retention = RetentionPolicyOf(config);
  return options;
}

sql::SessionOptions SessionOptionsOf(const Config& config) {
  sql::SessionOptions options;
  options.memory_limit_bytes = config.GetBytes("sql.memory_limit");
  options.threads = static_cast<int>(config.GetInt("sql.threads"));
  return options;
}

}  // namespace octolake::cli
