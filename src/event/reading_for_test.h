// For this room's tests: reads a text and keeps everything that came of it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/event_reader.h"
#include "event/event_row.h"
#include "io/byte_source.h"
#include "io/piecewise_source_for_test.h"

namespace octolake::event {

struct RejectedDocument {
  std::string raw;
  std::string reason;
  int64_t ordinal = 0;
  int64_t byte_offset = 0;
  friend bool operator==(const RejectedDocument&, const RejectedDocument&) = default;
};

std::ostream& operator<<(std::ostream& out, const RejectedDocument& document);

struct Reading {
  std::vector<EventBatch> batches;
  std::vector<EventRow> events;  // their text belongs to the batches
  std::vector<RejectedDocument> rejected;
  std::vector<std::string> trace_ids;  // of the events
  std::vector<std::string> rejected_trace_ids;
  std::optional<Error> error;

  std::vector<std::string> Ids() const;
};

ReadOptions TestOptions();  // source "collect", ingested at 2026-01-02T03:04:05Z

Reading ReadText(const std::string& text, const ReadOptions& options = TestOptions(),
                 int64_t piece = int64_t{1} << 20, std::optional<Error> error = std::nullopt);
Reading ReadSource(std::unique_ptr<io::ByteSource> source, const ReadOptions& options);

// A small event of the Events API shape with this id.
std::string SmallEvent(const std::string& id);

}  // namespace octolake::event
