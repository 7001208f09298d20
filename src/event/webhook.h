// Webhook deliveries of GitHub as rows of Bronze
// (docs.github.com/webhooks/webhook-events-and-payloads). They have another shape than events: no
// id, no time, and the type in a header.
//
// id and delivery_id: X-GitHub-Delivery. type: TypeOfWebhook. actor: "sender"; repo: "repository",
// by its full_name; org: "organization"; public: the contrary of repository.private. created_at and
// event_time: the time of receipt, or of GitHub's own attempt for a delivery that was recovered.
// payload: the body. extra: {"headers": {…}}, what the other kept headers say.
#pragma once

#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "event/event_row.h"
#include "event/json_index.h"

namespace octolake::event {

// Headers of a delivery with a meaning here; names are compared without regard to case.
inline constexpr std::string_view kWebhookEventHeader = "X-GitHub-Event";
// Put by octolake with a recovered delivery: GitHub's delivered_at, as ParseEventTime reads it.
inline constexpr std::string_view kWebhookDeliveredAtHeader = "X-Octolake-Delivered-At";

// Why a delivery has no row, beside kNotAnObject.
inline constexpr const char kNoEventName[] = "no X-GitHub-Event";
inline constexpr const char kNoDeliveryId[] = "no X-GitHub-Delivery";

// The type in the Events API of what a webhook calls `event_name` ("push": "PushEvent"); where
// there is none, the name itself.
std::string_view TypeOfWebhook(std::string_view event_name);

using Headers = std::vector<std::pair<std::string, std::string>>;

struct WebhookDelivery {
  std::string_view delivery_id;
  TimestampMicros received_at = 0;
  const Headers& headers;
  std::string_view body;
};

// Not thread-safe; reused for one delivery after another.
class WebhookParser {
 public:
  // Fills `row` from the delivery, of whose body `index` has parsed the text. The row's text
  // belongs to the delivery and to the parser, until the next call. nullptr, or why there is no
  // row: one of the constants above.
  const char* Read(const JsonIndex& index, const WebhookDelivery& delivery, EventRow* row);

 private:
  struct Slot {
    std::string_view key;
    Text* text = nullptr;
    std::optional<int64_t>* integer = nullptr;
    std::optional<bool>* flag = nullptr;
  };

  const char* ReadHeaders(const WebhookDelivery& delivery, EventRow* row);
  void ReadTime(std::string_view delivered_at, const WebhookDelivery& delivery, EventRow* row);
  void ReadObject(const JsonIndex& index, const JsonValue& object,
                  std::initializer_list<Slot> slots);
  void ReadSlot(const Slot& slot, const JsonValue& value);
  // In a place of its own until the next Read.
  std::string_view Keep(std::string text);

  std::vector<JsonMember> members_;
  std::vector<JsonMember> nested_;
  std::deque<std::string> kept_;
  size_t kept_used_ = 0;
};

}  // namespace octolake::event
