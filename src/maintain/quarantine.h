// Where files of a table go before they are removed, so that they can come back. Internal to
// maintain/. docs/formats/warehouse.md describes the directory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "iceberg/table_metadata.h"
#include "io/owned_file.h"
#include "lake/warehouse.h"

namespace octolake::maintain {

class Quarantine {
 public:
  Quarantine(lake::Warehouse& warehouse, const iceberg::TableMetadata& metadata);

  const std::string& directory() const { return directory_; }
  // When the removal was whose directory has this name; nullopt for any other name.
  static std::optional<TimestampMicros> TimeOf(const std::string& removal);

  // What the clock of the store says, by a file that is made for it.
  Result<TimestampMicros> StoreTime();

  // Takes a file of one of the table's places away. `now` names the directory of this removal.
  Status TakeAway(const std::string& location, TimestampMicros now);
  // Brings back what was taken away under this location by this object.
  Status BringBack(const std::string& location);

  struct Held {
    std::string here;
    std::string location;  // where it was, and belongs
    TimestampMicros since = 0;
  };
  // Brings one back. kAlreadyExists if another file has its name by now.
  Status Restore(const Held& held);
  // All files of the table that are here, the last taken first; what nobody could have put here is
  // in `strange`.
  Result<std::vector<Held>> List(std::vector<std::string>& strange);
  // Removes what is left of removals whose files are all gone, as well as it can be, but for those
  // that others have begun: in a directory those whose places are held, on S3, where other machines
  // remove as well, those that began less than a day ago. So the removal of this object is left,
  // also where all that it took came back.
  void Tidy();

 private:
  // Until it has succeeded nothing is moved: what is moved must be able to find its way back.
  Status BeginRemoval(TimestampMicros now);
  // False if somebody else has tidied it away.
  Result<bool> HoldPlaces(const std::string& location);
  void TidyDirectories();
  void TidyObjects();
  // Where each place of a removal was; none if nothing says so.
  Result<std::map<std::string, std::string>> PlacesOf(const std::string& removal);

  lake::Warehouse& warehouse_;
  const std::map<std::string, std::string> places_;
  const std::string directory_;
  std::string removal_;                       // the directory of this removal, once there is one
  std::optional<io::OwnedFile> held_places_;  // its places, where the warehouse is a directory
  std::map<std::string, std::string> taken_;  // where each location is now
};

}  // namespace octolake::maintain
