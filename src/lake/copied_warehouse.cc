#include "lake/copied_warehouse.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "io/local_file_system.h"

namespace octolake::lake {

Status RefuseCopy(const std::string& directory, const iceberg::Table& table,
                  const std::string& default_location) {
  namespace fs = std::filesystem;
  const std::string& location = table.metadata->location;
  const auto path = io::LocalPath(location);
  const auto expected = io::LocalPath(default_location);
  if (!path || !expected || *path == *expected || !expected->starts_with(directory)) return {};
  const std::string_view place = std::string_view(*expected).substr(directory.size());
  if (!path->ends_with(place)) return {};
  const std::string original = path->substr(0, path->size() - place.size());
  const std::string catalog = original + "/catalog.db";
  std::error_code error;
  // Another name of the same directory, such as a link, has the same catalog.
  if (!fs::exists(catalog, error) || fs::equivalent(catalog, directory + "/catalog.db", error)) {
    return {};
  }
  if (error) return {};
  return MakeError(ErrorKind::kInvalidArgument,
                   "table " + table.identifier.ToString() + " lies in " + *path +
                       ", which belongs to the catalog " + catalog + ": " + directory +
                       " is a copy of " + original +
                       ", and a commit here would change and remove files of the original; work "
                       "with --warehouse " +
                       original + ", or load the events into a new warehouse");
}

}  // namespace octolake::lake
