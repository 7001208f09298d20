#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "base/civil_time.h"
#include "cli/command.h"
#include "cli/text_table.h"
#include "journal/inspection.h"
#include "lake/definitions.h"
#include "lake/position.h"

namespace octolake::cli {
namespace {

Result<std::unique_ptr<journal::SegmentStore>> OpenStore(const lake::Warehouse& warehouse) {
  const std::string directory = warehouse.state_directory() + "/journal";
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return MakeError(ErrorKind::kNotFound, "there is no journal at " + directory +
                                               "; the gateway makes one when it is started");
  }
  return journal::OpenSegmentStoreToRead(directory);
}

std::string Time(const std::optional<TimestampMicros>& time) {
  return time ? FormatTimestamp(*time) : "";
}

// The last record that is in Bronze; nullopt if none ever was.
Result<std::optional<uint64_t>> PositionOfBronze(lake::Warehouse& warehouse, const Uuid& journal) {
  const auto name = lake::BronzeEvents(warehouse.namespaces());
  auto bronze = warehouse.catalog().LoadTable(name);
  if (!bronze && bronze.error().kind == ErrorKind::kNotFound) return std::optional<uint64_t>();
  if (!bronze) return tl::unexpected<Error>(std::move(bronze).error());
  OCTO_ASSIGN(const lake::JournalTag tag, lake::ReadJournalTag(*bronze, journal));
  return tag.tagged_snapshot ? std::optional(tag.sequence) : std::nullopt;
}

TextTable ListSegments(const journal::JournalInspection& inspection) {
  TextTable out({{"segment", true},
                 {"first_record", true},
                 {"last_record", true},
                 {"bytes", true},
                 {"created_at"}});
  for (const journal::SegmentSummary& segment : inspection.segments) {
    const bool empty = segment.next_sequence == segment.first_sequence;
    out.Add({std::to_string(segment.number), empty ? "" : std::to_string(segment.first_sequence),
             empty ? "" : std::to_string(segment.next_sequence - 1), std::to_string(segment.bytes),
             FormatTimestamp(segment.created_at)});
  }
  return out;
}

Result<TextTable> Describe(lake::Warehouse& warehouse,
                           const journal::JournalInspection& inspection) {
  TextTable out({{"property"}, {"value"}});
  if (!inspection.uuid) {
    out.Add({"uuid", "none: nothing was ever accepted"});
    return out;
  }
  const uint64_t first = inspection.first_sequence();
  const uint64_t last = inspection.last_sequence();
  out.Add({"uuid", inspection.uuid->ToString()});
  out.Add({"segments", std::to_string(inspection.segments.size())});
  out.Add({"records", std::to_string(last + 1 - first)});
  out.Add({"first record", std::to_string(first)});
  out.Add({"last record", std::to_string(last)});
  out.Add({"oldest received", Time(inspection.oldest_received_at)});
  out.Add({"newest received", Time(inspection.newest_received_at)});
  out.Add({"torn bytes at the end", std::to_string(inspection.torn_bytes)});
  OCTO_ASSIGN(const auto bronze, PositionOfBronze(warehouse, *inspection.uuid));
  out.Add({"in bronze up to record", bronze ? std::to_string(*bronze) : "none"});
  const uint64_t passed = bronze.value_or(0);
  out.Add({"records not in bronze", std::to_string(last > passed ? last - passed : 0)});
  return out;
}

void Print(const Context& context, const TextTable& table) {
  std::fputs((context.flags.json ? table.ToJson() : table.ToText()).c_str(), stdout);
}

int Inspect(const Context& context, bool segments) {
  const auto answer = [&]() -> Result<TextTable> {
    OCTO_ASSIGN(const auto warehouse, context.OpenWarehouseWithState(false));
    OCTO_ASSIGN(const auto store, OpenStore(*warehouse));
    auto inspection = journal::InspectJournal(*store);
    if (!inspection) {
      return WithContext(std::move(inspection).error(),
                         "'octolake journal verify' lists every damage");
    }
    return segments ? ListSegments(*inspection) : Describe(*warehouse, *inspection);
  }();
  if (!answer) return context.FailByKind(answer.error());
  Print(context, *answer);
  return kDone;
}

int Verify(const Context& context) {
  const auto report = [&]() -> Result<journal::JournalVerification> {
    OCTO_ASSIGN(const auto warehouse, context.OpenWarehouseWithState(false));
    OCTO_ASSIGN(const auto store, OpenStore(*warehouse));
    return journal::VerifyJournal(*store);
  }();
  if (!report) return context.FailByKind(report.error());
  TextTable out(
      {{"segment"}, {"offset", true}, {"first_record", true}, {"last_record", true}, {"damage"}});
  for (const journal::JournalDamage& damage : report->damages) {
    const bool known = damage.first_sequence <= damage.last_sequence;
    out.Add({damage.segment, std::to_string(damage.offset),
             known ? std::to_string(damage.first_sequence) : "",
             known ? std::to_string(damage.last_sequence) : "", damage.what});
  }
  if (!report->damages.empty() || context.flags.json) Print(context, out);
  context.Say(Grouped(report->records) + " records in " + Grouped(report->segments) +
              " segments are whole, " + Grouped(static_cast<int64_t>(report->damages.size())) +
              " places are damaged; " + Grouped(report->torn_bytes) +
              " bytes at the end were never acknowledged");
  return report->damages.empty() ? kDone : kFailed;
}

}  // namespace

void AddJournalCommand(CLI::App& app, Action& chosen) {
  struct Flags {
    std::string what;
    bool segments = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(
      "journal", "Look into the journal of accepted events, or check every byte of it");
  command->add_option("what", flags->what, "inspect or verify")
      ->required()
      ->check(CLI::IsMember({"inspect", "verify"}));
  command->add_flag("--segments", flags->segments, "inspect: a line a segment");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) {
      return flags->what == "verify" ? Verify(context) : Inspect(context, flags->segments);
    };
  });
}

}  // namespace octolake::cli
