#include "maintain/orphans.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "iceberg/metadata_file.h"
#include "iceberg/named_files.h"
#include "iceberg/transaction.h"
#include "io/local_file_system.h"
#include "io/write_record.h"
#include "maintain/quarantine.h"

namespace octolake::maintain {
namespace {

constexpr size_t kMostLocations = 100;
// How often metadata is read that changes under the reader.
constexpr int kMostReads = 10;

bool IsAtOrBelow(const std::string& path, const std::string& directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string ParentOf(const std::string& location) {
  const size_t slash = location.rfind('/');
  return slash == std::string::npos ? "" : location.substr(0, slash);
}

bool MayNotCollect(const iceberg::TableMetadata& metadata) {
  const auto collects = metadata.properties.find("gc.enabled");
  return collects != metadata.properties.end() && collects->second == "false";
}

class OrphanRemoval {
 public:
  OrphanRemoval(lake::Warehouse& warehouse, iceberg::TableIdentifier name,
                const OrphanOptions& options, std::stop_token stop)
      : warehouse_(warehouse),
        name_(std::move(name)),
        options_(options),
        stop_(std::move(stop)),
        spelling_(options.equal_prefixes) {}

  Result<OrphanReport> Run();

 private:
  // Old files below the table, by canonical location.
  struct Candidate {
    std::string location;  // as it was listed
    int64_t bytes = 0;
  };
  using Candidates = std::map<std::string, Candidate>;

  Status CheckTable();
  Result<bool> SharesPlace(const std::string& place, const std::map<std::string, std::string>& own);
  Result<Candidates> OldFiles(TimestampMicros now);
  Status TakeOutRecorded(Candidates& candidates);
  // Takes out what the table names as it is now.
  Status TakeOutNamed(Candidates& candidates);
  Status TryTakeOutNamed(const iceberg::Table& now, Candidates& candidates);
  Status TakeOutNamedByNewer(const iceberg::Table& table, Candidates& candidates);
  Result<std::set<std::string>> Named(const iceberg::Table& table, const Candidates& candidates);
  bool IsGone(const std::string& location);
  Status TakeAway(Candidates& candidates, Quarantine& quarantine, TimestampMicros now);
  Status BringBackNamed(Candidates taken, Quarantine& quarantine);
  Status ReviewQuarantine(Quarantine& quarantine, TimestampMicros now);

  lake::Warehouse& warehouse_;
  const iceberg::TableIdentifier name_;
  const OrphanOptions& options_;
  const std::stop_token stop_;
  LocationSpelling spelling_;
  iceberg::Table table_;
  OrphanReport report_;
};

// Whether a table at this place could have files in one of ours, or the other way round.
Result<bool> OrphanRemoval::SharesPlace(const std::string& place,
                                        const std::map<std::string, std::string>& own) {
  auto there = spelling_.CanonicalDirectory(place);
  if (!there && there.error().kind == ErrorKind::kUnsupported) return false;  // another store
  if (!there) return tl::unexpected<Error>(std::move(there).error());
  return std::any_of(own.begin(), own.end(), [&](const auto& one) {
    return IsAtOrBelow(*there, one.second) || IsAtOrBelow(one.second, *there);
  });
}

Status OrphanRemoval::CheckTable() {
  const auto refuse = [&](const std::string& why) {
    return MakeError(ErrorKind::kUnsupported,
                     "orphans of table " + name_.ToString() + " are left alone: " + why);
  };
  if (options_.older_than_ms < kLeastOrphanAgeMs) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "files younger than a day cannot be told from those of a commit under way; "
                     "orphans must be older");
  }
  OCTO_ASSIGN(table_, warehouse_.catalog().LoadTable(name_));
  if (MayNotCollect(*table_.metadata)) return refuse("its property gc.enabled is false");
  OCTO_ASSIGN(const std::string home, spelling_.CanonicalDirectory(warehouse_.directory()));
  std::map<std::string, std::string> places;
  for (const auto& [name, place] : TablePlaces(*table_.metadata)) {
    OCTO_ASSIGN(places[name], spelling_.CanonicalDirectory(place));
    if (IsAtOrBelow(home + "/.quarantine", places[name])) {
      return refuse("it lies at " + place + ", where the whole warehouse is");
    }
  }
  OCTO_ASSIGN(const auto tables, iceberg::ListAllTables(warehouse_.catalog()));
  for (const iceberg::TableIdentifier& other : tables) {
    if (other == name_) continue;
    const auto loaded = warehouse_.catalog().LoadTable(other);
    if (!loaded && loaded.error().kind == ErrorKind::kNotFound) continue;
    if (!loaded) {
      return refuse("it cannot be told where table " + other.ToString() +
                    " lies: " + loaded.error().message);
    }
    for (const auto& [name, place] : TablePlaces(*loaded->metadata)) {
      OCTO_ASSIGN(const bool shared, SharesPlace(place, places));
      if (shared) return refuse("table " + other.ToString() + " lies at " + place + " as well");
    }
  }
  OCTO_ASSIGN(const auto foreign, warehouse_.catalog().MetadataOfOtherCatalogs());
  for (const std::string& location : foreign) {
    // <table>/metadata/<file>
    const std::string table = ParentOf(ParentOf(location));
    OCTO_ASSIGN(const bool shared, SharesPlace(table, places));
    if (!shared) continue;
    return refuse("another catalog in the same database has a table at " + table + " as well");
  }
  return {};
}

Result<OrphanRemoval::Candidates> OrphanRemoval::OldFiles(TimestampMicros now) {
  constexpr int64_t kMicrosPerMilli = 1000;
  Candidates candidates;
  for (const auto& [name, place] : TablePlaces(*table_.metadata)) {
    OCTO_ASSIGN(const std::string directory, io::LocalPath(place));
    OCTO_ASSIGN(auto files, warehouse_.file_system().List(place));
    for (io::FileInfo& file : files) {
      // A place such as file:/w/t is listed as file:///w/t.
      OCTO_ASSIGN(const std::string path, io::LocalPath(file.location));
      file.location = place + path.substr(directory.size());
      if (now - file.modified_micros <= options_.older_than_ms * kMicrosPerMilli) continue;
      // Of catalogs that are directories; what it names is not ours to know.
      if (file.location.ends_with("/version-hint.text")) continue;
      OCTO_ASSIGN(std::string canonical, spelling_.Canonical(file.location));
      candidates.emplace(std::move(canonical), Candidate{std::move(file.location), file.size});
    }
  }
  return candidates;
}

Status OrphanRemoval::TakeOutRecorded(Candidates& candidates) {
  OCTO_ASSIGN(const auto recorded, io::RecordedLocations(warehouse_.write_records_directory()));
  for (const std::string& location : recorded) {
    const auto canonical = spelling_.Canonical(location);
    if (canonical) candidates.erase(*canonical);
  }
  return {};
}

Result<std::set<std::string>> OrphanRemoval::Named(const iceberg::Table& table,
                                                   const Candidates& candidates) {
  std::set<std::string> locations;
  for (const auto& [canonical, candidate] : candidates) locations.insert(canonical);
  return iceberg::NamedFiles(
      warehouse_.file_system(), table, std::move(locations),
      [this](const std::string& location) { return spelling_.Canonical(location); });
}

// Metadata that is newer than the catalog's is of a commit that did not take effect, or that the
// catalog has forgotten.
Status OrphanRemoval::TakeOutNamedByNewer(const iceberg::Table& table, Candidates& candidates) {
  const int64_t current = iceberg::MetadataVersion(table.metadata_location);
  OCTO_ASSIGN(const auto files,
              warehouse_.file_system().List(iceberg::MetadataDirectory(*table.metadata)));
  for (const io::FileInfo& file : files) {
    if (!file.location.ends_with(".metadata.json")) continue;
    const int64_t version = iceberg::MetadataVersion(file.location);
    if (version <= current) continue;
    const auto read = iceberg::ReadMetadataFile(warehouse_.file_system(), file.location);
    if (!read && read.error().kind == ErrorKind::kNotFound) continue;
    if (read && read->table_uuid != table.metadata->table_uuid) continue;
    // Somebody may have committed since the table was loaded; that is no sign of a stale catalog.
    OCTO_ASSIGN(const iceberg::Table now, warehouse_.catalog().LoadTable(name_));
    if (version > iceberg::MetadataVersion(now.metadata_location) + 1) {
      return MakeError(ErrorKind::kUnsupported, "orphans of table " + name_.ToString() +
                                                    " are left alone: the catalog names " +
                                                    now.metadata_location +
                                                    ", but there is newer metadata, " +
                                                    file.location + "; the catalog may be behind");
    }
    OCTO_ASSIGN(const std::string canonical, spelling_.Canonical(file.location));
    candidates.erase(canonical);
    if (!read) continue;
    const iceberg::Table newer{table.identifier, file.location,
                               std::make_shared<const iceberg::TableMetadata>(*read)};
    const auto named = Named(newer, candidates);
    if (!named) {
      return WithContext(named.error(), "metadata that is newer than the catalog's");
    }
    for (const std::string& location : *named) candidates.erase(location);
  }
  return {};
}

Status OrphanRemoval::TryTakeOutNamed(const iceberg::Table& now, Candidates& candidates) {
  OCTO_ASSIGN(const auto named, Named(now, candidates));
  for (const std::string& location : named) candidates.erase(location);
  return TakeOutNamedByNewer(now, candidates);
}

Status OrphanRemoval::TakeOutNamed(Candidates& candidates) {
  for (int attempt = 1;; ++attempt) {
    OCTO_ASSIGN(const iceberg::Table now, iceberg::LoadTableAgain(warehouse_.catalog(), name_));
    if (now.metadata->table_uuid != table_.metadata->table_uuid) {
      return MakeError(ErrorKind::kNotFound,
                       "table " + name_.ToString() + " was dropped and made anew meanwhile");
    }
    const Status told = TryTakeOutNamed(now, candidates);
    if (told || attempt == kMostReads) return told;
    // Snapshots, and what they name, expire while they are read.
    OCTO_ASSIGN(const iceberg::Table then, iceberg::LoadTableAgain(warehouse_.catalog(), name_));
    if (then.metadata_location == now.metadata_location) return told;
  }
}

bool OrphanRemoval::IsGone(const std::string& location) {
  const auto info = warehouse_.file_system().Stat(location);
  return !info && info.error().kind == ErrorKind::kNotFound;
}

Status OrphanRemoval::TakeAway(Candidates& candidates, Quarantine& quarantine,
                               TimestampMicros now) {
  for (auto it = candidates.begin(); it != candidates.end();) {
    if (stop_.stop_requested()) {
      candidates.erase(it, candidates.end());
      return {};
    }
    const Status taken = quarantine.TakeAway(it->second.location, now);
    const bool gone = taken || IsGone(it->second.location);
    if (!taken && taken.error().kind != ErrorKind::kNotFound) {
      report_.warnings.push_back("an orphan stays where it is: " + taken.error().message);
    }
    if (gone) {
      ++it;
      continue;
    }
    it = candidates.erase(it);
  }
  return {};
}

// Whatever cannot be told by then comes back as well.
Status OrphanRemoval::BringBackNamed(Candidates taken, Quarantine& quarantine) {
  if (taken.empty()) return {};
  Candidates unnamed = taken;
  const Status told = TakeOutNamed(unnamed);
  Status status = told;
  for (const auto& [canonical, candidate] : taken) {
    if (told && unnamed.contains(canonical)) continue;
    const Status back = quarantine.BringBack(candidate.location);
    // Somebody else had removed it when it was to be moved.
    if (!back && back.error().kind == ErrorKind::kNotFound) continue;
    if (back) {
      ++report_.brought_back;
      --report_.files;
      report_.bytes -= candidate.bytes;
    } else if (status) {
      status = back;
    }
  }
  return status;
}

// Brings back what is named, such as of a run that was killed before it had looked again, and
// removes what has been there for long.
Status OrphanRemoval::ReviewQuarantine(Quarantine& quarantine, TimestampMicros now) {
  constexpr int64_t kMicrosPerMilli = 1000;
  std::vector<std::string> strange;
  OCTO_ASSIGN(auto held, quarantine.List(strange));
  for (const std::string& location : strange) {
    report_.warnings.push_back(location + " is nothing that belongs in a quarantine; it stays");
  }
  if (held.empty()) return {};
  Candidates unnamed;
  for (const Quarantine::Held& one : held) {
    OCTO_ASSIGN(std::string canonical, spelling_.Canonical(one.location));
    unnamed.emplace(std::move(canonical), Candidate{one.location, 0});
  }
  OCTO_TRY(TakeOutNamed(unnamed));
  for (const Quarantine::Held& one : held) {
    OCTO_ASSIGN(const std::string canonical, spelling_.Canonical(one.location));
    Status done;
    if (!unnamed.contains(canonical)) {
      done = quarantine.Restore(one);
      report_.brought_back += done ? 1 : 0;
    } else if (now - one.since > options_.quarantine_ms * kMicrosPerMilli) {
      done = warehouse_.file_system().Remove(one.here);
      report_.removed += done ? 1 : 0;
    }
    if (!done && done.error().kind != ErrorKind::kNotFound) {
      report_.warnings.push_back("a file stays in quarantine: " + done.error().message);
    }
  }
  return {};
}

Result<OrphanReport> OrphanRemoval::Run() {
  OCTO_TRY(CheckTable());
  Quarantine quarantine(warehouse_, *table_.metadata);
  OCTO_ASSIGN(const TimestampMicros now, quarantine.StoreTime());
  if (!options_.dry_run) OCTO_TRY(ReviewQuarantine(quarantine, now));
  OCTO_ASSIGN(Candidates candidates, OldFiles(now));
  // A process that ends meanwhile has committed before its record goes.
  OCTO_TRY(TakeOutRecorded(candidates));
  OCTO_TRY(TakeOutNamed(candidates));
  if (!options_.dry_run) OCTO_TRY(TakeAway(candidates, quarantine, now));
  for (const auto& [canonical, candidate] : candidates) {
    ++report_.files;
    report_.bytes += candidate.bytes;
    if (report_.locations.size() < kMostLocations) {
      report_.locations.push_back(candidate.location);
    }
  }
  if (options_.dry_run) return std::move(report_);
  OCTO_TRY(BringBackNamed(std::move(candidates), quarantine));
  return std::move(report_);
}

}  // namespace

Result<OrphanReport> RemoveOrphans(lake::Warehouse& warehouse,
                                   const iceberg::TableIdentifier& table,
                                   const OrphanOptions& options, std::stop_token stop) {
  return OrphanRemoval(warehouse, table, options, std::move(stop)).Run();
}

Result<RestoreReport> RestoreOrphans(lake::Warehouse& warehouse,
                                     const iceberg::TableIdentifier& table) {
  OCTO_ASSIGN(const iceberg::Table loaded, warehouse.catalog().LoadTable(table));
  Quarantine quarantine(warehouse, *loaded.metadata);
  RestoreReport report;
  OCTO_ASSIGN(const auto held, quarantine.List(report.warnings));
  for (std::string& location : report.warnings) {
    location += " is nothing that belongs in a quarantine; it stays";
  }
  for (const Quarantine::Held& one : held) {
    const Status back = quarantine.Restore(one);
    if (back) {
      ++report.files;
    } else {
      report.warnings.push_back("a file stays in quarantine: " + back.error().message);
    }
  }
  return report;
}

}  // namespace octolake::maintain
