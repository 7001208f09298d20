#include "maintain/row_sort.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/worker_pool.h"
#include "datafile/gather_rows.h"
#include "datafile/idle_memory.h"
#include "datafile/row_buffer.h"
#include "io/spill_directory.h"
#include "maintain/spill_file.h"

namespace octolake::maintain {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;
using datafile::RowBuffer;
using datafile::RowPlace;

// Files open at once; what needs more is divided again.
constexpr int64_t kMostRanges = 128;
constexpr int64_t kSinkRows = 8192;
constexpr int64_t kSinkBytes = int64_t{1} << 20;
// Texts of one batch have 31 bits for their bytes.
constexpr int64_t kMostAtOnce = int64_t{1} << 30;
// Sampled keys are cut here: they divide rows all the same.
constexpr size_t kSampledKeyBytes = 64;
// A key, and its places in the order.
constexpr int64_t kKeyBytes = 112;
// Places that are divided among threads to be sorted, and by what.
constexpr size_t kWorthDividing = 4'000;
constexpr size_t kSampledPlaces = 1'000;
constexpr size_t kParts = 16;
// Of the memory for rows: when so much is filled, it is looked whether all will fit.
constexpr int64_t kTellingPart = 4;
// Of the same memory, what is held of rows that do not fit, before they go to files and after they
// came back: allocators keep, of what comes and goes in several threads, some three times as much.
constexpr int64_t kPartOfDivided = 4;

// Buffers grow in steps, and allocators round up: a quarter more than what is in them.
int64_t MemoryOf(const RowBuffer& rows) {
  return rows.bytes() + rows.bytes() / 4 + rows.rows() * kKeyBytes;
}

// Of all rows that are expected; 0 as long as that cannot be told. What is far too much is divided
// before it has filled the memory.
int64_t ExpectedMemory(const RowBuffer& rows, const RowSortOptions& options) {
  const int64_t memory = MemoryOf(rows);
  if (rows.rows() == 0 || memory < options.memory_bytes / kTellingPart) return 0;
  return static_cast<int64_t>(static_cast<double>(memory) *
                              static_cast<double>(options.expected_rows) /
                              static_cast<double>(rows.rows()));
}

// Of rows that take so much together.
size_t RowsAtOnce(int64_t bytes, int64_t rows) {
  const int64_t row_bytes = std::max<int64_t>(1, bytes / std::max<int64_t>(1, rows));
  return static_cast<size_t>(std::clamp(kSinkBytes / row_bytes, int64_t{1}, kSinkRows));
}

// A row by the first bytes of its key, which tell most rows apart without a look at the rest.
struct Place {
  uint64_t head;
  RowPlace at;
};

// Divided by their heads, so that each part can be sorted by another thread.
template <typename Less>
void SortInParts(std::vector<Place>& places, WorkerPool& workers, const Less& less) {
  if (places.size() < kWorthDividing) return std::sort(places.begin(), places.end(), less);
  std::vector<uint64_t> boundaries;
  for (size_t i = 0; i < kSampledPlaces; ++i) {
    boundaries.push_back(places[i * places.size() / kSampledPlaces].head);
  }
  std::sort(boundaries.begin(), boundaries.end());
  for (size_t part = 1; part < kParts; ++part) {
    boundaries[part - 1] = boundaries[part * kSampledPlaces / kParts];
  }
  boundaries.resize(kParts - 1);
  std::vector<std::vector<Place>> parts(kParts);
  for (const Place& place : places) {
    const auto part = std::upper_bound(boundaries.begin(), boundaries.end(), place.head);
    parts[static_cast<size_t>(part - boundaries.begin())].push_back(place);
  }
  workers.ForEach(kParts,
                  [&](size_t part) { std::sort(parts[part].begin(), parts[part].end(), less); });
  auto end = places.begin();
  for (const std::vector<Place>& part : parts) end = std::copy(part.begin(), part.end(), end);
}

// All rows, ordered.
std::vector<RowPlace> PlacesOf(const Rows& rows, const KeyMaker& order, int threads) {
  std::vector<size_t> first_place = {0};  // by batch
  for (const Batch& batch : rows) {
    first_place.push_back(first_place.back() + static_cast<size_t>(batch->num_rows()));
  }
  std::vector<Keys> keys(rows.size());
  std::vector<Place> places(first_place.back());
  WorkerPool workers(threads);
  workers.ForEach(rows.size(), [&](size_t number) {
    keys[number] = order.KeysOf(*rows[number]);
    for (size_t row = 0; row < keys[number].size(); ++row) {
      places[first_place[number] + row] = {
          HeadOf(keys[number][row]), {static_cast<uint32_t>(number), static_cast<uint32_t>(row)}};
    }
  });
  const auto comes_before = [&](const Place& a, const Place& b) {
    if (a.head != b.head) return a.head < b.head;
    const int rest = keys[a.at.batch][a.at.row].compare(keys[b.at.batch][b.at.row]);
    if (rest != 0) return rest < 0;
    return std::pair(a.at.batch, a.at.row) < std::pair(b.at.batch, b.at.row);
  };
  SortInParts(places, workers, comes_before);
  std::vector<RowPlace> ordered;
  ordered.reserve(places.size());
  for (const Place& place : places) ordered.push_back(place.at);
  return ordered;
}

Status SortInMemory(RowBuffer& rows, const OrderMaker& make_order, int threads,
                    const RowSink& sink) {
  if (rows.rows() == 0) return {};
  const size_t at_once = RowsAtOnce(rows.bytes(), rows.rows());
  const Rows all = rows.Release();
  OCTO_ASSIGN(const SampledOrder order, make_order(&all));
  const std::vector<RowPlace> places = PlacesOf(all, *order.keys, threads);
  const std::span<const RowPlace> span(places);
  const datafile::RowGatherer gatherer(all);
  for (size_t begin = 0; begin < span.size(); begin += at_once) {
    OCTO_ASSIGN(Batch sorted,
                gatherer.Gather(span.subspan(begin, std::min(at_once, span.size() - begin))));
    OCTO_TRY(sink(std::move(sorted)));
  }
  return {};
}

// Some keys from a sample, ascending and all different, so that they divide the rows into about
// `ranges` equal ranges; fewer, or none, where keys repeat.
std::vector<std::string> Boundaries(std::vector<std::string> sample, int64_t ranges) {
  SortKeys(sample);
  std::vector<std::string> boundaries;
  for (int64_t i = 1; i < ranges; ++i) {
    const auto place = static_cast<size_t>(i) * sample.size() / static_cast<size_t>(ranges);
    if (place >= sample.size()) break;
    const bool begins = sample[place] == sample.front();
    if (!begins && (boundaries.empty() || boundaries.back() != sample[place])) {
      boundaries.push_back(sample[place]);
    }
  }
  return boundaries;
}

// Keys of some of the rows that went by, at most a fixed number, at equal distances.
class Sample {
 public:
  void Add(std::string_view key) {
    if (seen_++ % distance_ != 0) return;
    keys_.emplace_back(key.substr(0, kSampledKeyBytes));
    if (keys_.size() < kMost) return;
    for (size_t i = 1; i < keys_.size() / 2; ++i) keys_[i] = std::move(keys_[2 * i]);
    keys_.resize(keys_.size() / 2);
    distance_ *= 2;
  }
  std::vector<std::string> Take() { return std::exchange(keys_, {}); }

