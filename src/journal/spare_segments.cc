#include "journal/spare_segments.h"

#include <utility>

#include "journal/segment_format.h"

namespace octolake::journal {
namespace {

// As many as a commit passes at once at 100 MB a second and a second between commits.
constexpr size_t kMostSpares = 2;
constexpr std::string_view kSuffix = ".spare";

bool IsSpareName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return false;
  name.remove_suffix(kSuffix.size());
  return ParseSegmentName(name).has_value();
}

}  // namespace

std::string SpareName(uint64_t number) { return SegmentName(number) + std::string(kSuffix); }

SpareSegments::~SpareSegments() { Clear(); }

void SpareSegments::RemoveLeftovers() {
  const auto names = store_.List();
  if (!names) return;
  for (const std::string& name : *names) {
    if (IsSpareName(name)) (void)store_.Remove(name);
  }
}

bool SpareSegments::Keep(const SegmentInfo& segment) {
  if (!segment.is_sound || segment.file_bytes != segment_bytes_ || Count() >= kMostSpares) {
    return false;
  }
  const std::string spare = SpareName(segment.number);
  if (!store_.Rename(SegmentName(segment.number), spare)) return false;
  // Before a byte of it is overwritten, so that after a power cut no segment has another's bytes.
  if (store_.SyncDirectory()) {
    const std::lock_guard lock(mutex_);
    names_.push_back(spare);
  } else {
    (void)store_.Remove(spare);
  }
  return true;
}

std::optional<SpareSegments::Spare> SpareSegments::Take() {
  while (auto name = TakeName()) {
    Spare spare{std::move(*name), nullptr};
    auto file = store_.Open(spare.name);
    if (file) {
      // One with another name, such as a copy of the warehouse made with links, is not overwritten.
      const auto size = (*file)->Size();
      const auto links = (*file)->Links();
      if (size && *size == segment_bytes_ && links && *links == 1) {
        spare.file = std::move(*file);
        return spare;
      }
    }
    Drop(spare);
  }
  return std::nullopt;
}

void SpareSegments::Drop(const Spare& spare) { (void)store_.Remove(spare.name); }

size_t SpareSegments::Count() const {
  const std::lock_guard lock(mutex_);
  return names_.size();
}

std::optional<std::string> SpareSegments::TakeName() {
  const std::lock_guard lock(mutex_);
  if (names_.empty()) return std::nullopt;
  std::string name = std::move(names_.back());
  names_.pop_back();
  return name;
}

void SpareSegments::Clear() {
  while (const auto name = TakeName()) (void)store_.Remove(*name);
}

}  // namespace octolake::journal
