#include "lake/silver_parser.h"

#include <arrow/array.h>
#include <arrow/array/data.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <map>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "datafile/arrow_schema.h"
#include "datafile/arrow_status.h"
#include "lake/definitions.h"
#include "lake/payload.h"

namespace octolake::lake {
namespace {

constexpr char kContext[] = "parsing events for silver";

// Silver's name and Bronze's of columns that are taken as they are.
constexpr std::pair<const char*, const char*> kTaken[] = {
    {"event_id", "id"},           {"event_type", "type"},
    {"created_at", "event_time"}, {"public", "public"},
    {"actor_id", "actor_id"},     {"actor_login", "actor_login"},
    {"actor_url", "actor_url"},   {"actor_avatar_url", "actor_avatar_url"},
    {"repo_id", "repo_id"},       {"repo_name", "repo_name"},
    {"repo_url", "repo_url"},     {"ingestion_date", "ingestion_date"},
    {"org_id", "org_id"},         {"org_login", "org_login"},
    {"trace_id", "trace_id"},     {"source", "source"},
};

using PayloadMember = std::variant<OptionalText PayloadFields::*, OptionalLong PayloadFields::*,
                                   OptionalFlag PayloadFields::*, OptionalInstant PayloadFields::*>;

#define OCTO_PAYLOAD_COLUMN(name) \
  { #name, &PayloadFields::name }
const std::pair<const char*, PayloadMember> kParsed[] = {
    OCTO_PAYLOAD_COLUMN(payload_action),
    OCTO_PAYLOAD_COLUMN(payload_ref),
    OCTO_PAYLOAD_COLUMN(payload_ref_type),
    OCTO_PAYLOAD_COLUMN(push_size),
    OCTO_PAYLOAD_COLUMN(push_distinct_size),
    OCTO_PAYLOAD_COLUMN(push_head_sha),
    OCTO_PAYLOAD_COLUMN(push_before_sha),
    OCTO_PAYLOAD_COLUMN(pull_request_id),
    OCTO_PAYLOAD_COLUMN(pull_request_number),
    OCTO_PAYLOAD_COLUMN(pull_request_state),
    OCTO_PAYLOAD_COLUMN(pull_request_title),
    OCTO_PAYLOAD_COLUMN(pull_request_merged),
    OCTO_PAYLOAD_COLUMN(pull_request_merged_at),
    OCTO_PAYLOAD_COLUMN(pull_request_author_login),
    OCTO_PAYLOAD_COLUMN(pull_request_created_at),
    OCTO_PAYLOAD_COLUMN(pull_request_closed_at),
    OCTO_PAYLOAD_COLUMN(pull_request_additions),
    OCTO_PAYLOAD_COLUMN(pull_request_deletions),
    OCTO_PAYLOAD_COLUMN(pull_request_changed_files),
    OCTO_PAYLOAD_COLUMN(pull_request_commits),
    OCTO_PAYLOAD_COLUMN(pull_request_base_ref),
    OCTO_PAYLOAD_COLUMN(issue_number),
    OCTO_PAYLOAD_COLUMN(issue_title),
    OCTO_PAYLOAD_COLUMN(issue_state),
    OCTO_PAYLOAD_COLUMN(issue_author_login),
    OCTO_PAYLOAD_COLUMN(issue_created_at),
    OCTO_PAYLOAD_COLUMN(issue_closed_at),
    OCTO_PAYLOAD_COLUMN(issue_comments),
    OCTO_PAYLOAD_COLUMN(issue_is_pull_request),
    OCTO_PAYLOAD_COLUMN(review_state),
    OCTO_PAYLOAD_COLUMN(comment_id),
    OCTO_PAYLOAD_COLUMN(fork_id),
    OCTO_PAYLOAD_COLUMN(fork_full_name),
    OCTO_PAYLOAD_COLUMN(release_tag),
    OCTO_PAYLOAD_COLUMN(member_login),
};
#undef OCTO_PAYLOAD_COLUMN

std::unique_ptr<arrow::ArrayBuilder> BuilderOf(const PayloadMember& member) {
  arrow::MemoryPool* pool = arrow::default_memory_pool();
  switch (member.index()) {
    case 0:
      return std::make_unique<arrow::StringBuilder>();
    case 1:
      return std::make_unique<arrow::Int64Builder>();
    case 2:
      return std::make_unique<arrow::BooleanBuilder>();
    default:
      return std::make_unique<arrow::TimestampBuilder>(
          arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), pool);
  }
}

// The builder must be the one that BuilderOf made for the member.
arrow::Status Append(const PayloadMember& member, const PayloadFields& fields,
                     arrow::ArrayBuilder* builder) {
  return std::visit(
      [&](auto pointer) -> arrow::Status {
        const auto& value = fields.*pointer;
        if (!value) return builder->AppendNull();
        using Value = std::decay_t<decltype(*value)>;
        if constexpr (std::is_same_v<Value, std::string_view>) {
          return static_cast<arrow::StringBuilder*>(builder)->Append(*value);
        } else if constexpr (std::is_same_v<Value, int64_t>) {
          return static_cast<arrow::Int64Builder*>(builder)->Append(*value);
        } else if constexpr (std::is_same_v<Value, bool>) {
          return static_cast<arrow::BooleanBuilder*>(builder)->Append(*value);
        } else {
          return static_cast<arrow::TimestampBuilder*>(builder)->Append(value->micros);
        }
      },
      member);
}

// Some rows of a column; ascending.
arrow::Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                                      const std::vector<int64_t>& rows) {
  if (static_cast<int64_t>(rows.size()) == column->length()) return column;
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), column->type(), &builder));
  ARROW_RETURN_NOT_OK(builder->Reserve(static_cast<int64_t>(rows.size())));
  const arrow::ArraySpan span(*column->data());
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    ARROW_RETURN_NOT_OK(
        builder->AppendArraySlice(span, rows[begin], static_cast<int64_t>(end - begin)));
    begin = end;
  }
  return builder->Finish();
}

