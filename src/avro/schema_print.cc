#include <nlohmann/json.hpp>
#include <set>

#include "avro/schema.h"
#include "base/json_text.h"

namespace octolake::avro {
namespace {

using Json = nlohmann::ordered_json;

class Printer {
 public:
  Json Print(const Schema& schema, const std::string& space) {
    if (schema.type == Type::kNamed) return schema.name;
    if (!schema.name.empty() && !printed_.insert(schema.name).second) return schema.name;
    if (schema.type == Type::kUnion) {
      Json branches = Json::array();
      for (const SchemaPtr& branch : schema.branches) branches.push_back(Print(*branch, space));
      return branches;
    }
    Json out;
    out["type"] = TypeName(schema.type);
    PrintContent(schema, space, out);
    PrintAttributes(schema, out);
    // A primitive type without attributes is its name alone.
    if (out.size() == 1) return Json(TypeName(schema.type));
    return out;
  }

 private:
  void PrintContent(const Schema& schema, const std::string& space, Json& out) {
    std::string inner_space = space;
    if (!schema.name.empty()) {
      out["name"] = schema.name;
      const size_t dot = schema.name.rfind('.');
      inner_space = dot == std::string::npos ? "" : schema.name.substr(0, dot);
      if (inner_space.empty() && !space.empty()) out["namespace"] = "";
      if (!schema.doc.empty()) out["doc"] = schema.doc;
      if (!schema.aliases.empty()) out["aliases"] = schema.aliases;
    }
    switch (schema.type) {
      case Type::kRecord:
        out["fields"] = Json::array();
        for (const Field& field : schema.fields) {
          out["fields"].push_back(PrintField(field, inner_space));
        }
        break;
      case Type::kEnum:
        out["symbols"] = schema.symbols;
        if (!schema.default_symbol.empty()) out["default"] = schema.default_symbol;
        break;
      case Type::kFixed:
        out["size"] = schema.size;
        break;
      case Type::kArray:
        out["items"] = Print(*schema.items, space);
        break;
      case Type::kMap:
        out["values"] = Print(*schema.items, space);
        break;
      default:
        break;
    }
  }

  Json PrintField(const Field& field, const std::string& space) {
    Json out;
    out["name"] = field.name;
    out["type"] = Print(*field.schema, space);
    if (!field.doc.empty()) out["doc"] = field.doc;
    if (!field.aliases.empty()) out["aliases"] = field.aliases;
    if (field.default_json) out["default"] = ParseText(*field.default_json);
    if (field.field_id) out["field-id"] = *field.field_id;
    for (const Attribute& attribute : field.attributes) {
      out[attribute.name] = ParseText(attribute.json);
    }
    return out;
  }

  static void PrintAttributes(const Schema& schema, Json& out) {
    if (!schema.logical_type.empty()) out["logicalType"] = schema.logical_type;
    if (schema.precision) out["precision"] = *schema.precision;
    if (schema.scale) out["scale"] = *schema.scale;
    if (schema.adjust_to_utc) out["adjust-to-utc"] = *schema.adjust_to_utc;
    if (schema.element_id) out["element-id"] = *schema.element_id;
    if (schema.key_id) out["key-id"] = *schema.key_id;
    if (schema.value_id) out["value-id"] = *schema.value_id;
    for (const Attribute& attribute : schema.attributes) {
      out[attribute.name] = ParseText(attribute.json);
    }
  }

  static Json ParseText(const std::string& text) {
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    return json.is_discarded() ? Json(nullptr) : json;
  }

  std::set<std::string> printed_;
};

}  // namespace

std::string ToJson(const Schema& schema) { return JsonText(Printer().Print(schema, "")); }

}  // namespace octolake::avro
