#include "event/rebuild.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <vector>

#include "event/event_parser.h"
#include "event/json_index.h"

namespace octolake::event {
namespace {

// extra holds what was accepted once, under any limit the reader may have had.
constexpr int kMaxExtraDepth = 1 << 20;

class ObjectText {
 public:
  void Add(std::string_view key, std::string_view raw) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += key;
    text_ += "\":";
    text_ += raw;
  }
  std::string Finish() { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  std::string text_;
};

// A value of a column as JSON text; none for NULL.
struct ColumnText {
  std::string_view key;
  std::optional<std::string> json;
};

std::optional<std::string> Json(const Text& text) {
  if (!text) return std::nullopt;
  std::string json;
  AppendJsonString(*text, &json);
  return json;
}
std::optional<std::string> Json(const std::optional<int64_t>& integer) {
  if (!integer) return std::nullopt;
  return std::to_string(*integer);
}

// Puts columns and extra together; where both have a value, extra's is the original.
class Rebuilder {
 public:
  Status ReadExtra(const Text& extra);
  // The document kept whole, if it is.
  const JsonMember* WholeDocument() const { return Find(members_, kDocumentKey); }
  void Add(const ColumnText& column);
  void AddObject(std::string_view key, const std::vector<ColumnText>& columns);
  std::string Finish();

 private:
  static const JsonMember* Find(const std::vector<JsonMember>& members, std::string_view key) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [key](const JsonMember& member) { return member.key == key; });
    return found == members.end() ? nullptr : &*found;
  }

  std::string padded_;
  JsonIndex index_{kMaxExtraDepth};
  std::vector<JsonMember> members_;
  std::vector<const JsonMember*> used_;
  ObjectText out_;
};

Status Rebuilder::ReadExtra(const Text& extra) {
  if (!extra) return {};
  padded_.assign(*extra).append(kJsonPadding, ' ');
  const JsonProblem problem = index_.Parse({padded_.data(), extra->size()});
  if (problem || !index_.root().IsObject()) {
    return MakeError(ErrorKind::kCorruption,
                     "column extra: expected the text of a JSON object, found '" +
                         std::string(extra->substr(0, 80)) + "'");
  }
  index_.Members(index_.root(), &members_);
  return {};
}

void Rebuilder::Add(const ColumnText& column) {
  if (column.json && Find(members_, column.key) == nullptr) out_.Add(column.key, *column.json);
}

void Rebuilder::AddObject(std::string_view key, const std::vector<ColumnText>& columns) {
  const JsonMember* extra = Find(members_, key);
  if (extra != nullptr && !extra->value.IsObject()) return;
  std::vector<JsonMember> nested;
  if (extra != nullptr) {
    index_.Members(extra->value, &nested);
    used_.push_back(extra);
  }
  ObjectText object;
  bool exists = extra != nullptr;
  for (const ColumnText& column : columns) {
    if (!column.json || Find(nested, column.key) != nullptr) continue;
    object.Add(column.key, *column.json);
    exists = true;
  }
  for (const JsonMember& member : nested) object.Add(member.key, member.value.raw);
  if (exists) out_.Add(key, object.Finish());
}

std::string Rebuilder::Finish() {
  for (const JsonMember& member : members_) {
    if (std::find(used_.begin(), used_.end(), &member) == used_.end()) {
      out_.Add(member.key, member.value.raw);
    }
  }
  return out_.Finish();
}

void AddEventsShape(const EventRow& row, Rebuilder* out) {
  out->Add({"id", Json(row.id)});
  out->AddObject("actor", {{"id", Json(row.actor_id)},
                           {"login", Json(row.actor_login)},
                           {"gravatar_id", Json(row.actor_gravatar_id)},
                           {"url", Json(row.actor_url)},
                           {"avatar_url", Json(row.actor_avatar_url)}});
  out->AddObject(
      "repo",
      {{"id", Json(row.repo_id)}, {"name", Json(row.repo_name)}, {"url", Json(row.repo_url)}});
  out->AddObject("org", {{"id", Json(row.org_id)}, {"login", Json(row.org_login)}});
}

void AddTimelineShape(const EventRow& row, Rebuilder* out) {
  Text owner;
  Text name;
  if (row.repo_name) {
    const size_t slash = std::min(row.repo_name->find('/'), row.repo_name->size());
    owner = row.repo_name->substr(0, slash);
    name = row.repo_name->substr(std::min(slash + 1, row.repo_name->size()));
  }
  out->Add({"actor", Json(row.actor_login)});
  out->AddObject("actor_attributes", {{"gravatar_id", Json(row.actor_gravatar_id)}});
  out->AddObject("repository", {{"id", Json(row.repo_id)},
                                {"url", Json(row.repo_url)},
                                {"organization", Json(row.org_login)},
                                {"owner", Json(owner)},
                                {"name", Json(name)}});
}

Text TextAt(const arrow::RecordBatch& batch, const char* column, int64_t row) {
  const auto array = batch.GetColumnByName(column);
  if (array->IsNull(row)) return std::nullopt;
  return static_cast<const arrow::StringArray&>(*array).GetView(row);
}

template <typename Array>
auto ValueAt(const arrow::RecordBatch& batch, const char* column, int64_t row)
    -> std::optional<decltype(std::declval<Array>().Value(0))> {
  const auto array = batch.GetColumnByName(column);
  if (array->IsNull(row)) return std::nullopt;
  return static_cast<const Array&>(*array).Value(row);
}

}  // namespace

Result<std::string> RebuildEvent(const EventRow& row) {
  if (row.delivery_id) return std::string(row.payload.value_or("null"));
  Rebuilder out;
  OCTO_TRY(out.ReadExtra(row.extra));
  if (const JsonMember* whole = out.WholeDocument()) return std::string(whole->value.raw);
  out.Add({"type", Json(row.type)});
  if (row.is_public) out.Add({"public", *row.is_public ? "true" : "false"});
  out.Add({"created_at", Json(row.created_at)});
  if (row.payload) out.Add({"payload", std::string(*row.payload)});
  if (IsDerivedId(row.id.value_or(""))) {
    AddTimelineShape(row, &out);
  } else {
    AddEventsShape(row, &out);
  }
  return out.Finish();
}

EventRow EventRowAt(const arrow::RecordBatch& batch, int64_t row) {
  EventRow out;
  out.id = TextAt(batch, "id", row);
  out.type = TextAt(batch, "type", row);
  out.is_public = ValueAt<arrow::BooleanArray>(batch, "public", row);
  out.actor_id = ValueAt<arrow::Int64Array>(batch, "actor_id", row);
  out.actor_login = TextAt(batch, "actor_login", row);
  out.actor_gravatar_id = TextAt(batch, "actor_gravatar_id", row);
  out.actor_url = TextAt(batch, "actor_url", row);
  out.actor_avatar_url = TextAt(batch, "actor_avatar_url", row);
  out.repo_id = ValueAt<arrow::Int64Array>(batch, "repo_id", row);
  out.repo_name = TextAt(batch, "repo_name", row);
  out.repo_url = TextAt(batch, "repo_url", row);
  out.payload = TextAt(batch, "payload", row);
  out.created_at = TextAt(batch, "created_at", row);
  out.org_id = ValueAt<arrow::Int64Array>(batch, "org_id", row);
  out.org_login = TextAt(batch, "org_login", row);
  out.event_time = ValueAt<arrow::TimestampArray>(batch, "event_time", row);
  out.delivery_id = TextAt(batch, "delivery_id", row);
  out.extra = TextAt(batch, "extra", row);
  return out;
}

}  // namespace octolake::event
