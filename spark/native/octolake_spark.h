/* The C interface of liboctolake_spark.so: octolake's own parsers for the tasks of Spark's jobs.
 *
 * Batches go in and out by the Arrow C data interface. A function that is given an array and its
 * schema takes both over, whether it succeeds or not; what it gives is released by the caller.
 * Functions return OCTOLAKE_SPARK_OK or a kind of error, and then set *message to a text that the
 * caller frees with octolake_spark_free. No exception leaves this library and nothing in it ends
 * the process. Handles are used by one thread at a time; functions without one by any number.
 *
 * The library needs the libarrow of the version that octolake_spark_arrow_version tells to be in
 * the process before it is loaded (the pyarrow of that version brings it along). */
#ifndef OCTOLAKE_SPARK_H_
#define OCTOLAKE_SPARK_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ArrowArray;
struct ArrowSchema;

/* Rises with every change that a caller has to know of. */
#define OCTOLAKE_SPARK_ABI 2

#define OCTOLAKE_SPARK_API __attribute__((visibility("default")))

enum octolake_spark_status {
  OCTOLAKE_SPARK_OK = 0,
  OCTOLAKE_SPARK_INVALID_ARGUMENT = 1, /* the batch lacks a column, or one has another type */
  OCTOLAKE_SPARK_CORRUPTION = 2,       /* a row that octolake does not write */
  OCTOLAKE_SPARK_RESOURCE_EXHAUSTED = 3,
  OCTOLAKE_SPARK_OTHER = 4
};

OCTOLAKE_SPARK_API int32_t octolake_spark_abi(void);
/* Such as "26.0.1"; static. */
OCTOLAKE_SPARK_API const char* octolake_spark_arrow_version(void);
OCTOLAKE_SPARK_API void octolake_spark_free(char* message);

/* The tables that octolake defines, as JSON (src/lake/definition_json.h), in *json, which the
 * caller frees with octolake_spark_free. */
OCTOLAKE_SPARK_API int32_t octolake_spark_table_definitions(char** json, char** message);

/* Names of the columns of Bronze that parsing reads, as a JSON array, in *json, freed likewise. */
OCTOLAKE_SPARK_API int32_t octolake_spark_bronze_columns(char** json, char** message);

struct octolake_spark_parser;
OCTOLAKE_SPARK_API int32_t octolake_spark_parser_new(struct octolake_spark_parser** parser,
                                                     char** message);
OCTOLAKE_SPARK_API void octolake_spark_parser_free(struct octolake_spark_parser* parser);

/* Rows of bronze.github_events to rows of silver.github_events_parsed, one for one and in their
 * order, with Silver's columns in table order. `bronze` needs the columns above, in any order, with
 * Bronze's types (timestamps in microseconds, of any time zone); others are ignored. processed_at,
 * in microseconds since 1970, is the same for all. */
OCTOLAKE_SPARK_API int32_t octolake_spark_parse_bronze(
    struct octolake_spark_parser* parser, struct ArrowArray* bronze,
    struct ArrowSchema* bronze_schema, int64_t processed_at, struct ArrowArray* silver,
    struct ArrowSchema* silver_schema, char** message);

/* A decoder is given a batch of messages and then asked for their rows until there are no more.
 * What a message takes when it is decompressed is bounded for one message
 * (docs/formats/avro_message.md); so that many in one batch take no more, they are decoded as their
 * rows are asked for. */
struct octolake_spark_decoder;

/* At most this is in each batch of rows: so many rows, and so many bytes or one row. */
#define OCTOLAKE_SPARK_BATCH_ROWS 8192
#define OCTOLAKE_SPARK_BATCH_BYTES (8 << 20)

/* `origin` says in rejected rows what they were read from (source_file), such as "kafka
 * raw_metrics_avro". */
OCTOLAKE_SPARK_API int32_t octolake_spark_decoder_new(const char* origin,
                                                      struct octolake_spark_decoder** decoder,
                                                      char** message);
OCTOLAKE_SPARK_API void octolake_spark_decoder_free(struct octolake_spark_decoder* decoder);

/* Gives messages of Kafka, with the columns value (binary), partition (int32), offset (int64) and
 * timestamp (microseconds, of any time zone); value is an object container file
 * (docs/formats/avro_message.md). OCTOLAKE_SPARK_INVALID_ARGUMENT also while rows of messages that
 * were given before are left. */
OCTOLAKE_SPARK_API int32_t octolake_spark_decode_messages(struct octolake_spark_decoder* decoder,
                                                          struct ArrowArray* messages,
                                                          struct ArrowSchema* messages_schema,
                                                          char** message);

/* Gives messages of the topic of what could not become an event: `messages` has also the text
 * columns reason, source and trace_id and received_at (microseconds), any of them with NULLs; value
 * is kept as raw. */
OCTOLAKE_SPARK_API int32_t octolake_spark_rejected_messages(struct octolake_spark_decoder* decoder,
                                                            struct ArrowArray* messages,
                                                            struct ArrowSchema* messages_schema,
                                                            char** message);

/* The next rows of the messages given, in their order: of bronze.github_events in `events`, of
 * bronze.rejected_events in `rejected`, both with all columns in table order, either with no rows.
 * *has_rows is 1, or 0 if there are no more, and then nothing is given. What a message is makes no
 * error. After an error the decoder has nothing left of the messages, and can be given others. */
OCTOLAKE_SPARK_API int32_t octolake_spark_next_rows(struct octolake_spark_decoder* decoder,
                                                    struct ArrowArray* events,
                                                    struct ArrowSchema* events_schema,
                                                    struct ArrowArray* rejected,
                                                    struct ArrowSchema* rejected_schema,
                                                    int32_t* has_rows, char** message);

#ifdef __cplusplus
}
#endif

#endif /* OCTOLAKE_SPARK_H_ */
