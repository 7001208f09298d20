#include "spark/native/octolake_spark.h"

#include <arrow/config.h>
#include <arrow/record_batch.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "lake/definition_json.h"
#include "lake/silver_parser.h"
#include "spark/native/boundary.h"
#include "spark/native/hand_over.h"
#include "spark/native/message_batch.h"
#include "spark/native/message_decoder.h"
#include "spark/native/silver_batch.h"

struct octolake_spark_parser {
  octolake::lake::SilverParser parser;
};

struct octolake_spark_decoder {
  explicit octolake_spark_decoder(const char* name) : origin(name) {}

  const std::string origin;
  octolake::spark::MessageDecoder messages;
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

int32_t octolake_spark_decoder_new(const char* origin, octolake_spark_decoder** decoder,
                                   char** message) {
  return AtBoundary(message, [&]() -> Status {
    *decoder = std::make_unique<octolake_spark_decoder>(origin).release();
    return {};
  });
}

void octolake_spark_decoder_free(octolake_spark_decoder* decoder) { delete decoder; }

int32_t octolake_spark_decode_messages(octolake_spark_decoder* decoder, ArrowArray* messages,
                                       ArrowSchema* messages_schema, char** message) {
  return AtBoundary(message, [&]() -> Status {
    OCTO_ASSIGN(const auto batch, ImportBatch(messages, messages_schema));
    OCTO_ASSIGN(auto add, MessagesToDecode(batch, decoder->origin));
    return decoder->messages.Give(batch->num_rows(), std::move(add));
  });
}

int32_t octolake_spark_rejected_messages(octolake_spark_decoder* decoder, ArrowArray* messages,
                                         ArrowSchema* messages_schema, char** message) {
  return AtBoundary(message, [&]() -> Status {
    OCTO_ASSIGN(const auto batch, ImportBatch(messages, messages_schema));
    OCTO_ASSIGN(auto add, MessagesRejectedBefore(batch, decoder->origin));
    return decoder->messages.Give(batch->num_rows(), std::move(add));
  });
}

int32_t octolake_spark_next_rows(octolake_spark_decoder* decoder, ArrowArray* events,
                                 ArrowSchema* events_schema, ArrowArray* rejected,
                                 ArrowSchema* rejected_schema, int32_t* has_rows, char** message) {
  return AtBoundary(message, [&]() -> Status {
    *has_rows = 0;
    OCTO_ASSIGN(const auto rows, decoder->messages.Next());
    if (!rows) return {};
    HandOver hand_over(decoder->messages);
    OCTO_TRY(hand_over.ExportFirst(*rows->rejected, rejected, rejected_schema));
    OCTO_TRY(hand_over.ExportLast(*rows->events, events, events_schema));
    *has_rows = 1;
    return {};
  });
}
