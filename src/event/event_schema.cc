#include <arrow/type.h>

#include "event/event_reader.h"

namespace octolake::event {

std::shared_ptr<arrow::Schema> EventSchema() {
  const auto instant = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  static const auto schema = arrow::schema({
      arrow::field("id", arrow::utf8()),
      arrow::field("type", arrow::utf8()),
      arrow::field("public", arrow::boolean()),
      arrow::field("actor_id", arrow::int64()),
      arrow::field("actor_login", arrow::utf8()),
      arrow::field("actor_gravatar_id", arrow::utf8()),
      arrow::field("actor_url", arrow::utf8()),
      arrow::field("actor_avatar_url", arrow::utf8()),
      arrow::field("repo_id", arrow::int64()),
      arrow::field("repo_name", arrow::utf8()),
      arrow::field("repo_url", arrow::utf8()),
      arrow::field("payload", arrow::utf8()),
      arrow::field("created_at", arrow::utf8()),
      arrow::field("ingestion_timestamp", instant),
      arrow::field("ingestion_date", arrow::date32()),
      arrow::field("kafka_partition", arrow::int32()),
      arrow::field("kafka_offset", arrow::int64()),
      arrow::field("org_id", arrow::int64()),
      arrow::field("org_login", arrow::utf8()),
      arrow::field("event_time", instant),
      arrow::field("trace_id", arrow::utf8()),
      arrow::field("source", arrow::utf8()),
      arrow::field("source_file", arrow::utf8()),
      arrow::field("delivery_id", arrow::utf8()),
      arrow::field("extra", arrow::utf8()),
  });
  return schema;
}

std::shared_ptr<arrow::Schema> RejectedSchema() {
  static const auto schema = arrow::schema({
      arrow::field("raw", arrow::binary()),
      arrow::field("reason", arrow::utf8()),
      arrow::field("source", arrow::utf8()),
      arrow::field("trace_id", arrow::utf8()),
      arrow::field("received", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
      arrow::field("source_file", arrow::utf8()),
      arrow::field("ordinal", arrow::int64()),
      arrow::field("byte_offset", arrow::int64()),
  });
  return schema;
}

}  // namespace octolake::event
