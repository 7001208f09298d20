#include "lake/source_selection.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json_text.h"

namespace octolake::lake {
namespace {

std::string Joined(const std::set<std::string>& sources) {
  std::string text;
  for (const std::string& source : sources) text += (text.empty() ? "" : ", ") + source;
  return text;
}

}  // namespace

std::string SelectionProperty(const iceberg::TableIdentifier& bronze) {
  return "octolake.sources." + bronze.ToString();
}

iceberg::Properties SelectionSummary(const iceberg::TableIdentifier& bronze,
                                     const SourceSelection& selection) {
  if (selection.empty()) return {};
  const std::set<std::string> sources(selection.begin(), selection.end());
  return {{SelectionProperty(bronze), JsonText(nlohmann::json(sources))}};
}

Result<SourceSelection> ReadSelection(const iceberg::Table& silver,
                                      const iceberg::TableIdentifier& bronze,
                                      const SourcePosition& position) {
  if (!position.tagged_snapshot) return SourceSelection{};
  const iceberg::Snapshot* snapshot = silver.metadata->FindSnapshot(*position.tagged_snapshot);
  if (snapshot == nullptr) return SourceSelection{};
  const auto found = snapshot->summary.find(SelectionProperty(bronze));
  if (found == snapshot->summary.end()) return SourceSelection{};
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  const bool texts = json.is_array() && !json.empty() &&
                     std::all_of(json.begin(), json.end(),
                                 [](const nlohmann::json& entry) { return entry.is_string(); });
  if (texts) return json.get<SourceSelection>();
  return MakeError(ErrorKind::kCorruption,
                   "table " + silver.identifier.ToString() + ": the summary of snapshot " +
                       std::to_string(snapshot->snapshot_id) + " should hold a JSON array of " +
                       "sources as " + found->first + ", found '" + found->second +
                       "'; remove tag " + PositionTag(bronze) + " to read " + bronze.ToString() +
                       " as a whole");
}

std::string ReasonToReadAgain(const SourceSelection& before, const SourceSelection& now) {
  if (before.empty()) return "";
  const std::set<std::string> had(before.begin(), before.end());
  if (now.empty()) return "it took only " + Joined(had) + " before, and takes all sources now";
  std::set<std::string> added;
  for (const std::string& source : now) {
    if (!had.contains(source)) added.insert(source);
  }
  if (added.empty()) return "";
  return "it passed over " + Joined(added) + " before, and takes that now";
}

}  // namespace octolake::lake
