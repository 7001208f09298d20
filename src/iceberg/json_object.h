// Checked access to the members of a JSON object: every mismatch is a kCorruption that names the
// place, such as "snapshots[2].summary". Never throws. For the .cc files of this room only.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "base/result.h"

namespace octolake::iceberg {

using Json = nlohmann::json;

class JsonObject {
 public:
  // `place` names the object in messages; empty for the document itself. `value` must outlive this.
  static Result<JsonObject> Of(const Json& value, std::string place) {
    if (!value.is_object()) {
      return MakeError(ErrorKind::kCorruption, (place.empty() ? "the document" : place) +
                                                   ": expected an object, found " +
                                                   Describe(value));
    }
    return JsonObject(value, std::move(place));
  }

  const std::string& place() const { return place_; }
  std::string PlaceOf(std::string_view key) const {
    return place_.empty() ? std::string(key) : place_ + "." + std::string(key);
  }

  // Null where the member is absent or null.
  const Json* Find(std::string_view key) const {
    const auto member = value_->find(key);
    return member == value_->end() || member->is_null() ? nullptr : &*member;
  }

  tl::unexpected<Error> Bad(std::string_view key, std::string_view expected) const {
    const auto member = value_->find(key);
    return MakeError(ErrorKind::kCorruption,
                     PlaceOf(key) + ": expected " + std::string(expected) + ", found " +
                         (member == value_->end() ? "nothing" : Describe(*member)));
  }

  Result<std::optional<int64_t>> OptionalLong(std::string_view key) const {
    const Json* member = Find(key);
    if (member == nullptr) return std::optional<int64_t>();
    const auto value = AsLong(*member);
    if (!value) return Bad(key, "a long");
    return value;
  }
  Result<int64_t> Long(std::string_view key) const {
    OCTO_ASSIGN(const auto value, OptionalLong(key));
    if (!value) return Bad(key, "a long");
    return *value;
  }
  Result<std::optional<int32_t>> OptionalInt(std::string_view key) const {
    OCTO_ASSIGN(const auto value, OptionalLong(key));
    if (!value) return std::optional<int32_t>();
    if (*value < std::numeric_limits<int32_t>::min() ||
        *value > std::numeric_limits<int32_t>::max()) {
      return Bad(key, "an int");
    }
    return std::optional<int32_t>(static_cast<int32_t>(*value));
  }
  Result<int32_t> Int(std::string_view key) const {
    OCTO_ASSIGN(const auto value, OptionalInt(key));
    if (!value) return Bad(key, "an int");
    return *value;
  }
  Result<std::string> String(std::string_view key) const {
    const Json* member = Find(key);
    if (member == nullptr || !member->is_string()) return Bad(key, "a string");
    return member->get_ref<const std::string&>();
  }
  Result<bool> Boolean(std::string_view key) const {
    const Json* member = Find(key);
    if (member == nullptr || !member->is_boolean()) return Bad(key, "true or false");
    return member->get<bool>();
  }

  // Calls `read` with each object of an array member; an absent optional array has none.
  template <typename Read>
  Status EachObject(std::string_view key, bool required, Read read) const {
    const Json* member = Find(key);
    if (member == nullptr && !required) return {};
    if (member == nullptr || !member->is_array()) return Bad(key, "an array");
    for (size_t i = 0; i < member->size(); ++i) {
      OCTO_ASSIGN(const JsonObject object,
                  Of((*member)[i], PlaceOf(key) + "[" + std::to_string(i) + "]"));
      OCTO_TRY(read(object));
    }
    return {};
  }

  static std::optional<int64_t> AsLong(const Json& value) {
    if (value.is_number_unsigned()) {
      const auto number = value.get<uint64_t>();
      if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<int64_t>();
    return std::nullopt;
  }

  // A value as messages show it, cut short.
  static std::string Describe(const Json& value) {
    constexpr size_t kLimit = 60;
    if (value.is_object()) return "an object";
    if (value.is_array()) return "an array";
    std::string text = JsonText(value);
    if (text.size() > kLimit) text = text.substr(0, kLimit) + "...";
    return text;
  }

 private:
  JsonObject(const Json& value, std::string place) : value_(&value), place_(std::move(place)) {}

  const Json* value_;
  std::string place_;
};

}  // namespace octolake::iceberg
