// Snapshots of a table, and the list of them that versions of its metadata share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace octolake::iceberg {

using Properties = std::map<std::string, std::string>;

struct Snapshot {
  int64_t snapshot_id = 0;
  std::optional<int64_t> parent_snapshot_id;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;  // a location
  Properties summary;         // "operation" and totals included
  std::optional<int32_t> schema_id;
};

// Copies share the snapshots, which do not change, and their text in metadata files: a commit costs
// no more with a long history than the bytes it writes.
class SnapshotList {
  struct Shared {
    explicit Shared(Snapshot one) : snapshot(std::move(one)) {}
    const Snapshot snapshot;
    mutable std::once_flag made;
    mutable std::string json;
  };
  using Items = std::vector<std::shared_ptr<const Shared>>;

 public:
  class Iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = Snapshot;
    using difference_type = std::ptrdiff_t;
    using pointer = const Snapshot*;
    using reference = const Snapshot&;

    Iterator() = default;
    explicit Iterator(Items::const_iterator at) : at_(at) {}
    reference operator*() const { return (*at_)->snapshot; }
    pointer operator->() const { return &(*at_)->snapshot; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    Iterator& operator--() {
      --at_;
      return *this;
    }
    Iterator operator--(int) { return Iterator(at_--); }
    bool operator==(const Iterator&) const = default;

   private:
    Items::const_iterator at_;
  };

  Iterator begin() const { return Iterator(items_.begin()); }
  Iterator end() const { return Iterator(items_.end()); }
  auto rbegin() const { return std::make_reverse_iterator(end()); }
  auto rend() const { return std::make_reverse_iterator(begin()); }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const Snapshot& operator[](size_t i) const { return items_[i]->snapshot; }
  const Snapshot& front() const { return items_.front()->snapshot; }
  const Snapshot& back() const { return items_.back()->snapshot; }

  void push_back(Snapshot snapshot) {
    items_.push_back(std::make_shared<const Shared>(std::move(snapshot)));
  }
  // Other copies of the list keep the snapshot as it was.
  template <typename Function>
  void Change(size_t i, Function change) {
    Snapshot snapshot = (*this)[i];
    change(snapshot);
    items_[i] = std::make_shared<const Shared>(std::move(snapshot));
  }
  template <typename Predicate>
  void EraseIf(Predicate predicate) {
    std::erase_if(items_, [&](const auto& item) { return predicate(item->snapshot); });
  }

  // As a JSON array in metadata files.
  void AppendJson(std::string& out) const;

 private:
  Items items_;
};

}  // namespace octolake::iceberg
