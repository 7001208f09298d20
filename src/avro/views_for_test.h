// What Decoder::Read gives, against what Decoder::Decode gives of the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "avro/binary.h"

namespace octolake::avro {

// All of a datum and, up to a depth, of the records in it. `views` counts the places.
inline WantedFields WantAll(const Schema& schema, size_t* views, int depth = 2) {
  WantedFields wanted;
  wanted.place = (*views)++;
  const Schema* record = &schema;
  for (const SchemaPtr& branch : schema.branches) {
    if (branch->type == Type::kRecord) record = branch.get();
  }
  if (depth == 0) return wanted;
  for (const Field& field : record->fields) {
    wanted.fields.push_back(WantAll(*field.schema, views, depth - 1));
  }
  return wanted;
}

// nullptr: there is no such datum.
inline FieldView ViewOf(const Value* value) {
  if (value == nullptr) return {};
  FieldView view{value->type(), 0, {}};
  if (const auto flag = value->IfBoolean()) view.integer = *flag ? 1 : 0;
  if (const auto integer = value->IfInteger()) view.integer = *integer;
  if (const auto symbol = value->IfEnum()) view.integer = *symbol;
  if (const std::string* text = value->IfString()) view.text = *text;
  if (const std::string* bytes = value->IfBytes()) view.text = *bytes;
  return view;
}

inline bool AreViewsOf(const Value* value, const WantedFields& wanted,
                       std::span<const FieldView> views) {
  const FieldView expected = ViewOf(value);
  const FieldView& view = views[*wanted.place];
  if (view.type != expected.type || view.integer != expected.integer ||
      view.text != expected.text) {
    return false;
  }
  const std::vector<Value>* fields = value == nullptr ? nullptr : value->IfRecord();
  for (size_t i = 0; i < wanted.fields.size(); ++i) {
    const bool has_field = fields != nullptr && i < fields->size();
    if (!AreViewsOf(has_field ? &(*fields)[i] : nullptr, wanted.fields[i], views)) return false;
  }
  return true;
}

// Empty, or how the two differ when both may read so many values.
inline std::string DifferenceOfViews(const Schema& schema, std::string_view bytes,
                                     int64_t values = std::numeric_limits<int64_t>::max()) {
  size_t places = 0;
  const WantedFields wanted = WantAll(schema, &places);
  std::vector<FieldView> views(places, FieldView{Type::kMap, 1, "of a datum before"});
  int64_t left_of_values = values;
  int64_t left_of_views = values;
  Decoder decoder(bytes);
  decoder.LimitValues(&left_of_values);
  Decoder viewer(bytes);
  viewer.LimitValues(&left_of_views);
  const auto value = decoder.Decode(schema);
  const Status viewed = viewer.Read(schema, wanted, views);
  if (!value || !viewed) {
    const std::string of_value = value ? "none" : value.error().message;
    const std::string of_views = viewed ? "none" : viewed.error().message;
    return of_value == of_views ? "" : "errors: " + of_value + "; " + of_views;
  }
  if (decoder.position() != viewer.position()) return "the position behind it";
  if (left_of_values != left_of_views) return "the number of values";
  return AreViewsOf(&*value, wanted, views) ? "" : "a field";
}

}  // namespace octolake::avro
