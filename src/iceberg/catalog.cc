#include "iceberg/catalog.h"

namespace octolake::iceberg {

Result<std::vector<TableIdentifier>> ListAllTables(Catalog& catalog) {
  std::vector<TableIdentifier> tables;
  OCTO_ASSIGN(const auto namespaces, catalog.ListNamespaces());
  for (const std::string& name_space : namespaces) {
    OCTO_ASSIGN(const auto listed, catalog.ListTables(name_space));
    tables.insert(tables.end(), listed.begin(), listed.end());
  }
  return tables;
}

}  // namespace octolake::iceberg
