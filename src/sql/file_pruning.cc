#include "sql/file_pruning.h"

#include <algorithm>
#include <optional>

namespace octolake::sql {
namespace {

bool SameName(const RelationName& a, const RelationName& b) {
  return a.catalog == b.catalog && a.name_space == b.name_space && a.name == b.name;
}

// A filter on a relation's columns as one on the table's current schema, which may have other names
// for them; conditions on what it lacks, or has in another type, are left out.
iceberg::Filter OnCurrentSchema(const PrunedRelation& relation, const iceberg::Filter& filter) {
  const iceberg::Schema& current = relation.metadata->CurrentSchema();
  iceberg::Filter mapped;
  for (iceberg::Predicate predicate : filter) {
    const iceberg::Field* column = relation.schema.FindByName(predicate.column);
    const iceberg::Field* now = column == nullptr ? nullptr : current.FindById(column->id);
    if (now == nullptr || *now->type != *column->type) continue;
    predicate.column = now->name;
    mapped.push_back(std::move(predicate));
  }
  return mapped;
}

Result<bool> AnyMayMatch(const iceberg::TableMetadata& metadata, const iceberg::DataFile& file,
                         const FiltersOfScans& filters) {
  for (const iceberg::Filter& filter : filters) {
    OCTO_ASSIGN(const bool may_match, iceberg::FileMayMatch(metadata, file, filter));
    if (may_match) return true;
  }
  return false;
}

}  // namespace

void FilePruning::Forget(const RelationName& name) {
  std::erase_if(relations_, [&](const Known& old) { return SameName(old.relation.name, name); });
  std::erase_if(views_, [&](const auto& old) { return SameName(old.first, name); });
  probe_.reset();
}

void FilePruning::AddRelation(PrunedRelation relation) {
  Forget(relation.name);
  relations_.push_back({std::move(relation)});
}

void FilePruning::AddView(const RelationName& name, const std::string& query) {
  Forget(name);
  views_.emplace_back(name, query);
}

Result<FilterProbe*> FilePruning::Probe() {
  if (probe_ != nullptr) return probe_.get();
  OCTO_ASSIGN(auto probe, FilterProbe::Open());
  for (const auto& [relation, whole] : relations_) {
    OCTO_TRY(probe->AddTable(relation.name, relation.schema));
  }
  for (const auto& [name, query] : views_) OCTO_TRY(probe->AddView(name, query));
  if (!catalog_.empty()) OCTO_TRY(probe->UseCatalog(catalog_));
  probe_ = std::move(probe);
  return probe_.get();
}

Result<std::vector<iceberg::ScanTask>> FilePruning::FilesFor(const PrunedRelation& relation,
                                                             const FiltersOfScans& filters) const {
  FiltersOfScans mapped;
  for (const iceberg::Filter& filter : filters) {
    mapped.push_back(OnCurrentSchema(relation, filter));
  }
  std::vector<iceberg::ScanTask> tasks;
  for (const iceberg::ScanTask& task : relation.tasks) {
    OCTO_ASSIGN(const bool may_match, AnyMayMatch(*relation.metadata, task.file, mapped));
    if (may_match) tasks.push_back(task);
  }
  return tasks;
}

std::map<std::string, FiltersOfScans> FilePruning::FiltersOf(const std::string& statement) {
  if (relations_.empty()) return {};
  auto probe = Probe();
  if (!probe) return {};
  return (*probe)->FiltersOf(statement).value_or(std::map<std::string, FiltersOfScans>());
}

std::vector<PrunedRelation> FilePruning::Narrow(const std::string& statement) {
  const auto filters = FiltersOf(statement);
  std::vector<PrunedRelation> changed;
  for (Known& known : relations_) {
    const PrunedRelation& relation = known.relation;
    const auto found = filters.find(FilterProbe::PlanName(relation.name, relation.schema));
    if (found != filters.end()) {
      auto tasks = FilesFor(relation, found->second);
      if (tasks && tasks->size() < relation.tasks.size()) {
        known.view_is_whole = false;
        changed.push_back(
            {relation.name, relation.schema, std::move(tasks).value(), relation.metadata});
        continue;
      }
    }
    if (!known.view_is_whole) changed.push_back(relation);
  }
  return changed;
}

void FilePruning::ViewMade(const PrunedRelation& made) {
  for (auto& [relation, whole] : relations_) {
    if (SameName(relation.name, made.name)) whole = made.tasks.size() == relation.tasks.size();
  }
}

}  // namespace octolake::sql
