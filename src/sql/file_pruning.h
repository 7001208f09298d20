// The relations of a session whose files are chosen for each statement. Internal to sql/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/scan.h"
#include "iceberg/table_metadata.h"
#include "sql/filter_probe.h"
#include "sql/session.h"

namespace octolake::sql {

struct PrunedRelation {
  RelationName name;
  iceberg::Schema schema;
  std::vector<iceberg::ScanTask> tasks;
  std::shared_ptr<const iceberg::TableMetadata> metadata;
};

// Not thread-safe.
class FilePruning {
 public:
  void AddRelation(PrunedRelation relation);
  void AddView(const RelationName& name, const std::string& query);
  // A relation that is not to be pruned has this name now; statements that read it are left alone.
  void Forget(const RelationName& name);
  void UseCatalog(const std::string& catalog) { catalog_ = catalog; }

  // The relations whose views must be made anew before a statement is bound, with the files that it
  // needs: fewer than there are, or all where an earlier statement left fewer. A statement that
  // cannot be planned needs all: running it will say why it cannot.
  std::vector<PrunedRelation> Narrow(const std::string& statement);
  // To be called with each of these whose view was made.
  void ViewMade(const PrunedRelation& relation);

 private:
  struct Known {
    PrunedRelation relation;
    bool view_is_whole = true;
  };

  Result<FilterProbe*> Probe();
  std::map<std::string, FiltersOfScans> FiltersOf(const std::string& statement);
  Result<std::vector<iceberg::ScanTask>> FilesFor(const PrunedRelation& relation,
                                                  const FiltersOfScans& filters) const;

  std::vector<Known> relations_;
  std::vector<std::pair<RelationName, std::string>> views_;
  std::string catalog_;
  std::unique_ptr<FilterProbe> probe_;  // made when first needed
};

}  // namespace octolake::sql
