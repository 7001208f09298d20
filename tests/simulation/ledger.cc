#include "ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/string_util.h"
#include "iceberg/metadata_file.h"
#include "iceberg/sql_catalog.h"
#include "io/local_file_system.h"
#include "lake/definitions.h"

namespace octolake::simulation {
namespace {

int64_t IntentOf(const iceberg::Properties& properties) {
  const auto found = properties.find(kIntentProperty);
  return found == properties.end() ? -1 : std::stoll(found->second);
}

std::string ValueOf(const iceberg::Properties& properties, const std::string& name) {
  const auto found = properties.find(name);
  return found == properties.end() ? "" : found->second;
}

std::vector<int64_t> IdsOf(const Rows& rows) {
  std::vector<int64_t> ids;
  for (const auto& [id, day] : rows) ids.push_back(id);
  return ids;
}

// What is in one and not in the other, and what is twice.
std::string Difference(const std::vector<int64_t>& expected, const std::vector<int64_t>& found) {
  std::vector<int64_t> lost;
  std::vector<int64_t> extra;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                      std::back_inserter(lost));
  std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(),
                      std::back_inserter(extra));
  std::string text = "lost:";
  for (const int64_t id : lost) text += " " + std::to_string(id);
  text += "; not expected, or twice:";
  for (const int64_t id : extra) text += " " + std::to_string(id);
  return text;
}

}  // namespace

Ledger::Ledger(World& world, std::vector<iceberg::TableIdentifier> tables)
    : world_(world),
      names_(std::move(tables)),
      clock_(std::make_unique<ProcessClock>(world)),
      random_(std::make_unique<SeededRandom>(1)),
      contents_(world.store.file_system()) {
  iceberg::SqlCatalogOptions options;
  options.database_path = world.directory + "/catalog.db";
  options.catalog_name = "demo";
  options.warehouse_location = io::FileLocation(world.directory);
  catalog_ = iceberg::OpenSqlCatalog(options, world.store.file_system(), *clock_, *random_).value();
  database_ = io::Descriptor(::open(options.database_path.c_str(), O_RDONLY | O_CLOEXEC));
}

Ledger::~Ledger() = default;

iceberg::Properties Ledger::Begin(Intent intent) {
  intents_.push_back(std::move(intent));
  return {{kIntentProperty, std::to_string(intents_.size() - 1)}};
}

bool Ledger::TookEffect(const iceberg::Properties& intent) const {
  return commits_of_.contains(IntentOf(intent));
}

void Ledger::End(const iceberg::Properties& intent, const Status& outcome, bool died) {
  if (died) return;
  const bool took_effect = TookEffect(intent);
  const std::string what = intents_[static_cast<size_t>(IntentOf(intent))].what;
  if (outcome && !took_effect) {
    world_.Violate(what + " was acknowledged, but never took effect");
  }
  if (!outcome && took_effect && outcome.error().kind != ErrorKind::kCommitStateUnknown) {
    world_.Violate(what + " took effect, but was said to have failed: " + outcome.error().message);
  }
}

void Ledger::AllowRollback(const iceberg::TableIdentifier& table, int64_t snapshot_id) {
  rollbacks_.insert({table, snapshot_id});
}

std::shared_ptr<const Rows> Ledger::RowsOf(const iceberg::TableIdentifier& table,
                                           int64_t snapshot_id) const {
  const auto facts = tables_.find(table);
  if (facts == tables_.end()) return nullptr;
  const auto snapshot = facts->second.snapshots.find(snapshot_id);
  return snapshot == facts->second.snapshots.end() ? nullptr : snapshot->second.rows;
}

// Asked at every step of a commit. Each transaction counts up a number in the database's header
// ("File change counter" in SQLite's file format).
bool Ledger::HasChanged() {
  constexpr off_t kOffset = 24;
  std::array<char, 4> counter{};
  const ssize_t got = ::pread(database_.get(), counter.data(), counter.size(), kOffset);
  const bool same = got == std::ssize(counter) && counter == change_counter_;
  change_counter_ = counter;
  return !same;
}