 private:
  static constexpr size_t kMost = 2'000;
  std::vector<std::string> keys_;
  int64_t seen_ = 0;
  int64_t distance_ = 1;
};

// Rows whose keys lie between two boundaries.
struct Range {
  std::vector<RowPlace> waiting;    // in the division's batches
  std::unique_ptr<SpillFile> file;  // null as long as nothing was written
  Sample sample;
};

// SortRows, with other memory for what has been divided.
Status SortOrDivide(const RowSource& source, const OrderMaker& make_order,
                    const RowSortOptions& options, int64_t range_memory, const RowSink& sink);

class Division {
 public:
  Division(std::shared_ptr<const KeyMaker> order, std::vector<std::string> boundaries,
           const RowSortOptions& options, int64_t range_memory)
      : order_(std::move(order)),
        boundaries_(std::move(boundaries)),
        options_(options),
        range_memory_(range_memory),
        directory_(options.temp_directory),
        ranges_(boundaries_.size() + 1) {}

  Status Add(Batch batch);
  // Sorts range by range.
  Status Finish(const RowSink& sink);
  // Without order, if there was nothing to divide by.
  Status FinishUnsorted(const RowSink& sink);
  bool divides() const { return !boundaries_.empty(); }

 private:
  // Writes what waits to the ranges' files. Many rows at once: few at a time would come in arrays
  // that take more than they hold.
  Status Flush();
  Status Write(size_t range, const datafile::RowGatherer& waiting);
  static RowSource SourceOf(Range& range);

