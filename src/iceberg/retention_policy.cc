#include "iceberg/retention_policy.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "iceberg/schema_json.h"
#include "iceberg/snapshot_producer.h"
#include "iceberg/table_places.h"

namespace octolake::iceberg {
namespace {

// Snapshots removed by one commit, so that one that finds thousands does not take minutes.
constexpr size_t kMostAtOnce = 1'000;
// Part of max_snapshots that is worth an expiry, and that goes when it is exceeded.
constexpr int64_t kWorthPart = 10;
constexpr int64_t kCutPart = 5;
// How much finer the youngest are thinned when they are too many.
constexpr int64_t kFineParts = 60;

constexpr int64_t kDefaultMaxSnapshotAgeMs = int64_t{5} * 24 * 3'600'000;
constexpr char kCountProperty[] = "history.expire.min-snapshots-to-keep";
constexpr char kAgeProperty[] = "history.expire.max-snapshot-age-ms";
// Below any age, also that of a snapshot from the future, made while the clock was ahead.
constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

// In summaries of Iceberg's sink for Spark's Structured Streaming.
constexpr char kStreamProperty[] = "spark.sql.streaming.queryId";

struct BranchRetention {
  int64_t min_snapshots = 1;
  int64_t max_age_ms = kDefaultMaxSnapshotAgeMs;
};

class Planner {
 public:
  Planner(const TableMetadata& metadata, const RetentionPolicy& policy, int64_t now_ms)
      : metadata_(metadata), policy_(policy), now_ms_(now_ms) {}

  Result<Expiry> Plan();

 private:
  Status DropOldRefs();
  Result<BranchRetention> RetentionOf(const std::string& name, const SnapshotRef& ref);
  Status ProtectBranch(const std::string& name, const SnapshotRef& ref);
  Status Protect();
  void KeepEpochsOfStreams();
  bool MustStay(const Snapshot& snapshot, bool for_readers) const;
  int64_t Remaining() const {
    return std::ssize(metadata_.snapshots) - std::ssize(expiry_.snapshots);
  }
  // The last of each interval before `end_ms` stays.
  void Thin(int64_t end_ms, int64_t interval_ms, bool for_readers);
  bool ExpireByAge();
  void DropOldest(int64_t until);
  void MakeRoom();
  void LimitWork();

