#include "iceberg/table_places.h"

#include <utility>

namespace octolake::iceberg {
namespace {

std::string WithoutSlash(std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  return directory;
}

}  // namespace

std::map<std::string, std::string> TablePlaces(const TableMetadata& metadata) {
  std::map<std::string, std::string> places = {{"table", WithoutSlash(metadata.location)}};
  const std::pair<const char*, const char*> elsewhere[] = {{"data", "write.data.path"},
                                                           {"metadata", "write.metadata.path"}};
  for (const auto& [name, property] : elsewhere) {
    const auto path = metadata.properties.find(property);
    if (path == metadata.properties.end()) continue;
    const std::string directory = WithoutSlash(path->second);
    const bool below = (directory + "/").starts_with(places.at("table") + "/");
    if (!below) places[name] = directory;
  }
  return places;
}

bool MayCollectGarbage(const TableMetadata& metadata) {
  const auto enabled = metadata.properties.find("gc.enabled");
  return enabled == metadata.properties.end() || enabled->second != "false";
}

}  // namespace octolake::iceberg
