#include "maintain/manifests.h"

#include <algorithm>
#include <vector>

#include "iceberg/manifest_io.h"
#include "iceberg/rewrite_manifests.h"
#include "iceberg/transaction.h"
#include "lake/table_version.h"

namespace octolake::maintain {
namespace {

using iceberg::ManifestFile;

Result<std::vector<ManifestFile>> DataManifests(lake::Warehouse& warehouse,
                                                const iceberg::TableMetadata& metadata) {
  std::vector<ManifestFile> manifests;
  const iceberg::Snapshot* current = metadata.CurrentSnapshot();
  if (current == nullptr) return manifests;
  OCTO_ASSIGN(manifests, iceberg::ReadManifestList(warehouse.file_system(), *current));
  std::erase_if(manifests, [](const ManifestFile& manifest) {
    return manifest.content != iceberg::ManifestContent::kData;
  });
  return manifests;
}

}  // namespace

Result<ManifestReport> RewriteTableManifests(lake::Warehouse& warehouse,
                                             const iceberg::TableIdentifier& table, bool dry_run) {
  OCTO_ASSIGN(const iceberg::Table before, lake::LoadForWriting(warehouse, table));
  OCTO_ASSIGN(const auto manifests, DataManifests(warehouse, *before.metadata));
  ManifestReport report;
  report.before = std::ssize(manifests);
  report.after = report.before;
  OCTO_ASSIGN(report.needed, iceberg::ManifestsNeedRewrite(*before.metadata, manifests));
  if (!report.needed || dry_run) return report;
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(table, iceberg::AssertTableUuid(before.metadata->table_uuid));
  transaction.Add(table, iceberg::RewriteManifests({{"octolake.maintenance", "manifests"}}));
  OCTO_ASSIGN(const auto committed, transaction.Commit());
  OCTO_ASSIGN(const auto after, DataManifests(warehouse, *committed.front().metadata));
  report.after = std::ssize(after);
  return report;
}

}  // namespace octolake::maintain
