#include <limits>

#include "model/relations.h"
#include "model/run.h"

namespace octolake::model {
namespace {

constexpr int64_t kNoRows = std::numeric_limits<int64_t>::min();

FreshnessReport::Outcome Judge(int64_t age_seconds, const Freshness& freshness) {
  if (freshness.error_after_seconds && age_seconds > *freshness.error_after_seconds) {
    return FreshnessReport::Outcome::kStale;
  }
  if (freshness.warn_after_seconds && age_seconds > *freshness.warn_after_seconds) {
    return FreshnessReport::Outcome::kWarned;
  }
  return FreshnessReport::Outcome::kFresh;
}

Result<FreshnessReport> CheckSource(lake::Warehouse& warehouse, const Source& source,
                                    const sql::SessionOptions& options) {
  const iceberg::TableIdentifier id = TableOf(source.relation, warehouse.namespaces());
  OCTO_ASSIGN(iceberg::Table table, LoadInput(warehouse, id));
  OCTO_ASSIGN(std::unique_ptr<sql::Session> session, sql::OpenSession(options));
  const sql::RelationName name = CompiledName(source.relation);
  OCTO_TRY(AddSnapshot(*session, name, warehouse, table, table.metadata->current_snapshot_id));
  const std::string column = sql::QuoteIdentifier(source.freshness->loaded_at_field);
  OCTO_ASSIGN(int64_t newest,
              session->QueryInteger(
                  "SELECT coalesce(epoch_us(max(" + column + ")), " + std::to_string(kNoRows + 1) +
                  " - 1) FROM " + sql::QuoteIdentifier(name.catalog) + "." +
                  sql::QuoteIdentifier(name.name_space) + "." + sql::QuoteIdentifier(name.name)));
  FreshnessReport report;
  report.source = id.ToString();
  if (newest == kNoRows) {
    report.outcome = FreshnessReport::Outcome::kEmpty;
    return report;
  }
  report.age_seconds = (warehouse.clock().Now() - newest) / 1'000'000;
  report.outcome = Judge(*report.age_seconds, *source.freshness);
  return report;
}

}  // namespace

Result<std::vector<FreshnessReport>> CheckFreshness(lake::Warehouse& warehouse,
                                                    const Bundle& bundle,
                                                    const sql::SessionOptions& session) {
  sql::SessionOptions options = session;
  OCTO_TRY(AllowWarehouse(warehouse, options));
  std::vector<FreshnessReport> reports;
  for (const Source& source : bundle.sources) {
    if (!source.freshness) continue;
    OCTO_ASSIGN(FreshnessReport report, CheckSource(warehouse, source, options));
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace octolake::model
