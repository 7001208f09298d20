// One row of Bronze, as views.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace octolake::event {

using Text = std::optional<std::string_view>;

// The columns that differ from row to row, by the names of EventSchema(). The text belongs to
// whoever filled the row.
struct EventRow {
  Text id;
  Text type;
  std::optional<bool> is_public;
  std::optional<int64_t> actor_id;
  Text actor_login;
  Text actor_gravatar_id;
  Text actor_url;
  Text actor_avatar_url;
  std::optional<int64_t> repo_id;
  Text repo_name;
  Text repo_url;
  Text payload;
  Text created_at;
  std::optional<int64_t> org_id;
  Text org_login;
  std::optional<TimestampMicros> event_time;
  Text delivery_id;
  Text extra;
};

}  // namespace octolake::event
