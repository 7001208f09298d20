#include <algorithm>
#include <utility>

#include "ledger.h"

namespace octolake::simulation {

bool Ledger::AnyAway() const {
  return std::any_of(quarantined_.begin(), quarantined_.end(), [&](const auto& one) {
    return world_.store.Find(one.first) != nullptr && world_.store.Find(one.second) == nullptr &&
           (IsNamed(one.second) || one.second.ends_with(".parquet"));
  });
}

bool Ledger::IsNamed(const std::string& path) const {
  return live_.contains(path) ||
         std::any_of(tables_.begin(), tables_.end(), [&](const auto& table) {
           return PathOf(table.second.metadata_location) == path;
         });
}

bool Ledger::IsInQuarantine(const std::string& path) const {
  return std::any_of(quarantined_.begin(), quarantined_.end(), [&](const auto& one) {
    return one.second == path && world_.store.Find(one.first) != nullptr;
  });
}

std::string Ledger::WhoNames(const std::string& path) const {
  for (const auto& [name, facts] : tables_) {
    if (PathOf(facts.metadata_location) == path) return "the catalog, as " + name.ToString();
    for (const auto& [id, snapshot] : facts.snapshots) {
      if (std::find(snapshot.files.begin(), snapshot.files.end(), path) != snapshot.files.end()) {
        return "snapshot " + std::to_string(id) + " of " + name.ToString();
      }
    }
  }
  return "";
}

void Ledger::OnRemove(const std::string& path) {
  if (world_.violated()) return;
  if (IsNamed(path)) {
    world_.Violate(world_.Short(path) + " was removed, which is named by " + WhoNames(path));
  }
  const auto held = quarantined_.find(path);
  if (held == quarantined_.end()) return;
  if (IsNamed(held->second) && world_.store.Find(held->second) == nullptr) {
    world_.Violate("the last copy of " + world_.Short(held->second) +
                   " was removed, which is named by " + WhoNames(held->second));
  }
  quarantined_.erase(held);
}

void Ledger::OnMove(Process& process, const std::string& from, const std::string& to) {
  if (world_.violated()) return;
  quarantined_.erase(from);
  const bool away = world_.Short(to).starts_with(".quarantine/");
  if (away) quarantined_[to] = from;
  if (!IsNamed(from)) return;
  if (!away) {
    world_.Violate(world_.Short(from) + " was moved, which is named by " + WhoNames(from));
    return;
  }
  process.moved_away.push_back(from);
}

void Ledger::CheckBroughtBack(Process& process) {
  for (const std::string& path : std::exchange(process.moved_away, {})) {
    if (world_.store.Find(path) != nullptr) continue;
    if (!IsNamed(path)) continue;
    world_.Violate(world_.Short(path) + " was named by " + WhoNames(path) +
                   " when it was moved to quarantine, and is not back");
  }
}

}  // namespace octolake::simulation
