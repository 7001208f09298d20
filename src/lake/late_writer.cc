#include "lake/late_writer.h"

#include <arrow/record_batch.h>

#include <utility>

#include "iceberg/transaction.h"
#include "lake/definitions.h"

namespace octolake::lake {
namespace {

class LateWriter final : public datafile::TableWriter {
 public:
  LateWriter(Warehouse& warehouse, iceberg::TableIdentifier table, datafile::WriterOptions options,
             std::string* uuid)
      : warehouse_(warehouse), table_(std::move(table)), options_(options), uuid_(uuid) {}

  Status Write(const arrow::RecordBatch& batch) override {
    if (batch.num_rows() == 0) return {};
    if (!writer_) OCTO_TRY(Open());
    return writer_->Write(batch);
  }
  Result<std::vector<iceberg::DataFile>> Finish() override {
    if (!writer_) return std::vector<iceberg::DataFile>{};
    return writer_->Finish();
  }
  int64_t rows() const override { return writer_ ? writer_->rows() : 0; }
  int64_t bytes_written() const override { return writer_ ? writer_->bytes_written() : 0; }

 private:
  Status Open() {
    OCTO_TRY(CheckNotLost(warehouse_, table_));
    // It may have been mended since the tables were made and upgraded.
    OCTO_TRY(UpgradeTables(warehouse_, {table_}));
    OCTO_ASSIGN(const iceberg::Table table, iceberg::LoadTableAgain(warehouse_.catalog(), table_));
    *uuid_ = table.metadata->table_uuid;
    OCTO_ASSIGN(writer_, datafile::MakeTableWriter(warehouse_.file_system(), warehouse_.random(),
                                                   *table.metadata, options_));
    return {};
  }

  Warehouse& warehouse_;
  const iceberg::TableIdentifier table_;
  const datafile::WriterOptions options_;
  std::string* const uuid_;
  std::unique_ptr<datafile::TableWriter> writer_;  // nullptr: there was no row yet
};

}  // namespace

std::unique_ptr<datafile::TableWriter> MakeLateWriter(Warehouse& warehouse,
                                                      const iceberg::TableIdentifier& table,
                                                      const datafile::WriterOptions& options,
                                                      std::string* uuid) {
  return std::make_unique<LateWriter>(warehouse, table, options, uuid);
}

}  // namespace octolake::lake