  const std::shared_ptr<const KeyMaker> order_;
  const std::vector<std::string> boundaries_;
  const RowSortOptions& options_;
  const int64_t range_memory_;
  io::SpillDirectory directory_;  // outlives the files
  std::vector<Range> ranges_;
  Rows waiting_;
  int64_t waiting_bytes_ = 0;
  int64_t waiting_rows_ = 0;
};

Status Division::Write(size_t number, const datafile::RowGatherer& waiting) {
  Range& range = ranges_[number];
  const auto at_once = RowsAtOnce(waiting_bytes_, waiting_rows_);
  const std::span<const RowPlace> places(range.waiting);
  for (size_t begin = 0; begin < places.size(); begin += at_once) {
    const auto some = places.subspan(begin, std::min(at_once, places.size() - begin));
    OCTO_ASSIGN(const Batch rows, waiting.Gather(some));
    if (range.file == nullptr) {
      OCTO_ASSIGN(range.file, SpillFile::Create(directory_.path() + "/" + std::to_string(number),
                                                rows->schema()));
    }
    OCTO_TRY(range.file->Append(*rows));
  }
  range.waiting.clear();
  return {};
}

Status Division::Flush() {
  std::error_code error;
  std::filesystem::create_directories(directory_.path(), error);
  if (error) {
    return MakeError(ErrorKind::kIo, "cannot make " + directory_.path() +
                                         ", where rows to be sorted go: " + error.message());
  }
  if (!waiting_.empty()) {
    const datafile::RowGatherer gatherer(waiting_);
    for (size_t i = 0; i < ranges_.size(); ++i) OCTO_TRY(Write(i, gatherer));
  }
  waiting_.clear();
  waiting_bytes_ = 0;
  waiting_rows_ = 0;
  // Arrow keeps for a second what is free by now, and takes as much again meanwhile.
  datafile::ReleaseFreeMemory();
  return {};
}

Status Division::Add(Batch batch) {
  const Keys keys = order_->KeysOf(*batch);
  const auto number = static_cast<uint32_t>(waiting_.size());
  for (size_t row = 0; row < keys.size(); ++row) {
    const auto range = static_cast<size_t>(
        std::upper_bound(boundaries_.begin(), boundaries_.end(), keys[row]) - boundaries_.begin());
    ranges_[range].waiting.push_back({number, static_cast<uint32_t>(row)});
    ranges_[range].sample.Add(keys[row]);
  }
  OCTO_ASSIGN(const int64_t bytes, datafile::RowMemory(*batch));
  waiting_bytes_ += bytes + batch->num_rows() * static_cast<int64_t>(sizeof(RowPlace));
  waiting_rows_ += batch->num_rows();
  waiting_.push_back(std::move(batch));
  return waiting_bytes_ < range_memory_ ? Status() : Flush();
}

RowSource Division::SourceOf(Range& range) {
  return
      [&range]() -> Result<Batch> { return range.file == nullptr ? Batch() : range.file->Next(); };
}

Status Division::Finish(const RowSink& sink) {
  // Rows that wait in memory would be on top of the range that is sorted.
  OCTO_TRY(Flush());
  for (Range& range : ranges_) {
    // Divisions of ranges open files of their own.
    if (range.file != nullptr) OCTO_TRY(range.file->EndWriting());
  }
  for (Range& range : ranges_) {
    RowSortOptions options = options_;
    options.expected_rows = range.file == nullptr ? 0 : range.file->rows();
    options.memory_bytes = range_memory_;
    const OrderMaker same_order = [&](const Rows*) -> Result<SampledOrder> {
      return SampledOrder{order_, range.sample.Take()};
    };
    OCTO_TRY(SortOrDivide(SourceOf(range), same_order, options, range_memory_, sink));
    range = Range();
    datafile::ReleaseFreeMemory();
  }
  return {};
}

Status Division::FinishUnsorted(const RowSink& sink) {
  OCTO_TRY(Flush());
  for (Range& range : ranges_) {
    const RowSource source = SourceOf(range);
    while (true) {
      OCTO_ASSIGN(Batch batch, source());
      if (batch == nullptr) break;
      OCTO_TRY(sink(std::move(batch)));
    }
  }
  return {};
}

Status SortOrDivide(const RowSource& source, const OrderMaker& make_order,
                    const RowSortOptions& options, int64_t range_memory, const RowSink& sink) {
  RowBuffer rows;
  while (MemoryOf(rows) < std::min(options.memory_bytes, kMostAtOnce)) {
    if (ExpectedMemory(rows, options) >= 2 * options.memory_bytes) break;
    OCTO_ASSIGN(Batch batch, source());
    if (batch == nullptr) return SortInMemory(rows, make_order, options.threads, sink);
    OCTO_TRY(rows.Add(std::move(batch)));
  }
  // As many ranges as each fits into memory with room to spare.
  const double row_memory =
      static_cast<double>(MemoryOf(rows)) / static_cast<double>(std::max<int64_t>(1, rows.rows()));
  const auto all_memory =
      static_cast<int64_t>(row_memory * static_cast<double>(options.expected_rows));
  const int64_t ranges =
      std::clamp<int64_t>(2 * all_memory / std::max<int64_t>(1, range_memory) + 1, 4, kMostRanges);
  OCTO_ASSIGN(SampledOrder order, make_order(nullptr));
  Division division(std::move(order.keys), Boundaries(std::move(order.sample), ranges), options,
                    range_memory);
  // One by one, so that what was divided does not stay.
  for (Batch& batch : rows.Release()) OCTO_TRY(division.Add(std::exchange(batch, nullptr)));
  while (true) {
    OCTO_ASSIGN(Batch batch, source());
    if (batch == nullptr) break;
    OCTO_TRY(division.Add(std::move(batch)));
  }
  return division.divides() ? division.Finish(sink) : division.FinishUnsorted(sink);
}

}  // namespace

Status SortRows(const RowSource& source, const OrderMaker& make_order,
                const RowSortOptions& options, const RowSink& sink) {
  return SortOrDivide(source, make_order, options, options.memory_bytes / kPartOfDivided, sink);
}

}  // namespace octolake::maintain
