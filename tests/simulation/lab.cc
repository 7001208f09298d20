#include "lab.h"

#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include <utility>

#include "datafile/table_writer.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"

namespace octolake::simulation {
namespace {

iceberg::Field Column(int32_t id, std::string name, iceberg::TypePtr type) {
  iceberg::Field field;
  field.id = id;
  field.name = std::move(name);
  field.type = std::move(type);
  return field;
}

iceberg::NewTable RowTable() {
  iceberg::NewTable table;
  table.schema.fields = {Column(1, "id", iceberg::LongType()),
                         Column(2, "day", iceberg::DateType())};
  table.spec.fields = {{.source_id = 2, .field_id = 1000, .name = "day", .transform = {}}};
  table.properties = lake::CommonTableProperties();
  return table;
}

// Some tables merge manifests early, keep little metadata, or leave old metadata where it is.
void Vary(Choices& choices, iceberg::Properties& properties) {
  properties["write.metadata.previous-versions-max"] = std::to_string(choices.Between(2, 20));
  properties["commit.manifest.min-count-to-merge"] =
      std::to_string(choices.OneOf<int>({2, 4, 8, 100}));
  if (choices.Chance(0.1)) properties["write.metadata.delete-after-commit.enabled"] = "false";
}

Status Create(Lab& lab, Process& process, const iceberg::TableIdentifier& name,
              iceberg::NewTable table) {
  Vary(lab.world.choices, table.properties);
  lake::Warehouse& warehouse = process.warehouse();
  OCTO_TRY(iceberg::CreateTableIfMissing(warehouse.catalog(), warehouse.update_context(), name,
                                         std::move(table)));
  return {};
}

}  // namespace

iceberg::TableIdentifier Facts() { return {"lake", "facts"}; }
iceberg::TableIdentifier Copy() { return {"lake", "copy"}; }
iceberg::TableIdentifier Scratch() { return {"lake", "scratch"}; }

std::vector<iceberg::TableIdentifier> AllTables() {
  return {lake::BronzeEvents({}), Facts(), Copy(), Scratch()};
}

Status CreateTables(Lab& lab, Process& process) {
  OCTO_TRY(Create(lab, process, lake::BronzeEvents({}), lake::BronzeEventsDefinition()));
  OCTO_TRY(Create(lab, process, lake::RejectedEvents({}), lake::RejectedEventsDefinition()));
  OCTO_TRY(Create(lab, process, Facts(), RowTable()));
  return Create(lab, process, Copy(), RowTable());
}

Status CreateScratch(Lab& lab, Process& process) {
  return Create(lab, process, Scratch(), RowTable());
}

Rows NewRows(Lab& lab, int64_t most) {
  Rows rows;
  const int64_t count = lab.world.choices.Between(1, most);
  for (int64_t i = 0; i < count; ++i) {
    rows[lab.next_row++] = static_cast<int32_t>(lab.world.choices.Below(kDays));
  }
  return rows;
}

Result<std::vector<iceberg::DataFile>> WriteRows(Process& process, const iceberg::Table& table,
                                                 const Rows& rows) {
  arrow::Int64Builder ids;
  arrow::Date32Builder days;
  for (const auto& [id, day] : rows) {
    static_cast<void>(ids.Append(id));
    static_cast<void>(days.Append(day));
  }
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("day", arrow::date32())}),
      std::ssize(rows), {ids.Finish().ValueOrDie(), days.Finish().ValueOrDie()});
  OCTO_ASSIGN(const auto writer,
              datafile::MakeTableWriter(process.warehouse().file_system(),
                                        process.warehouse().random(), *table.metadata, {}));
  OCTO_TRY(writer->Write(*batch));
  return writer->Finish();
}

}  // namespace octolake::simulation