void Ledger::OnCatalogChange(const std::vector<iceberg::TableIdentifier>& tables) {
  if (!HasChanged()) return;
  for (const iceberg::TableIdentifier& name : tables) {
    if (!world_.violated()) Look(name);
  }
}

void Ledger::Look(const iceberg::TableIdentifier& name) {
  const auto table = catalog_->LoadTable(name);
  const auto known = tables_.find(name);
  if (!table && table.error().kind == ErrorKind::kNotFound) {
    if (known == tables_.end()) return;
    for (auto& [id, snapshot] : known->second.snapshots) Forget(snapshot);
    tables_.erase(known);
    return;
  }
  if (!table) {
    world_.Violate("a table cannot be read: " + table.error().message);
    return;
  }
  TableFacts& facts = tables_[name];
  if (facts.metadata_location == table->metadata_location) return;
  ++commits_;
  world_.Note("commit: " + name.ToString() + " is at " + world_.Short(table->metadata_location));
  TakeOver(*table, facts);
}

void Ledger::TakeOver(const iceberg::Table& table, TableFacts& facts) {
  const iceberg::TableMetadata& metadata = *table.metadata;
  if (facts.uuid != metadata.table_uuid) {
    for (auto& [id, snapshot] : facts.snapshots) Forget(snapshot);
    facts = {};
    facts.uuid = metadata.table_uuid;
  } else {
    CheckChange(table, facts);
  }
  for (const iceberg::Snapshot& snapshot : metadata.snapshots) {
    if (facts.snapshots.contains(snapshot.snapshot_id)) continue;
    AddSnapshot(table, snapshot, facts);
    if (world_.violated()) return;
  }
  for (auto at = facts.snapshots.begin(); at != facts.snapshots.end();) {
    const bool stays = metadata.FindSnapshot(at->first) != nullptr;
    if (!stays) {
      ++expired_;
      Forget(at->second);
    }
    at = stays ? std::next(at) : facts.snapshots.erase(at);
  }
  facts.metadata_location = table.metadata_location;
  facts.metadata = table.metadata;
}

void Ledger::CheckChange(const iceberg::Table& table, const TableFacts& facts) {
  const iceberg::TableMetadata& before = *facts.metadata;
  const iceberg::TableMetadata& now = *table.metadata;
  const std::string name = table.identifier.ToString();
  if (now.metadata_log.empty() ||
      now.metadata_log.back().metadata_file != facts.metadata_location) {
    world_.Violate(name + ": a commit was not made from the table as it was");
  }
  if (now.last_sequence_number < before.last_sequence_number ||
      now.last_updated_ms < before.last_updated_ms) {
    world_.Violate(name + ": sequence numbers or times went back");
  }
  for (const auto& [ref, target] : now.refs) {
    if (now.FindSnapshot(target.snapshot_id) == nullptr) {
      world_.Violate(name + ": " + ref + " names a snapshot that is gone");
    }
  }
  for (const auto& [ref, target] : before.refs) {
    if ((ref == "main" || ref.starts_with("octolake.")) && !now.refs.contains(ref)) {
      world_.Violate(name + ": " + ref + " is gone");
    }
  }
  const bool is_new =
      now.current_snapshot_id && before.FindSnapshot(*now.current_snapshot_id) == nullptr;
  if (!is_new && now.current_snapshot_id != before.current_snapshot_id &&
      !rollbacks_.contains({table.identifier, now.current_snapshot_id.value_or(-1)})) {
    world_.Violate(name + ": an older snapshot is current, though nobody rolled back");
  }
}

void Ledger::Forget(SnapshotFacts& facts) {
  for (const std::string& path : facts.files) {
    if (--live_[path] == 0) live_.erase(path);
  }
}

