#include "maintain/sole_owner.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/table_places.h"

namespace octolake::maintain {
namespace {

bool IsAtOrBelow(const std::string& path, const std::string& directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string ParentOf(const std::string& location) {
  const size_t slash = location.rfind('/');
  return slash == std::string::npos ? "" : location.substr(0, slash);
}

class OwnerCheck {
 public:
  OwnerCheck(lake::Warehouse& warehouse, const iceberg::Table& table, LocationSpelling& spelling)
      : warehouse_(warehouse), table_(table), spelling_(spelling) {}

  Status Run();

 private:
  tl::unexpected<Error> Refuse(const std::string& why) const {
    return MakeError(ErrorKind::kUnsupported, "orphans of table " + table_.identifier.ToString() +
                                                  " are left alone: " + why);
  }
  Result<bool> SharesPlace(const std::string& place);
  Status CheckOwnPlaces();
  Status CheckTablesOfCatalog();
  Status CheckOtherCatalogs();

  lake::Warehouse& warehouse_;
  const iceberg::Table& table_;
  LocationSpelling& spelling_;
  std::vector<std::string> places_;  // canonical
};

// Whether a table at this place could have files in one of ours, or the other way round.
Result<bool> OwnerCheck::SharesPlace(const std::string& place) {
  auto there = spelling_.CanonicalDirectory(place);
  if (!there && there.error().kind == ErrorKind::kUnsupported) return false;  // another store
  if (!there) return tl::unexpected<Error>(std::move(there).error());
  return std::any_of(places_.begin(), places_.end(), [&](const std::string& own) {
    return IsAtOrBelow(*there, own) || IsAtOrBelow(own, *there);
  });
}

Status OwnerCheck::CheckOwnPlaces() {
  if (!iceberg::MayCollectGarbage(*table_.metadata)) {
    return Refuse("its property gc.enabled is false");
  }
  OCTO_ASSIGN(const std::string home, spelling_.CanonicalDirectory(warehouse_.location()));
  for (const auto& [name, place] : iceberg::TablePlaces(*table_.metadata)) {
    OCTO_ASSIGN(std::string canonical, spelling_.CanonicalDirectory(place));
    if (IsAtOrBelow(home + "/.quarantine", canonical)) {
      return Refuse("it lies at " + place + ", where the whole warehouse is");
    }
    places_.push_back(std::move(canonical));
  }
  return {};
}

Status OwnerCheck::CheckTablesOfCatalog() {
  OCTO_ASSIGN(const auto tables, iceberg::ListAllTables(warehouse_.catalog()));
  for (const iceberg::TableIdentifier& other : tables) {
    if (other == table_.identifier) continue;
    const auto loaded = warehouse_.catalog().LoadTable(other);
    if (!loaded && loaded.error().kind == ErrorKind::kNotFound) continue;
    if (!loaded) {
      return Refuse("it cannot be told where table " + other.ToString() +
                    " lies: " + loaded.error().message);
    }
    for (const auto& [name, place] : iceberg::TablePlaces(*loaded->metadata)) {
      OCTO_ASSIGN(const bool shared, SharesPlace(place));
      if (shared) return Refuse("table " + other.ToString() + " lies at " + place + " as well");
    }
  }
  return {};
}

Status OwnerCheck::CheckOtherCatalogs() {
  OCTO_ASSIGN(const auto foreign, warehouse_.catalog().MetadataOfOtherCatalogs());
  for (const std::string& location : foreign) {
    // <table>/metadata/<file>
    const std::string place = ParentOf(ParentOf(location));
    OCTO_ASSIGN(const bool shared, SharesPlace(place));
    if (!shared) continue;
    return Refuse("another catalog in the same database has a table at " + place + " as well");
  }
  return {};
}

Status OwnerCheck::Run() {
  OCTO_TRY(CheckOwnPlaces());
  OCTO_TRY(CheckTablesOfCatalog());
  return CheckOtherCatalogs();
}

}  // namespace

Status CheckSoleOwner(lake::Warehouse& warehouse, const iceberg::Table& table,
                      LocationSpelling& spelling) {
  return OwnerCheck(warehouse, table, spelling).Run();
}

}  // namespace octolake::maintain
