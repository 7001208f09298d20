#include "maintain/expiry.h"

#include <limits>

#include "iceberg/expire_snapshots.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/transaction.h"
#include "lake/retention.h"
#include "lake/table_version.h"

namespace octolake::maintain {
namespace {

// Young snapshots are not thinned here: that is the committers' part.
iceberg::RetentionPolicy PolicyOf(const ExpiryOptions& options) {
  iceberg::RetentionPolicy policy = lake::DefaultRetention();
  policy.max_snapshots = std::numeric_limits<int64_t>::max();
  policy.keep_all_ms = options.older_than_ms;
  policy.interval_ms = 0;
  policy.max_age_ms = options.older_than_ms;
  policy.min_snapshots = options.keep;
  return policy;
}

// A plan takes so many at most, as a commit does.
Result<ExpiryReport> PlanAll(iceberg::TableMetadata metadata,
                             const iceberg::RetentionPolicy& policy, int64_t now_ms) {
  ExpiryReport report;
  while (true) {
    OCTO_ASSIGN(const iceberg::Expiry expiry, iceberg::PlanExpiry(metadata, policy, now_ms));
    if (expiry.empty()) return report;
    report.snapshots += std::ssize(expiry.snapshots);
    report.refs += std::ssize(expiry.refs);
    iceberg::RemoveSnapshots(metadata, expiry.snapshots);
    for (const std::string& name : expiry.refs) metadata.refs.erase(name);
  }
}

}  // namespace

Result<ExpiryReport> ExpireTable(lake::Warehouse& warehouse, const iceberg::TableIdentifier& table,
                                 const ExpiryOptions& options, std::stop_token stop) {
  ExpiryReport report;
  const iceberg::RetentionPolicy policy = PolicyOf(options);
  while (!stop.stop_requested()) {
    OCTO_ASSIGN(const iceberg::Table before, lake::LoadForWriting(warehouse, table));
    const int64_t now_ms = iceberg::ChangeTimeMs(warehouse.clock(), *before.metadata);
    OCTO_ASSIGN(const iceberg::Expiry expiry,
                iceberg::PlanExpiry(*before.metadata, policy, now_ms));
    if (expiry.empty()) return report;
    if (options.dry_run) return PlanAll(*before.metadata, policy, now_ms);
    report.snapshots += std::ssize(expiry.snapshots);
    report.refs += std::ssize(expiry.refs);
    iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
    transaction.Add(table, iceberg::AssertTableUuid(before.metadata->table_uuid));
    transaction.Add(table, iceberg::ExpireSnapshots(policy));
    OCTO_TRY(transaction.Commit());
    ++report.commits;
    for (const Error& error : transaction.left_behind()) report.warnings.push_back(error.message);
  }
  return report;
}

}  // namespace octolake::maintain
