#include "lake/table_docs.h"

#include "lake/definitions.h"

namespace octolake::lake {
namespace {

std::string PartitionText(const iceberg::NewTable& table) {
  std::string text;
  for (const iceberg::PartitionField& field : table.spec.fields) {
    if (!text.empty()) text += ", ";
    const iceberg::Field* source = table.schema.FindById(field.source_id);
    const bool identity = field.transform.kind == iceberg::Transform::Kind::kIdentity;
    text += identity ? source->name : field.transform.ToString() + "(" + source->name + ")";
  }
  return text.empty() ? "none" : text;
}

// A '|' would end the table's cell.
std::string CellText(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

std::string Section(const DescribedTable& table) {
  std::string text = "\n## " + table.name + "\n\n" + table.description + "\n\n";
  text += "Partitioned by: " + PartitionText(table.definition) + ".\n\n";
  text += "| id | column | type | required | meaning |\n|---|---|---|---|---|\n";
  for (const iceberg::Field& field : table.definition.schema.fields) {
    text += "| " + std::to_string(field.id) + " | " + field.name + " | " +
            iceberg::TypeName(*field.type) + " | " + (field.required ? "yes" : "") + " | " +
            CellText(field.doc) + " |\n";
  }
  text += "\nProperties:\n\n";
  for (const auto& [key, value] : table.definition.properties) {
    text += "- `" + key + "` = `" + value + "`\n";
  }
  return text;
}

}  // namespace

std::vector<DescribedTable> DescribeTables() {
  const Namespaces namespaces;
  return {
      {BronzeEvents(namespaces).ToString(),
       "Events as they were received: append-only, one row per received event. The original event "
       "can be rebuilt from a row.",
       BronzeEventsDefinition()},
      {RejectedEvents(namespaces).ToString(),
       "What was received and is not an event, with the reason. Nothing that was accepted is "
       "dropped.",
       RejectedEventsDefinition()},
      {LoadedFiles(namespaces).ToString(),
       "One row per loaded file, committed together with the file's events.",
       LoadedFilesDefinition()},
      {ParsedEvents(namespaces).ToString(),
       "Events with their payload as columns: append-only, one row per event, deduplicated by "
       "(event_id, created_at). A value the source does not carry is NULL, never 0 or ''.",
       ParsedEventsDefinition()},
  };
}

std::string TablesDocument(const std::vector<DescribedTable>& tables) {
  std::string text =
      "# Tables\n\n"
      "Made from the definitions in the code; a test compares it with them. All tables are "
      "Apache Iceberg, format version 2. Namespaces are the defaults. Times are UTC, in "
      "microseconds.\n";
  for (const DescribedTable& table : tables) text += Section(table);
  return text;
}

}  // namespace octolake::lake
