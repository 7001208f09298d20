#include "spark/native/octolake_spark.h"

#include <arrow/config.h>
#include <arrow/record_batch.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "lake/definition_json.h"
#include "lake/silver_parser.h"
#include "spark/native/boundary.h"
#include "spark/native/silver_batch.h"

struct octolake_spark_parser {
  octolake::lake::SilverParser parser;
};

namespace octolake::spark {
namespace {

Status GiveText(const std::string& text, char** out) {
  *out = CopyOf(text);
  if (*out != nullptr) return {};
  return MakeError(ErrorKind::kResourceExhausted,
                   "no memory for a text of " + std::to_string(text.size()) + " bytes");
}

}  // namespace
}  // namespace octolake::spark

using octolake::Status;
using namespace octolake::spark;  // NOLINT: the interface is C, outside of every namespace

int32_t octolake_spark_abi(void) { return OCTOLAKE_SPARK_ABI; }

const char* octolake_spark_arrow_version(void) { return ARROW_VERSION_STRING; }

void octolake_spark_free(char* message) { std::free(message); }

int32_t octolake_spark_table_definitions(char** json, char** message) {
  return AtBoundary(message,
                    [&] { return GiveText(octolake::lake::TableDefinitionsJson(), json); });
}

int32_t octolake_spark_bronze_columns(char** json, char** message) {
  return AtBoundary(message, [&] {
    return GiveText(nlohmann::json(octolake::lake::BronzeColumnsOfSilver()).dump(), json);
  });
}

int32_t octolake_spark_parser_new(octolake_spark_parser** parser, char** message) {
  return AtBoundary(message, [&]() -> Status {
    *parser = std::make_unique<octolake_spark_parser>().release();
    return {};
  });
}

void octolake_spark_parser_free(octolake_spark_parser* parser) { delete parser; }

int32_t octolake_spark_parse_bronze(octolake_spark_parser* parser, ArrowArray* bronze,
                                    ArrowSchema* bronze_schema, int64_t processed_at,
                                    ArrowArray* silver, ArrowSchema* silver_schema,
                                    char** message) {
  return AtBoundary(message, [&]() -> Status {
    OCTO_ASSIGN(const auto batch, ImportBatch(bronze, bronze_schema));
    OCTO_ASSIGN(const auto parsed, ParseWhole(parser->parser, *batch, processed_at));
    return ExportBatch(*parsed, silver, silver_schema);
  });
}
