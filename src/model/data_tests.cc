#include <arrow/record_batch.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/thread.h"
#include "datafile/arrow_schema.h"
#include "datafile/table_writer.h"
#include "iceberg/transaction.h"
#include "lake/definitions.h"
#include "lake/table_version.h"
#include "model/relations.h"
#include "model/run.h"
#include "sql/integer_cell.h"

namespace octolake::model {
namespace {

using Outcome = TestReport::Outcome;

// Tests are many and small: each is run by one thread, several side by side. DuckDB's own threads
// would wait busily for each other most of the time.
int TestsAtOnce(const TestOptions& options) {
  // Storing failures commits, one test after the other.
  if (options.store_failures) return 1;
  if (options.session.threads > 0) return options.session.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

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
  session_options.threads = 1;
  OCTO_TRY(AllowWarehouse(warehouse, session_options));
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

// One query a test: its number of failures, and whether the comparisons of it hold.
std::string CountQuery(const DataTest& test) {
  const auto holds = [](const std::string& comparison) {
    return "CAST((failures " + comparison + ") AS BIGINT)";
  };
  return "SELECT failures, " + holds(test.error_if) + ", " + holds(test.warn_if) +
         " FROM (SELECT " + test.fail_calc + " AS failures FROM (" + test.sql +
         "\n) AS failing_rows) AS counted";
}

Status Count(sql::Session& session, const DataTest& test, TestReport& report) {
  OCTO_ASSIGN(auto rows, session.Query(CountQuery(test)));
  OCTO_ASSIGN(const auto batch, rows->Next());
  OCTO_ASSIGN(report.failures, sql::IntegerOf(batch.get(), 0, test.name));
  OCTO_ASSIGN(const int64_t fails, sql::IntegerOf(batch.get(), 1, test.name));
  OCTO_ASSIGN(const int64_t warns, sql::IntegerOf(batch.get(), 2, test.name));
  report.outcome = Outcome::kPassed;
  if (warns != 0) report.outcome = Outcome::kWarned;
  if (fails != 0 && test.severity == Severity::kError) report.outcome = Outcome::kFailed;
  return {};
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
  OCTO_TRY(lake::CheckVersion(table));
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

// A test whose report is filled in by whoever runs it.
struct TestRun {
  const DataTest* test = nullptr;
  TestReport report;
  Status status;
};

Status RunTest(lake::Warehouse& warehouse, const TestSession& opened, bool store_failures,
               TestRun& run) {
  for (const std::string& id : run.test->depends_on) {
    const auto found = opened.unreadable.find(id);
    if (found != opened.unreadable.end()) return MakeError(ErrorKind::kIo, found->second);
  }
  OCTO_TRY(Count(*opened.session, *run.test, run.report));
  if (store_failures) {
    OCTO_ASSIGN(run.report.stored_in, StoreFailures(warehouse, *opened.session, *run.test));
  }
  return {};
}

// Tells `finished`, in the calling thread, each time a test is done. As many at once as there are
// threads to be had; an error if there is none.
Status RunAll(std::vector<TestRun>& runs, size_t threads,
              const std::function<Status(TestRun&)>& body,
              const std::function<void(const TestRun&)>& finished) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t next = 0;
  std::deque<const TestRun*> done;
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (next < runs.size()) {
      TestRun& run = runs[next++];
      lock.unlock();
      run.status = body(run);
      lock.lock();
      done.push_back(&run);
      changed.notify_one();
    }
  };
  std::vector<std::jthread> workers;
  while (workers.size() < std::min(threads, runs.size())) {
    auto worker = StartThread("to run data tests", work);
    if (!worker && workers.empty()) return tl::unexpected<Error>(std::move(worker).error());
    if (!worker) break;
    workers.push_back(*std::move(worker));
  }
  std::unique_lock lock(mutex);
  for (size_t told = 0; told < runs.size(); ++told) {
    changed.wait(lock, [&] { return !done.empty(); });
    const TestRun* run = done.front();
    done.pop_front();
    lock.unlock();
    finished(*run);
    lock.lock();
  }
  return {};
}

std::vector<TestReport> Reports(std::vector<TestRun> runs) {
  std::vector<TestReport> reports;
  for (TestRun& run : runs) {
    if (!run.status) {
      run.report.outcome = Outcome::kErrored;
      run.report.error = run.status.error().message;
    }
    reports.push_back(std::move(run.report));
  }
  return reports;
}

}  // namespace

Result<std::vector<TestReport>> RunDataTests(lake::Warehouse& warehouse, const Bundle& bundle,
                                             const TestOptions& options,
                                             ProgressListener& progress) {
  OCTO_TRY(CheckTestNames(bundle, options.select));
  OCTO_ASSIGN(TestSession opened, OpenTestSession(warehouse, bundle, options));
  std::vector<TestRun> runs;
  for (const DataTest& test : bundle.tests) {
    if (!Wanted(bundle, test, options.select)) continue;
    runs.push_back({&test, {test.name, test.description, Outcome::kPassed, 0, "", ""}, {}});
  }
  int64_t done = 0;
  const auto body = [&](TestRun& run) {
    return RunTest(warehouse, opened, options.store_failures, run);
  };
  const auto tell = [&](const TestRun& run) {
    progress.OnProgress(
        {"test " + run.test->name, "tests", ++done, static_cast<int64_t>(runs.size())});
  };
  OCTO_TRY(RunAll(runs, static_cast<size_t>(TestsAtOnce(options)), body, tell));
  // Tests share the session's memory: what had too little of it may do alone.
  for (TestRun& run : runs) {
    const bool exhausted = !run.status && run.status.error().kind == ErrorKind::kResourceExhausted;
    if (exhausted) run.status = body(run);
  }
  return Reports(std::move(runs));
}

}  // namespace octolake::model