std::shared_ptr<const Rows> Ledger::Expect(const iceberg::Table& table,
                                           const iceberg::Snapshot& snapshot,
                                           const TableFacts& facts) {
  auto rows = std::make_shared<Rows>();
  const std::optional<int64_t> parent =
      facts.metadata == nullptr ? std::nullopt : facts.metadata->current_snapshot_id;
  if (snapshot.parent_snapshot_id != parent) {
    world_.Violate(table.identifier.ToString() + ": a new snapshot's parent is not the last one");
    return rows;
  }
  if (parent) *rows = *facts.snapshots.at(*parent).rows;
  const int64_t id = IntentOf(snapshot.summary);
  if (id < 0) {
    if (ValueOf(snapshot.summary, "operation") == "replace") return rows;
    world_.Violate(table.identifier.ToString() + ": a snapshot that nobody set out to make");
    return rows;
  }
  const Intent& intent = intents_[static_cast<size_t>(id)];
  if (++commits_of_[id] > 1) world_.Violate(intent.what + " was committed twice");
  std::erase_if(*rows, [&](const auto& row) {
    return intent.replaced_days.contains(row.second) || intent.deleted.contains(row.first);
  });
  for (const auto& row : intent.added) {
    if (!rows->insert(row).second) {
      world_.Violate(intent.what + ": row " + std::to_string(row.first) + " is there already");
    }
  }
  CheckIntent(intent, *rows);
  return rows;
}

void Ledger::CheckIntent(const Intent& intent, const Rows& rows) {
  if (intent.journal) {
    int64_t& records = records_[*intent.journal];
    if (intent.first_record != records + 1) {
      world_.Violate(intent.what + " begins at record " + std::to_string(intent.first_record) +
                     ", but " + std::to_string(records) + " are there");
    }
    records = intent.last_record;
  }
  if (!intent.consumed) return;
  const auto source = RowsOf(lake::BronzeEvents({}), *intent.consumed);
  if (source == nullptr || IdsOf(*source) == IdsOf(rows)) return;
  world_.Violate(intent.what + " differs from what it read; " +
                 Difference(IdsOf(*source), IdsOf(rows)));
}

void Ledger::AddSnapshot(const iceberg::Table& table, const iceberg::Snapshot& snapshot,
                         TableFacts& facts) {
  const std::string what = "snapshot " + std::to_string(snapshot.snapshot_id) + " of " +
                           table.identifier.ToString() + " (" +
                           ValueOf(snapshot.summary, "operation") + ")";
  if (facts.metadata != nullptr &&
      snapshot.sequence_number != facts.metadata->last_sequence_number + 1) {
    world_.Violate(what + " has not the next sequence number");
  }
  SnapshotFacts added;
  added.rows = Expect(table, snapshot, facts);
  if (world_.violated()) return;
  AddFiles(what, *table.metadata, snapshot, added);
  facts.snapshots.emplace(snapshot.snapshot_id, std::move(added));
}

// What is in quarantine by then, of a write that took too long, is read at the end.
void Ledger::AddFiles(const std::string& what, const iceberg::TableMetadata& metadata,
                      const iceberg::Snapshot& snapshot, SnapshotFacts& facts) {
  auto contents = contents_.Read(metadata, snapshot);
  if (contents) {
    CheckContents(what, *contents, *facts.rows, snapshot);
    facts.files = std::move(contents->files);
  } else if (!AnyAway()) {
    world_.Violate(what + " cannot be read: " + contents.error().message);
  }
  for (const std::string& path : facts.files) {
    ++live_[path];
    if (world_.store.Find(path) == nullptr && !IsInQuarantine(path)) {
      world_.Violate(what + " names " + world_.Short(path) + ", which is not there");
    }
  }
}

void Ledger::CheckContents(const std::string& what, const Contents& contents, const Rows& rows,
                           const iceberg::Snapshot& snapshot) {
  const std::vector<int64_t> expected = IdsOf(rows);
  if (contents.ids != expected) {
    world_.Violate(what + " has not the rows it must have; " + Difference(expected, contents.ids));
  }
  const auto check = [&](const char* property, int64_t found) {
    const std::string said = ValueOf(snapshot.summary, property);
    if (said != std::to_string(found)) {
      world_.Violate(what + " says " + property + " " + said + ", but has " +
                     std::to_string(found));
    }
  };
  check("total-data-files", contents.data_files);
  check("total-records", contents.records);
  check("total-delete-files", contents.delete_files);
}

}  // namespace octolake::simulation
