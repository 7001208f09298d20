#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/civil_time.h"
#include "base/string_util.h"
#include "cli/command.h"
#include "cli/config_keys.h"
#include "cli/row_printer.h"
#include "model/run.h"

namespace octolake::cli {
namespace {

struct SqlFlags {
  std::string query;
  std::string file;
  std::string format;
  std::string as_of;
};

Result<std::string> QueryText(const SqlFlags& flags) {
  if (!flags.query.empty()) return flags.query;
  if (flags.file.empty() && isatty(STDIN_FILENO) != 0) {
    return MakeError(ErrorKind::kInvalidArgument,
                     "no query: give it as an argument, with -f FILE, or on standard input");
  }
  if (flags.file.empty() || flags.file == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  std::ifstream in(flags.file, std::ios::binary);
  if (!in) return MakeError(ErrorKind::kNotFound, "cannot read query file " + flags.file);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A number is a snapshot's id, anything else a time.
Result<model::AsOf> ParseAsOf(const std::string& text) {
  model::AsOf as_of;
  if (text.empty()) return as_of;
  const int64_t id = ParseNumber<int64_t>(text).value_or(-1);
  if (id >= 0) {
    as_of.snapshot_id = id;
    return as_of;
  }
  Result<TimestampMicros> time = ParseTimestamp(text);
  if (!time) {
    return MakeError(ErrorKind::kInvalidArgument, "--as-of " + text +
                                                      ": expected a snapshot id or a time such as "
                                                      "2015-01-01T15:00:00Z");
  }
  as_of.timestamp_ms = FloorDiv(*time, 1000);
  return as_of;
}

Result<int64_t> RunQuery(const Context& context, const std::string& query, const model::AsOf& as_of,
                         RowFormat format) {
  OCTO_ASSIGN(auto warehouse, context.OpenWarehouse(false));
  OCTO_ASSIGN(model::Bundle bundle, LoadBundle());
  std::vector<std::string> unreadable;
  OCTO_ASSIGN(auto session,
              model::OpenWarehouseSession(*warehouse, bundle, as_of,
                                          SessionOptionsOf(context.config), &unreadable));
  for (const std::string& table : unreadable) context.Say("octolake: " + table);
  OCTO_TRY(session->Sandbox());
  OCTO_ASSIGN(auto rows, session->Query(query));
  return PrintRows(*rows, format, stdout);
}

int Sql(const Context& context, const SqlFlags& flags) {
  Result<RowFormat> format =
      ParseRowFormat(flags.format.empty() ? (context.flags.json ? "json" : "table") : flags.format);
  if (!format) return context.FailUsage(format.error());
  if (*format == RowFormat::kParquet && isatty(STDOUT_FILENO) != 0) {
    return context.FailUsage({ErrorKind::kInvalidArgument,
                              "Parquet is not for a terminal: send standard output to a file"});
  }
  Result<model::AsOf> as_of = ParseAsOf(flags.as_of);
  if (!as_of) return context.FailUsage(as_of.error());
  Result<std::string> query = QueryText(flags);
  if (!query) return context.FailUsage(query.error());
  Result<int64_t> count = RunQuery(context, *query, *as_of, *format);
  if (!count) return context.Fail(count.error());
  if (*format == RowFormat::kTable) {
    context.Say("(" + Grouped(*count) + (*count == 1 ? " row)" : " rows)"));
  }
  return kDone;
}

}  // namespace

void AddSqlCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<SqlFlags>();
  CLI::App* command = app.add_subcommand("sql", "Query the tables (DuckDB SQL, read-only)");
  auto* query = command->add_option("query", flags->query, "The statement");
  command->add_option("-f,--file", flags->file, "Read the statement from a file; - for stdin")
      ->excludes(query);
  command->add_option("--format", flags->format, "table (default), csv, json or parquet");
  command->add_option("--as-of", flags->as_of, "The tables as they were at a snapshot or a time")
      ->type_name("SNAPSHOT_ID|TIME");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Sql(context, *flags); };
  });
}

}  // namespace octolake::cli
