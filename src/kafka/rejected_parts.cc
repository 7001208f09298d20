#include "kafka/rejected_parts.h"

#include <utility>

#include "base/string_util.h"
#include "kafka/message_batch.h"

namespace octolake::kafka {
namespace {

// The journal takes no larger document.
constexpr size_t kMaxDocumentBytes = size_t{64} << 20;

constexpr char kNoReason[] = "no event: on the topic of rejected ones, without a reason";

std::optional<std::string_view> HeaderOf(const rd_kafka_headers_t* headers, const char* name) {
  const void* value = nullptr;
  size_t size = 0;
  if (headers == nullptr ||
      rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      value == nullptr) {
    return std::nullopt;
  }
  return std::string_view(static_cast<const char*>(value), size);
}

// "2/3"
void ReadPart(std::string_view text, RejectedPart* part) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto number = ParseNumber<int64_t>(text.substr(0, slash));
  const auto of = ParseNumber<int64_t>(text.substr(std::min(slash + 1, text.size())));
  if (!number || !of || *number < 1 || *number > *of) return;
  part->part = *number;
  part->parts = *of;
}

}  // namespace

RejectedPart PartOf(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  rd_kafka_message_headers(&message, &headers);  // the message's
  RejectedPart part;
  if (message.payload != nullptr) {
    part.document.assign(static_cast<const char*>(message.payload), message.len);
  }
  part.reason = HeaderOf(headers, kReasonHeader).value_or(kNoReason);
  part.source = HeaderOf(headers, kSourceHeader).value_or(event::MessageRows::kDefaultSource);
  part.trace_id = HeaderOf(headers, kTraceIdHeader).value_or("");
  part.received_at = ParseNumber<int64_t>(HeaderOf(headers, kReceivedAtHeader).value_or(""));
  part.nothing = HeaderOf(headers, kNothingHeader).has_value();
  if (const auto text = HeaderOf(headers, kPartHeader)) ReadPart(*text, &part);
  return part;
}

Status RejectedParts::Take(RejectedPart part, const event::MessagePlace& place) {
  if (part.nothing) return {};
  const int32_t partition = place.partition.value_or(0);
  const auto found = open_.find(partition);
  if (found != open_.end()) {
    RejectedPart& so_far = found->second.so_far;
    const bool follows = part.trace_id == so_far.trace_id && part.parts == so_far.parts &&
                         part.part == so_far.part + 1 &&
                         so_far.document.size() + part.document.size() <= kMaxDocumentBytes;
    if (follows) {
      so_far.document += part.document;
      so_far.part = part.part;
      if (part.part < part.parts) return {};
      const Open whole = std::move(found->second);
      open_.erase(found);
      return Add(whole.so_far, whole.place);
    }
    OCTO_TRY(AddIncomplete(partition));
  }
  if (part.parts == 1) return Add(part, place);
  const bool begins = part.part == 1;
  open_.emplace(partition, Open{std::move(part), place});
  return begins ? Status() : AddIncomplete(partition);
}

Status RejectedParts::End(int32_t partition) {
  return open_.contains(partition) ? AddIncomplete(partition) : Status();
}

Status RejectedParts::AddIncomplete(int32_t partition) {
  Open open = std::move(open_.at(partition));
  open_.erase(partition);
  open.so_far.reason += " (in part: up to " + std::to_string(open.so_far.part) + " of " +
                        std::to_string(open.so_far.parts) + " parts)";
  return Add(open.so_far, open.place);
}

Status RejectedParts::Add(const RejectedPart& whole, const event::MessagePlace& place) {
  return add_({whole.document, whole.reason, whole.source, whole.trace_id, whole.received_at},
              place);
}

}  // namespace octolake::kafka