// A column of the expected type; the checks of everything that reads its values.
template <typename Array>
Result<std::shared_ptr<Array>> ColumnOf(const arrow::RecordBatch& batch, const char* name) {
  auto column = std::dynamic_pointer_cast<Array>(batch.GetColumnByName(name));
  if (column != nullptr) return column;
  return MakeError(ErrorKind::kCorruption,
                   std::string("bronze.github_events: column ") + name +
                       " is missing or has another type than octolake gave it");
}

// How many bytes from a text's first lie in the array's buffer.
size_t ReadableFrom(const arrow::StringArray& array, std::string_view text) {
  const auto& buffer = array.value_data();
  return static_cast<size_t>(buffer->capacity() -
                             (reinterpret_cast<const uint8_t*>(text.data()) - buffer->data()));
}

}  // namespace

std::string EventKey(std::string_view id, TimestampMicros created_at) {
  std::string key(id);
  key += '@';
  key += std::to_string(created_at);
  return key;
}

std::vector<std::string> BronzeColumnsOfSilver() {
  std::vector<std::string> names;
  for (const auto& [silver, bronze] : kTaken) names.emplace_back(bronze);
  names.emplace_back("payload");
  return names;
}

struct SilverParser::State {
  PayloadParser payload;
  std::shared_ptr<arrow::Schema> schema;

  arrow::Status ParsePayloads(const arrow::StringArray& types, const arrow::StringArray& payloads,
                              const std::vector<int64_t>& rows,
                              std::map<std::string, std::shared_ptr<arrow::Array>>* columns);
  arrow::Status Derive(const arrow::RecordBatch& bronze, const arrow::StringArray& ids,
                       const arrow::TimestampArray& times, const std::vector<int64_t>& rows,
                       TimestampMicros processed_at,
                       std::map<std::string, std::shared_ptr<arrow::Array>>* columns);
};

SilverParser::SilverParser() : state_(std::make_unique<State>()) {}
SilverParser::~SilverParser() = default;

arrow::Status SilverParser::State::ParsePayloads(
    const arrow::StringArray& types, const arrow::StringArray& payloads,
    const std::vector<int64_t>& rows,
    std::map<std::string, std::shared_ptr<arrow::Array>>* columns) {
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders;
  for (const auto& [name, member] : kParsed) {
    builders.push_back(BuilderOf(member));
    ARROW_RETURN_NOT_OK(builders.back()->Reserve(static_cast<int64_t>(rows.size())));
  }
  for (const int64_t row : rows) {
    PayloadFields fields;
    if (payloads.IsValid(row)) {
      const std::string_view text = payloads.GetView(row);
      fields = payload.Parse(types.GetView(row), text, ReadableFrom(payloads, text));
    }
    for (size_t i = 0; i < builders.size(); ++i) {
      ARROW_RETURN_NOT_OK(Append(kParsed[i].second, fields, builders[i].get()));
    }
  }
  for (size_t i = 0; i < builders.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE((*columns)[kParsed[i].first], builders[i]->Finish());
  }
  return arrow::Status::OK();
}

