#include <arrow/record_batch.h>

#include <algorithm>
#include <map>

#include "datafile/arrow_schema.h"
#include "datafile/table_writer.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "model/relations.h"
#include "model/run.h"

namespace octolake::model {
namespace {

using Outcome = TestReport::Outcome;

bool Wanted(const Bundle& bundle, const DataTest& test, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  return std::any_of(test.depends_on.begin(), test.depends_on.end(), [&](const std::string& id) {
    Result<Relation> relation = FindRelation(bundle, id);
    return relation && std::find(names.begin(), names.end(), relation->name) != names.end();
  });
}

Status AddInput(sql::Session& session, lake::Warehouse& warehouse, const Relation& relation) {
  OCTO_ASSIGN(iceberg::Table table,
              LoadInput(warehouse, TableOf(relation, warehouse.namespaces())));
  return AddSnapshot(session, CompiledName(relation), warehouse, table,
                     table.metadata->current_snapshot_id);
}

struct TestSession {
  std::unique_ptr<sql::Session> session;
  std::map<std::string, std::string> unreadable;  // unique id of a relation, and why
};

// Every model and source at its current snapshot; one that is missing or damaged spoils only the
// tests that read it. A view's query is added after the tables (models are in topological order).
Result<TestSession> OpenTestSession(lake::Warehouse& warehouse, const Bundle& bundle,
                                    const TestOptions& options) {
  sql::SessionOptions session_options = options.session;
  if (session_options.temp_directory.empty()) {
    session_options.temp_directory = warehouse.temp_directory();
  }
  session_options.readable_directories.push_back(warehouse.directory());
  TestSession opened;
  OCTO_ASSIGN(opened.session, sql::OpenSession(session_options));
  auto note = [&](const Relation& relation, const Status& added) {
    if (!added) opened.unreadable[relation.unique_id] = added.error().message;
  };
  for (const Source& source : bundle.sources) {
    note(source.relation, AddInput(*opened.session, warehouse, source.relation));
  }
  for (const Model& model : bundle.models) {
    note(model.relation, model.materialization == Materialization::kView
                             ? opened.session->AddView(CompiledName(model.relation), model.full_sql)
                             : AddInput(*opened.session, warehouse, model.relation));
  }
  return opened;
}

Result<bool> Holds(sql::Session& session, int64_t failures, const std::string& comparison) {
  OCTO_ASSIGN(int64_t holds, session.QueryInteger("SELECT CAST((" + std::to_string(failures) + " " +
                                                  comparison + ") AS BIGINT)"));
  return holds != 0;
}

Result<Outcome> Judge(sql::Session& session, const DataTest& test, int64_t failures) {
  if (test.severity == Severity::kError) {
    OCTO_ASSIGN(bool failed, Holds(session, failures, test.error_if));
    if (failed) return Outcome::kFailed;
  }
  OCTO_ASSIGN(bool warned, Holds(session, failures, test.warn_if));
  return warned ? Outcome::kWarned : Outcome::kPassed;
}

// The table for a test's failing rows, made anew if its columns changed.
Result<iceberg::Table> FailureTable(lake::Warehouse& warehouse, const iceberg::TableIdentifier& id,
                                    const arrow::Schema& rows) {
  iceberg::NewTable definition;
  OCTO_ASSIGN(definition.schema, datafile::FromArrowSchema(rows));
  definition.location = warehouse.catalog().DefaultTableLocation(id);
  definition.properties = lake::CommonTableProperties();
  OCTO_ASSIGN(iceberg::Table table,
              iceberg::CreateTableIfMissing(warehouse.catalog(), warehouse.update_context(), id,
                                            definition));
  if (table.metadata->CurrentSchema().fields == definition.schema.fields) return table;
  OCTO_TRY(warehouse.catalog().DropTable(id));
  return iceberg::CreateTableIfMissing(warehouse.catalog(), warehouse.update_context(), id,
                                       definition);
}

Result<std::string> StoreFailures(lake::Warehouse& warehouse, sql::Session& session,
                                  const DataTest& test) {
  const iceberg::TableIdentifier id{warehouse.namespaces().test_failures, test.name};
  OCTO_ASSIGN(auto rows, session.Query(test.sql));
  OCTO_ASSIGN(iceberg::Table table, FailureTable(warehouse, id, *rows->schema()));
  OCTO_ASSIGN(auto writer, datafile::MakeTableWriter(warehouse.file_system(), warehouse.random(),
                                                     *table.metadata, datafile::WriterOptions{}));
  while (true) {
    OCTO_ASSIGN(std::shared_ptr<arrow::RecordBatch> batch, rows->Next());
    if (batch == nullptr) break;
    OCTO_TRY(writer->Write(*batch));
  }
  OCTO_ASSIGN(std::vector<iceberg::DataFile> files, writer->Finish());
  iceberg::Transaction transaction(warehouse.catalog(), warehouse.update_context());
  transaction.Add(id, iceberg::OverwriteAll(files, {}));
  Result<std::vector<iceberg::Table>> committed = transaction.Commit();
  if (committed) return id.ToString();
  if (committed.error().kind != ErrorKind::kCommitStateUnknown) {
    datafile::RemoveFiles(warehouse.file_system(), files);
  }
  return tl::unexpected<Error>(committed.error());
}

Status RunTest(lake::Warehouse& warehouse, const TestSession& opened, const DataTest& test,
               bool store_failures, TestReport& report) {
  for (const std::string& id : test.depends_on) {
    const auto found = opened.unreadable.find(id);
    if (found != opened.unreadable.end()) return MakeError(ErrorKind::kIo, found->second);
  }
  sql::Session& session = *opened.session;
  OCTO_ASSIGN(report.failures, session.QueryInteger("SELECT " + test.fail_calc + " FROM (" +
                                                    test.sql + "\n) AS failing_rows"));
  OCTO_ASSIGN(report.outcome, Judge(session, test, report.failures));
  if (store_failures) {
    OCTO_ASSIGN(report.stored_in, StoreFailures(warehouse, session, test));
  }
  return {};
}

}  // namespace

Result<std::vector<TestReport>> RunDataTests(lake::Warehouse& warehouse, const Bundle& bundle,
                                             const TestOptions& options,
                                             ProgressListener& progress) {
  OCTO_TRY(CheckTestNames(bundle, options.select));
  OCTO_ASSIGN(TestSession opened, OpenTestSession(warehouse, bundle, options));
  std::vector<TestReport> reports;
  for (const DataTest& test : bundle.tests) {
    if (!Wanted(bundle, test, options.select)) continue;
    progress.OnProgress({"test " + test.name, "tests", static_cast<int64_t>(reports.size()),
                         static_cast<int64_t>(bundle.tests.size())});
    TestReport report;
    report.name = test.name;
    report.description = test.description;
    report.outcome = Outcome::kPassed;
    Status status = RunTest(warehouse, opened, test, options.store_failures, report);
    if (!status) {
      report.outcome = Outcome::kErrored;
      report.error = status.error().message;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace octolake::model
