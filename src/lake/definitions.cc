#include "lake/definitions.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "iceberg/partition.h"
#include "iceberg/type.h"
#include "lake/table_version.h"

namespace octolake::lake {
namespace {

using iceberg::BinaryType;
using iceberg::BooleanType;
using iceberg::DateType;
using iceberg::IntType;
using iceberg::LongType;
using iceberg::NewTable;
using iceberg::StringType;
using iceberg::TimestamptzType;
using iceberg::Transform;

// Counts up with every change of a definition below or of a model's columns: tables of a lower
// version are upgraded, those of a higher one are not written to.
constexpr char kDefinitionVersion[] = "1";

// The first id of a partition field ("Partition Field IDs" in the specification).
constexpr int32_t kFirstPartitionFieldId = 1000;

struct Column {
  const char* name;
  iceberg::TypePtr type;
  const char* doc;
  bool required = false;
};

// Ids are given in the order of the columns: a column that is added goes to the end.
iceberg::Schema MakeSchema(std::initializer_list<Column> columns) {
  iceberg::Schema schema;
  for (const Column& column : columns) {
    const auto id = static_cast<int32_t>(schema.fields.size()) + 1;
    schema.fields.push_back({id, column.name, column.type, column.required, column.doc});
  }
  return schema;
}

NewTable MakeTable(iceberg::Schema schema, const char* partition_column, Transform::Kind kind,
                   std::initializer_list<const char*> unbounded_columns) {
  NewTable table;
  table.schema = std::move(schema);
  const iceberg::Field* source = table.schema.FindByName(partition_column);
  iceberg::PartitionField field;
  field.source_id = source->id;
  field.field_id = kFirstPartitionFieldId;
  field.name = kind == Transform::Kind::kDay ? source->name + "_day" : source->name;
  field.transform.kind = kind;
  table.spec.fields.push_back(std::move(field));
  table.properties = CommonTableProperties();
  for (const char* column : unbounded_columns) {
    table.properties[std::string("write.metadata.metrics.column.") + column] = "counts";
  }
  return table;
}

}  // namespace

iceberg::TableIdentifier BronzeEvents(const Namespaces& namespaces) {
  return {namespaces.bronze, "github_events"};
}
iceberg::TableIdentifier RejectedEvents(const Namespaces& namespaces) {
  return {namespaces.bronze, "rejected_events"};
}
iceberg::TableIdentifier LoadedFiles(const Namespaces& namespaces) {
  return {namespaces.bronze, "loaded_files"};
}
iceberg::TableIdentifier ParsedEvents(const Namespaces& namespaces) {
  return {namespaces.silver, "github_events_parsed"};
}

iceberg::Properties CommonTableProperties() {
  return {{kDefinitionVersionProperty, kDefinitionVersion},
          {"write.format.default", "parquet"},
          {"write.metadata.delete-after-commit.enabled", "true"},
          {"write.metadata.previous-versions-max", "50"},
          {"write.parquet.compression-codec", "zstd"}};
}

NewTable BronzeEventsDefinition() {
  return MakeTable(
      MakeSchema({
          {"id", StringType(),
           "Event id as received; derived from the content where the event has none (timeline "
           "era); the delivery id of a webhook."},
          {"type", StringType(),
           "Event type, such as PushEvent; the name as sent for a webhook without an Events API "
           "type."},
          {"public", BooleanType(), "Whether everybody can see the event."},
          {"actor_id", LongType(), "Id of the user who acted."},
          {"actor_login", StringType(), "Login of the user who acted."},
          {"actor_gravatar_id", StringType(), "Gravatar id of the actor."},
          {"actor_url", StringType(), "API address of the actor."},
          {"actor_avatar_url", StringType(), "Address of the actor's picture."},
          {"repo_id", LongType(), "Id of the repository."},
          {"repo_name", StringType(), "Repository as owner/name."},
          {"repo_url", StringType(), "API address of the repository."},
          {"payload", StringType(), "Payload, JSON text as received."},
          {"created_at", StringType(), "Time of the event, text as received."},
          {"ingestion_timestamp", TimestamptzType(), "When the row was written to Bronze."},
          {"ingestion_date", DateType(), "UTC day of ingestion_timestamp; the partition."},
          {"kafka_partition", IntType(), "Kafka partition the event was read from."},
          {"kafka_offset", LongType(), "Kafka offset the event was read from."},
          {"org_id", LongType(), "Id of the organisation."},
          {"org_login", StringType(), "Login of the organisation."},
          {"event_time", TimestamptzType(), "created_at as an instant."},
          {"trace_id", StringType(), "UUIDv7 given on receipt, in the order of reading."},
          {"source", StringType(),
           "Where the event came from: collect, webhook, gharchive or events_api."},
          {"source_file", StringType(), "Name of the loaded file."},
          {"delivery_id", StringType(), "X-GitHub-Delivery of a webhook."},
          {"extra", StringType(), "JSON text of everything that has no column of its own."},
      }),
      "ingestion_date", Transform::Kind::kIdentity, {"payload", "extra"});
}

NewTable RejectedEventsDefinition() {
  return MakeTable(
      MakeSchema({
          {"raw", BinaryType(), "The document's bytes; only its beginning if it was too long."},
          {"reason", StringType(), "Why this is not an event."},
          {"source", StringType(),
           "Where the bytes came from: collect, webhook, gharchive or events_api."},
          {"trace_id", StringType(), "UUIDv7 given on receipt, in the order of reading."},
          {"received", TimestamptzType(),
           "When the document was received; its day is the partition."},
          {"source_file", StringType(),
           "Name of the loaded file; of a journal: 'journal' and its UUID."},
          {"ordinal", LongType(),
           "Documents before this one in the input; of a journal: the record's sequence."},
          {"byte_offset", LongType(),
           "Where the document begins in the input, in bytes, after decompression; NULL for a "
           "journal."},
      }),
      "received", Transform::Kind::kDay, {"raw"});
}

NewTable LoadedFilesDefinition() {
  return MakeTable(
      MakeSchema({
          {"name", StringType(), "The file's path as it was given; '-' for standard input."},
          {"size", LongType(), "Bytes of the file as stored."},
          {"sha256", StringType(),
           "SHA-256 of the bytes as stored, in hex digits; a file with a digest that is here is "
           "not loaded again."},
          {"events", LongType(), "Rows the file gave to github_events."},
          {"rejected", LongType(), "Rows the file gave to rejected_events."},
          {"loaded_at", TimestamptzType(), "ingestion_timestamp of the file's events."},
          {"ingestion_date", DateType(), "UTC day of loaded_at; the partition."},
          {"error", StringType(),
           "Why the file could be loaded in part only; NULL if it was loaded as a whole."},
      }),
      "ingestion_date", Transform::Kind::kIdentity, {});
}

NewTable ParsedEventsDefinition() {
  constexpr bool kRequired = true;
  return MakeTable(
      MakeSchema({
          {"event_id", StringType(),
           "Event id. GitHub reused ids, so it is not unique over all eras.", kRequired},
          {"event_type", StringType(), "Event type, such as PushEvent.", kRequired},
          {"created_at", TimestamptzType(), "Instant of the event.", kRequired},
          {"public", BooleanType(), "Whether everybody can see the event."},
          {"actor_id", LongType(), "Id of the user who acted."},
          {"actor_login", StringType(), "Login of the user who acted."},
          {"actor_url", StringType(), "API address of the actor."},
          {"actor_avatar_url", StringType(), "Address of the actor's picture."},
          {"repo_id", LongType(), "Id of the repository."},
          {"repo_name", StringType(), "Repository as owner/name."},
          {"repo_url", StringType(), "API address of the repository."},
          {"payload_action", StringType(), "What was done, such as opened or closed."},
          {"payload_ref", StringType(), "Git ref of a push, create or delete, as given."},
          {"payload_ref_type", StringType(), "branch, tag or repository."},
          {"push_size", LongType(),
           "Commits of a push; NULL where not given or not in 0 to 2147483647."},
          {"push_distinct_size", LongType(), "Commits of a push that were new to the repository."},
          {"push_head_sha", StringType(), "Commit the ref points to after the push."},
          {"pull_request_id", LongType(), "Id of the pull request."},
          {"pull_request_number", LongType(), "Number of the pull request in its repository."},
          {"pull_request_state", StringType(), "open or closed."},
          {"pull_request_title", StringType(), "Title of the pull request."},
          {"pull_request_merged", BooleanType(), "Whether the pull request was merged."},
          {"pull_request_merged_at", TimestamptzType(), "When the pull request was merged."},
          {"issue_number", LongType(), "Number of the issue in its repository."},
          {"issue_title", StringType(), "Title of the issue."},
          {"issue_state", StringType(), "open or closed."},
          {"ingestion_date", DateType(), "UTC day on which Bronze received the event."},
          {"processed_at", TimestamptzType(), "When the row was parsed.", kRequired},
          {"event_key", StringType(),
           "Event id, '@' and created_at in microseconds since 1970; unique over all eras.",
           kRequired},
          {"org_id", LongType(), "Id of the organisation."},
          {"org_login", StringType(), "Login of the organisation."},
          {"is_bot", BooleanType(), "Whether the actor is a bot (its login ends in [bot])."},
          {"pull_request_author_login", StringType(), "Who opened the pull request."},
          {"pull_request_created_at", TimestamptzType(), "When the pull request was opened."},
          {"pull_request_closed_at", TimestamptzType(), "When the pull request was closed."},
          {"pull_request_additions", LongType(), "Lines the pull request adds."},
          {"pull_request_deletions", LongType(), "Lines the pull request removes."},
          {"pull_request_changed_files", LongType(), "Files the pull request changes."},
          {"pull_request_commits", LongType(), "Commits of the pull request."},
          {"pull_request_base_ref", StringType(), "Branch the pull request goes into."},
          {"issue_author_login", StringType(), "Who opened the issue."},
          {"issue_created_at", TimestamptzType(), "When the issue was opened."},
          {"issue_closed_at", TimestamptzType(), "When the issue was closed."},
          {"issue_comments", LongType(), "Comments of the issue at that time."},
          {"issue_is_pull_request", BooleanType(), "Whether the issue is a pull request's."},
          {"review_state", StringType(), "Outcome of a review, such as approved."},
          {"comment_id", LongType(), "Id of the comment."},
          {"fork_id", LongType(), "Id of the repository a fork made."},
          {"fork_full_name", StringType(), "The repository a fork made, as owner/name."},
          {"release_tag", StringType(), "Tag of the release."},
          {"member_login", StringType(), "User who was added as a member."},
          {"push_before_sha", StringType(), "Commit the ref pointed to before the push."},
          {"trace_id", StringType(), "Id given to the event on receipt (Bronze trace_id)."},
          {"source", StringType(),
           "Where the event came from: collect, webhook, gharchive or events_api."},
      }),
      "created_at", Transform::Kind::kDay, {});
}

}  // namespace octolake::lake
