#include "maintain/orphans.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/civil_time.h"
#include "iceberg/metadata_file.h"
#include "iceberg/named_files.h"
#include "iceberg/table_places.h"
#include "iceberg/transaction.h"
#include "io/local_file_system.h"
#include "io/s3_file_system.h"
#include "io/write_record.h"
#include "lake/table_version.h"
#include "maintain/quarantine.h"
#include "maintain/sole_owner.h"

namespace octolake::maintain {
namespace {

constexpr size_t kMostLocations = 100;
// How often metadata is read that changes under the reader.
constexpr int kMostReads = 10;

// A place such as file:/w/t is listed as file:///w/t.
Status SpellAsBelow(const std::string& place, std::string& location) {
  OCTO_ASSIGN(const std::string directory, io::LocalPath(place));
  OCTO_ASSIGN(const std::string path, io::LocalPath(location));
  location = place + path.substr(directory.size());
  return {};
}

class OrphanRemoval {
 public:
  OrphanRemoval(lake::Warehouse& warehouse, iceberg::TableIdentifier name,
                const OrphanOptions& options, std::stop_token stop)
      : warehouse_(warehouse),
        name_(std::move(name)),
        options_(options),
        stop_(std::move(stop)),
        spelling_(options.equal_prefixes, warehouse.is_local()) {}

  Result<OrphanReport> Run();

 private:
  // Old files below the table, by canonical location.
  struct Candidate {
    std::string location;  // as it was listed
    int64_t bytes = 0;
  };
  using Candidates = std::map<std::string, Candidate>;

  Status CheckTable();
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

Status OrphanRemoval::CheckTable() {
  if (options_.older_than_ms < kLeastOrphanAgeMs) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "files younger than a day cannot be told from those of a commit under way; "
                     "orphans must be older");
  }
  OCTO_ASSIGN(table_, lake::LoadForWriting(warehouse_, name_));
  return CheckSoleOwner(warehouse_, table_, spelling_);
}

Result<OrphanRemoval::Candidates> OrphanRemoval::OldFiles(TimestampMicros now) {
  Candidates candidates;
  for (const auto& [name, place] : iceberg::TablePlaces(*table_.metadata)) {
    OCTO_ASSIGN(auto files, warehouse_.file_system().List(place));
    for (io::FileInfo& file : files) {
      if (!io::IsS3Location(place)) OCTO_TRY(SpellAsBelow(place, file.location));
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
  return io::ForEachRecordedLocation(warehouse_.write_records_directory(),
                                     [&](const std::string& location) {
                                       // What has no canonical spelling is none of the candidates,
                                       // which have one.
                                       const auto canonical = spelling_.Canonical(location);
                                       if (canonical) candidates.erase(*canonical);
                                     });
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
    // Somebody else may have removed it, but then it is not there.
    if (!taken && (!gone || taken.error().kind != ErrorKind::kNotFound)) {
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
  std::vector<std::string> strange;
  OCTO_ASSIGN(auto held, quarantine.List(strange));
  for (const std::string& location : strange) {
    report_.warnings.push_back(location + " is nothing that belongs in a quarantine; it stays");
  }
  if (held.empty()) {
    quarantine.Tidy();
    return {};
  }
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
  quarantine.Tidy();
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
  const Status back = BringBackNamed(std::move(candidates), quarantine);
  if (!back) {
    return WithContext(back.error(), "orphans were moved to " + quarantine.directory() +
                                         ", and it could not be told whether somebody came to "
                                         "name them; the next run looks again");
  }
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
  OCTO_ASSIGN(const iceberg::Table loaded, lake::LoadForWriting(warehouse, table));
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
  quarantine.Tidy();
  return report;
}

}  // namespace octolake::maintain