arrow::Status SilverParser::State::Derive(
    const arrow::RecordBatch& bronze, const arrow::StringArray& ids,
    const arrow::TimestampArray& times, const std::vector<int64_t>& rows,
    TimestampMicros processed_at, std::map<std::string, std::shared_ptr<arrow::Array>>* columns) {
  const auto logins =
      std::dynamic_pointer_cast<arrow::StringArray>(bronze.GetColumnByName("actor_login"));
  arrow::StringBuilder keys;
  arrow::BooleanBuilder bots;
  arrow::TimestampBuilder processed(times.type(), arrow::default_memory_pool());
  for (const int64_t row : rows) {
    ARROW_RETURN_NOT_OK(keys.Append(EventKey(ids.GetView(row), times.Value(row))));
    if (logins == nullptr || logins->IsNull(row)) {
      ARROW_RETURN_NOT_OK(bots.AppendNull());
    } else {
      ARROW_RETURN_NOT_OK(bots.Append(logins->GetView(row).ends_with("[bot]")));
    }
    ARROW_RETURN_NOT_OK(processed.Append(processed_at));
  }
  ARROW_ASSIGN_OR_RAISE((*columns)["event_key"], keys.Finish());
  ARROW_ASSIGN_OR_RAISE((*columns)["is_bot"], bots.Finish());
  ARROW_ASSIGN_OR_RAISE((*columns)["processed_at"], processed.Finish());
  return arrow::Status::OK();
}

Result<std::shared_ptr<arrow::RecordBatch>> SilverParser::Parse(const arrow::RecordBatch& bronze,
                                                                const std::vector<int64_t>& rows,
                                                                TimestampMicros processed_at) {
  OCTO_ASSIGN(const auto ids, ColumnOf<arrow::StringArray>(bronze, "id"));
  OCTO_ASSIGN(const auto types, ColumnOf<arrow::StringArray>(bronze, "type"));
  OCTO_ASSIGN(const auto times, ColumnOf<arrow::TimestampArray>(bronze, "event_time"));
  OCTO_ASSIGN(const auto payloads, ColumnOf<arrow::StringArray>(bronze, "payload"));
  for (const int64_t row : rows) {
    if (ids->IsValid(row) && types->IsValid(row) && times->IsValid(row)) continue;
    OCTO_ASSIGN(const auto traces, ColumnOf<arrow::StringArray>(bronze, "trace_id"));
    return MakeError(ErrorKind::kCorruption,
                     "bronze.github_events: the row with trace_id " +
                         (traces->IsValid(row) ? traces->GetString(row) : "NULL") +
                         " has no id, type or event_time; octolake writes none such: remove it");
  }
  if (state_->schema == nullptr) {
    OCTO_ASSIGN(state_->schema, datafile::ToArrowSchema(ParsedEventsDefinition().schema));
  }

  std::map<std::string, std::shared_ptr<arrow::Array>> columns;
  for (const auto& [silver, name] : kTaken) {
    const auto column = bronze.GetColumnByName(name);
    if (column == nullptr) {
      return MakeError(ErrorKind::kInvalidArgument,
                       std::string("parsing events for silver: the batch lacks column ") + name);
    }
    OCTO_ASSIGN(columns[silver], datafile::ToResult(TakeRows(column, rows), kContext));
  }
  OCTO_TRY(datafile::ToStatus(state_->ParsePayloads(*types, *payloads, rows, &columns), kContext));
  OCTO_TRY(datafile::ToStatus(state_->Derive(bronze, *ids, *times, rows, processed_at, &columns),
                              kContext));
  arrow::ArrayVector ordered;
  for (const auto& field : state_->schema->fields()) ordered.push_back(columns.at(field->name()));
  return arrow::RecordBatch::Make(state_->schema, static_cast<int64_t>(rows.size()),
                                  std::move(ordered));
}

}  // namespace octolake::lake
