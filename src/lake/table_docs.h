// The reference of tables and columns, docs/formats/tables.md, as text.
#pragma once

#include <string>
#include <vector>

#include "iceberg/table_metadata.h"

namespace octolake::lake {

struct DescribedTable {
  std::string name;         // "bronze.github_events", with the default namespaces
  std::string description;  // a sentence or two
  iceberg::NewTable definition;
};

// The tables that definitions.h defines, in the order of the events' way.
std::vector<DescribedTable> DescribeTables();

// Markdown: a section a table, with its partitions, properties and columns with their field ids.
std::string TablesDocument(const std::vector<DescribedTable>& tables);

}  // namespace octolake::lake
