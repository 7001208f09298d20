// Where files of a table go before they are removed, so that they can come back. Internal to
// maintain/.
//
// <warehouse>/.quarantine/<table uuid>/<time>-<uuid>/<place>/<path below the place>: a directory
// for each removal of orphans, whose name begins with its time (20260102T030405Z); the places are
// the table's directories (TablePlaces).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "iceberg/table_metadata.h"
#include "lake/warehouse.h"

namespace octolake::maintain {

// The directories that are a table's own, without slashes at their ends, by a short name: "table",
// and "data" and "metadata" where properties put these elsewhere.
std::map<std::string, std::string> TablePlaces(const iceberg::TableMetadata& metadata);

class Quarantine {
 public:
  Quarantine(lake::Warehouse& warehouse, const iceberg::TableMetadata& metadata);

  const std::string& directory() const { return directory_; }

  // What the clock of the store says, by a file that is made for it.
  Result<TimestampMicros> StoreTime();

  // Takes a file of one of the places away. `now` names the directory of this removal.
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

 private:
  Result<std::string> PlaceFor(const std::string& location, TimestampMicros now);

  lake::Warehouse& warehouse_;
  const std::map<std::string, std::string> places_;
  const std::string directory_;
  std::string removal_;                       // the directory of this removal, once there is one
  std::map<std::string, std::string> taken_;  // where each location is now
};

}  // namespace octolake::maintain
