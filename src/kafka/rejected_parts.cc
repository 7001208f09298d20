#include "kafka/rejected_parts.h"

#include <utility>

#include "base/string_util.h"
#include "kafka/message_batch.h"

namespace octolake::kafka {
namespace {

// What a part takes beside its texts.
constexpr size_t kPartBytes = 1024;

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

size_t HeldBytes(const RejectedPart& part) {
  return kPartBytes + part.document.size() + part.reason.size() + part.source.size() +
         2 * part.trace_id.size();
}

}  // namespace

RejectedPart PartOf(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  rd_kafka_message_headers(&message, &headers);  // the message's
  const auto* const bytes = static_cast<const char*>(message.payload);
  return PartOf(bytes == nullptr ? std::string_view() : std::string_view(bytes, message.len),
                headers);
}

RejectedPart PartOf(std::string_view document, const rd_kafka_headers_t* headers) {
  RejectedPart part;
  part.document = document;
  part.reason = HeaderOf(headers, kReasonHeader).value_or(kNoReason);
  part.source = HeaderOf(headers, kSourceHeader).value_or(event::MessageRows::kDefaultSource);
  part.trace_id = HeaderOf(headers, kTraceIdHeader).value_or("");
  part.received_at = ParseNumber<int64_t>(HeaderOf(headers, kReceivedAtHeader).value_or(""));
  part.nothing = HeaderOf(headers, kNothingHeader).has_value();
  if (const auto text = HeaderOf(headers, kPartHeader)) ReadPart(*text, &part);
  return part;
}

Status RejectedParts::Take(RejectedPart part, const event::MessagePlace& place, int64_t end) {
  if (part.nothing) return {};
  const int32_t number = place.partition.value_or(0);
  const int64_t first = part.part;
  Document document{std::move(part), first, place, end};
  const bool is_whole = document.so_far.parts == 1;
  const bool holds_nothing = !partitions_.contains(number);
  if (is_whole && holds_nothing) return Add(document);
  Partition& partition = partitions_[number];
  if (holds_nothing) partition.from = place.offset.value_or(0);
  partition.bytes += HeldBytes(document.so_far);
  if (is_whole) {
    partition.closed.push_back(std::move(document));
  } else {
    Join(partition, std::move(document));
  }
  size_t held = 0;
  for (const auto& entry : partitions_) held += entry.second.bytes;
  return held > limits_.held_bytes ? GiveUpAll() : Settle(number);
}

void RejectedParts::Join(Partition& partition, Document part) {
  const RejectedPart& next = part.so_far;
  const bool is_last = next.part == next.parts;
  int64_t offset = part.place.offset.value_or(0);
  const auto begun = partition.offset.find(next.trace_id);
  if (begun != partition.offset.end()) {
    RejectedPart& so_far = partition.open.at(begun->second).so_far;
    if (next.parts == so_far.parts && next.part == so_far.part + 1 &&
        so_far.document.size() + next.document.size() <= limits_.document_bytes) {
      offset = begun->second;
      so_far.document += next.document;
      so_far.part = next.part;
      if (is_last) Close(partition, offset);
      return;
    }
    Close(partition, begun->second);
  }
  partition.offset.emplace(next.trace_id, offset);
  partition.open.emplace(offset, std::move(part));
  if (is_last) Close(partition, offset);
}

Status RejectedParts::Passed(int32_t number, int64_t next) {
  const auto found = partitions_.find(number);
  if (found == partitions_.end()) return {};
  Partition& partition = found->second;
  while (!partition.open.empty() && partition.open.begin()->second.end <= next) {
    Close(partition, partition.open.begin()->first);
  }
  return Settle(number);
}

std::optional<int64_t> RejectedParts::HeldFrom(int32_t partition) const {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  return found->second.from;
}

void RejectedParts::Close(Partition& partition, int64_t offset) {
  const auto found = partition.open.find(offset);
  partition.offset.erase(found->second.so_far.trace_id);
  partition.closed.push_back(std::move(found->second));
  partition.open.erase(found);
}

Status RejectedParts::Settle(int32_t number) {
  const auto found = partitions_.find(number);
  if (found == partitions_.end() || !found->second.open.empty()) return {};
  const Partition settled = std::move(found->second);
  partitions_.erase(found);
  for (const Document& document : settled.closed) OCTO_TRY(Add(document));
  return {};
}

Status RejectedParts::GiveUpAll() {
  while (!partitions_.empty()) {
    auto& [number, partition] = *partitions_.begin();
    while (!partition.open.empty()) Close(partition, partition.open.begin()->first);
    OCTO_TRY(Settle(number));
  }
  return {};
}

Status RejectedParts::Add(const Document& document) {
  const RejectedPart& all = document.so_far;
  std::string reason = all.reason;
  if (document.first_part > 1 || all.part < all.parts) {
    reason += " (in part: " +
              (document.first_part == 1 ? "up to " : std::to_string(document.first_part) + " to ") +
              std::to_string(all.part) + " of " + std::to_string(all.parts) + " parts)";
  }
  return add_({all.document, reason, all.source, all.trace_id, all.received_at}, document.place);
}

}  // namespace octolake::kafka