  const TableMetadata& metadata_;
  const RetentionPolicy& policy_;
  const int64_t now_ms_;
  Expiry expiry_;
  std::vector<const Snapshot*> newest_first_;
  std::set<int64_t> main_;  // the known ancestors of the current snapshot
  std::set<int64_t> protected_;
  int64_t readers_at_ = kForever;  // sequence number of the oldest consumed snapshot
};

Status Planner::DropOldRefs() {
  OCTO_ASSIGN(const int64_t by_default,
              PositiveProperty(metadata_, "history.expire.max-ref-age-ms", kForever));
  for (const auto& [name, ref] : metadata_.refs) {
    const bool lasting = !policy_.lasting_tags.empty() && name.starts_with(policy_.lasting_tags);
    const Snapshot* snapshot = metadata_.FindSnapshot(ref.snapshot_id);
    if (name == "main" || lasting || snapshot == nullptr) continue;
    if (now_ms_ - snapshot->timestamp_ms > ref.max_ref_age_ms.value_or(by_default)) {
      expiry_.refs.push_back(name);
    }
  }
  return {};
}

Result<BranchRetention> Planner::RetentionOf(const std::string& name, const SnapshotRef& ref) {
  const bool is_main = name == "main";
  BranchRetention retention;
  if (is_main) retention.min_snapshots = policy_.min_snapshots;
  // The age at which "main" lets go is the policy's, unless somebody has set one.
  const bool age_is_set = ref.max_snapshot_age_ms || metadata_.properties.contains(kAgeProperty);
  if (is_main && !age_is_set) retention.max_age_ms = kNever;
  if (age_is_set || !is_main) {
    OCTO_ASSIGN(retention.max_age_ms,
                PositiveProperty(metadata_, kAgeProperty, retention.max_age_ms));
  }
  OCTO_ASSIGN(retention.min_snapshots,
              PositiveProperty(metadata_, kCountProperty, retention.min_snapshots));
  if (ref.max_snapshot_age_ms) retention.max_age_ms = *ref.max_snapshot_age_ms;
  if (ref.min_snapshots_to_keep) retention.min_snapshots = *ref.min_snapshots_to_keep;
  if (is_main) retention.min_snapshots = std::max(retention.min_snapshots, policy_.min_snapshots);
  return retention;
}

Status Planner::ProtectBranch(const std::string& name, const SnapshotRef& ref) {
  OCTO_ASSIGN(const BranchRetention retention, RetentionOf(name, ref));
  int64_t count = 0;
  for (const Snapshot* snapshot : AncestorsOf(metadata_, ref.snapshot_id)) {
    if (name == "main") main_.insert(snapshot->snapshot_id);
    const bool young = now_ms_ - snapshot->timestamp_ms <= retention.max_age_ms;
    if (count++ < retention.min_snapshots || young) protected_.insert(snapshot->snapshot_id);
  }
  return {};
}

Status Planner::Protect() {
  for (const auto& [name, ref] : metadata_.refs) {
    if (std::find(expiry_.refs.begin(), expiry_.refs.end(), name) != expiry_.refs.end()) continue;
    protected_.insert(ref.snapshot_id);
    if (ref.is_branch) OCTO_TRY(ProtectBranch(name, ref));
    const Snapshot* snapshot = metadata_.FindSnapshot(ref.snapshot_id);
    const bool reader = !policy_.reader_tags.empty() && name.starts_with(policy_.reader_tags);
    if (reader && snapshot != nullptr) {
      readers_at_ = std::min(readers_at_, snapshot->sequence_number);
    }
  }
  if (metadata_.current_snapshot_id) protected_.insert(*metadata_.current_snapshot_id);
  KeepEpochsOfStreams();
  return {};
}

// A stream of Spark's that was killed looks for its last epoch from parent to parent, up to the
// first that is gone; what it does not find it commits once more.
void Planner::KeepEpochsOfStreams() {
  if (!metadata_.current_snapshot_id) return;
  std::set<std::string> queries;
  for (const Snapshot* snapshot : AncestorsOf(metadata_, *metadata_.current_snapshot_id)) {
    const auto query = snapshot->summary.find(kStreamProperty);
    if (query == snapshot->summary.end() || !queries.insert(query->second).second) continue;
    if (now_ms_ - snapshot->timestamp_ms > policy_.max_age_ms) continue;
    readers_at_ = std::min(readers_at_, snapshot->sequence_number - 1);
  }
}

bool Planner::MustStay(const Snapshot& snapshot, bool for_readers) const {
  return protected_.contains(snapshot.snapshot_id) ||
         (for_readers && snapshot.sequence_number > readers_at_);
}

void Planner::Thin(int64_t end_ms, int64_t interval_ms, bool for_readers) {
  if (interval_ms <= 0) return;
  // Of an interval in which the table was rolled back, what still counts is kept.
  std::map<int64_t, const Snapshot*> last;
  for (const Snapshot* snapshot : newest_first_) {
    if (snapshot->timestamp_ms >= end_ms || expiry_.snapshots.contains(snapshot->snapshot_id)) {
      continue;
    }
    const Snapshot*& kept = last[snapshot->timestamp_ms / interval_ms];
    if (kept == nullptr ||
        (main_.contains(snapshot->snapshot_id) && !main_.contains(kept->snapshot_id))) {
      kept = snapshot;
    }
  }
  for (const Snapshot* snapshot : newest_first_) {
    if (snapshot->timestamp_ms >= end_ms || MustStay(*snapshot, for_readers)) continue;
    const auto kept = last.find(snapshot->timestamp_ms / interval_ms);
    if (kept == last.end() || kept->second == snapshot) continue;
    expiry_.snapshots.insert(snapshot->snapshot_id);
  }
}

bool Planner::ExpireByAge() {
  for (const Snapshot* snapshot : newest_first_) {
    if (now_ms_ - snapshot->timestamp_ms <= policy_.max_age_ms || MustStay(*snapshot, true)) {
      continue;
    }
    expiry_.snapshots.insert(snapshot->snapshot_id);
  }
  return !expiry_.snapshots.empty();
}

void Planner::DropOldest(int64_t until) {
  for (auto at = newest_first_.rbegin(); at != newest_first_.rend() && Remaining() > until; ++at) {
    if (!MustStay(**at, false)) expiry_.snapshots.insert((*at)->snapshot_id);
  }
}

void Planner::MakeRoom() {
  const int64_t target =
      std::max<int64_t>(1, policy_.max_snapshots - policy_.max_snapshots / kCutPart);
  if (Remaining() > target) Thin(now_ms_ - policy_.keep_all_ms, policy_.interval_ms, false);
  const int64_t fine = std::max<int64_t>(1, policy_.keep_all_ms / kFineParts);
  if (Remaining() > target) Thin(now_ms_ - fine, fine, false);
  DropOldest(target);
}

void Planner::LimitWork() {
  if (expiry_.snapshots.size() <= kMostAtOnce) return;
  std::set<int64_t> some;
  for (auto at = newest_first_.rbegin(); some.size() < kMostAtOnce; ++at) {
    const int64_t id = (*at)->snapshot_id;
    if (expiry_.snapshots.contains(id)) some.insert(id);
  }
  expiry_.snapshots = std::move(some);
}

Result<Expiry> Planner::Plan() {
  if (!MayCollectGarbage(metadata_)) return Expiry();
  OCTO_TRY(DropOldRefs());
  OCTO_TRY(Protect());
  for (const Snapshot& snapshot : metadata_.snapshots) newest_first_.push_back(&snapshot);
  std::stable_sort(newest_first_.begin(), newest_first_.end(),
                   [](const Snapshot* a, const Snapshot* b) {
                     return std::pair(a->timestamp_ms, a->sequence_number) >
                            std::pair(b->timestamp_ms, b->sequence_number);
                   });
  const bool too_old = ExpireByAge();
  constexpr bool kForReaders = true;
  Thin(now_ms_ - policy_.keep_all_ms, policy_.interval_ms, kForReaders);
  const bool too_many = std::ssize(metadata_.snapshots) > policy_.max_snapshots;
  if (too_many) MakeRoom();
  const int64_t worth = std::max<int64_t>(1, policy_.max_snapshots / kWorthPart);
  if (!too_many && !too_old && std::ssize(expiry_.snapshots) < worth) expiry_.snapshots.clear();
  LimitWork();
  return std::move(expiry_);
}

// Without the entries of some snapshots; an array that cannot be read stays as it is.
std::string WithoutSnapshots(const std::string& array, const std::set<int64_t>& snapshots) {
  OrderedJson json = OrderedJson::parse(array, nullptr, false);
  if (!json.is_array() || json.empty()) return array;
  OrderedJson kept = OrderedJson::array();
  for (const OrderedJson& entry : json) {
    const auto id = entry.is_object() ? entry.find("snapshot-id") : entry.end();
    const bool gone = entry.is_object() && id != entry.end() && id->is_number_integer() &&
                      snapshots.contains(id->get<int64_t>());
    if (!gone) kept.push_back(entry);
  }
  return kept.dump();
}

}  // namespace

Result<Expiry> PlanExpiry(const TableMetadata& metadata, const RetentionPolicy& policy,
                          int64_t now_ms) {
  return Planner(metadata, policy, now_ms).Plan();
}

void RemoveSnapshots(TableMetadata& metadata, const std::set<int64_t>& snapshots) {
  if (snapshots.empty()) return;
  metadata.snapshots.EraseIf(
      [&](const Snapshot& snapshot) { return snapshots.contains(snapshot.snapshot_id); });
  const auto last_gap =
      std::find_if(metadata.snapshot_log.rbegin(), metadata.snapshot_log.rend(),
                   [&](const SnapshotLogEntry& e) { return snapshots.contains(e.snapshot_id); });
  metadata.snapshot_log.erase(metadata.snapshot_log.begin(), last_gap.base());
  metadata.statistics_json = WithoutSnapshots(metadata.statistics_json, snapshots);
  metadata.partition_statistics_json =
      WithoutSnapshots(metadata.partition_statistics_json, snapshots);
}

}  // namespace octolake::iceberg
