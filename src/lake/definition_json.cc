#include "lake/definition_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "iceberg/table_metadata.h"
#include "lake/definitions.h"

namespace octolake::lake {
namespace {

using Json = nlohmann::ordered_json;

// The definition of the table that has its role as its namespace.
Json ToJson(const iceberg::TableIdentifier& table, const iceberg::NewTable& definition) {
  Json json = Json::object();
  json["role"] = table.name_space;
  json["name"] = table.name;
  json["schema"] = Json::parse(iceberg::SchemaToJson(definition.schema));
  json["partition-fields"] = Json::parse(iceberg::PartitionFieldsToJson(definition.spec));
  json["properties"] = definition.properties;
  return json;
}

}  // namespace

std::string TableDefinitionsJson() {
  const Namespaces roles;
  Json tables = Json::array();
  tables.push_back(ToJson(BronzeEvents(roles), BronzeEventsDefinition()));
  tables.push_back(ToJson(RejectedEvents(roles), RejectedEventsDefinition()));
  tables.push_back(ToJson(LoadedFiles(roles), LoadedFilesDefinition()));
  tables.push_back(ToJson(ParsedEvents(roles), ParsedEventsDefinition()));
  return tables.dump();
}

}  // namespace octolake::lake
