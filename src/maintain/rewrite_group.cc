#include "maintain/rewrite_group.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/thread.h"
#include "base/worker_pool.h"
#include "datafile/file_merge.h"
#include "lake/background_writer.h"
#include "lake/read_ahead.h"
#include "maintain/row_sort.h"
#include "maintain/sort_key.h"
#include "maintain/z_order.h"

namespace octolake::maintain {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;
using DataFiles = std::vector<iceberg::DataFile>;

// Enough that a range of a sort, or a step of a curve, is told to a few percent.
constexpr int64_t kSampledRows = 50'000;
// Payloads are long: more rows would take fresh memory from the kernel for every batch.
constexpr int64_t kRowsOfABatch = 1024;
// A few batches are on their way at once: where payloads are very long, they have fewer rows.
constexpr int64_t kBytesOfABatch = int64_t{4} << 20;
// Of a column's value; what is longer divides rows no better.
constexpr size_t kSampledKeyBytes = 64;

// Of each column that is sorted by, the keys of the same rows.
using ColumnSamples = std::vector<std::vector<std::string>>;

// Takes rows at equal distances from the batches of a number of rows.
class ColumnSampler {
 public:
  ColumnSampler(std::vector<iceberg::Field> columns, int64_t rows)
      : columns_(std::move(columns)),
        distance_(std::max<int64_t>(1, rows / kSampledRows)),
        samples_(columns_.size()) {}

  void Add(const arrow::RecordBatch& batch) {
    for (size_t column = 0; column < columns_.size(); ++column) {
      const iceberg::Field& field = columns_[column];
      const auto values = batch.GetColumnByName(field.name);
      for (int64_t row = (distance_ - first_ % distance_) % distance_; row < batch.num_rows();
           row += distance_) {
        std::string key;
        AppendToKey(*field.type, *values, row, key);
        key.resize(std::min(key.size(), kSampledKeyBytes));
        samples_[column].push_back(std::move(key));
      }
    }
    first_ += batch.num_rows();
  }
  ColumnSamples Take() { return std::move(samples_); }

 private:
  const std::vector<iceberg::Field> columns_;
  const int64_t distance_;
  int64_t first_ = 0;  // number of the next batch's first row
  ColumnSamples samples_;
};

class Rewrite {
 public:
  Rewrite(io::FileSystem& fs, RandomSource& random, const iceberg::TableMetadata& metadata,
          const RewriteRequest& request)
      : fs_(fs), random_(random), metadata_(metadata), request_(request) {}

  Result<std::optional<DataFiles>> Run();

 private:
  // The group's files, if they can be brought together without all of their values being decoded.
  std::optional<DataFiles> FilesToMerge() const;
  Result<std::optional<DataFiles>> Merge(const DataFiles& files);
  Result<std::optional<DataFiles>> Encode();
  Result<std::optional<DataFiles>> Checked(DataFiles written) const;
  bool stopped() const { return request_.stop.stop_requested(); }
  Status Copy(const RowSource& source, const RowSink& sink) const;
  Status Sort(const RowSource& source, const RowSink& sink) const;
  Result<SampledOrder> MakeOrder(const Rows* all) const;
  // Of all files.
  Result<ColumnSamples> SampleFiles() const;
  Status CheckRows(const DataFiles& written) const;

  io::FileSystem& fs_;
  RandomSource& random_;
  const iceberg::TableMetadata& metadata_;
  const RewriteRequest& request_;
  int64_t rows_read_ = 0;
};

Status Rewrite::Copy(const RowSource& source, const RowSink& sink) const {
  while (true) {
    OCTO_ASSIGN(Batch batch, source());
    if (batch == nullptr) return {};
    OCTO_TRY(sink(std::move(batch)));
  }
}

Result<ColumnSamples> Rewrite::SampleFiles() const {
  iceberg::Schema columns;
  columns.fields = request_.columns;
  ColumnSampler sampler(request_.columns, request_.group.rows);
  lake::ReadAhead reader(fs_, request_.group.files, columns, {}, request_.threads,
                         lake::ReadAhead::SmallFiles::kJoined);
  while (!stopped()) {
    OCTO_ASSIGN(const auto next, reader.Next());
    if (next.batch == nullptr) break;
    sampler.Add(*next.batch);
  }
  return sampler.Take();
}

Result<SampledOrder> Rewrite::MakeOrder(const Rows* all) const {
  const bool by_curve = request_.strategy == CompactionStrategy::kZOrder;
  if (!by_curve && all != nullptr) {
    return SampledOrder{std::make_shared<ColumnOrder>(request_.columns), {}};
  }
  ColumnSamples samples;
  WorkerPool workers(request_.threads);
  if (all != nullptr) {
    samples.resize(request_.columns.size());
    workers.ForEach(samples.size(), [&](size_t column) {
      ColumnSampler sampler({request_.columns[column]}, rows_read_);
      for (const Batch& batch : *all) sampler.Add(*batch);
      samples[column] = std::move(sampler.Take().front());
    });
  } else {
    OCTO_ASSIGN(samples, SampleFiles());
  }
  SampledOrder order;
  order.sample.resize(samples.front().size());
  if (!by_curve) {
    order.keys = std::make_shared<ColumnOrder>(request_.columns);
    for (const auto& of_column : samples) {
      for (size_t row = 0; row < of_column.size(); ++row) order.sample[row] += of_column[row];
    }
    return order;
  }
  std::vector<Ranks> ranks(samples.size());
  workers.ForEach(samples.size(), [&](size_t column) { ranks[column] = Ranks(samples[column]); });
  const auto curve = std::make_shared<ZOrder>(request_.columns, std::move(ranks));
  for (size_t row = 0; row < order.sample.size() && all == nullptr; ++row) {
    std::vector<std::string> values;
    for (const auto& of_column : samples) values.push_back(of_column[row]);
    order.sample[row] = curve->KeyOf(values);
  }
  order.keys = curve;
  return order;
}

Status Rewrite::Sort(const RowSource& source, const RowSink& sink) const {
  RowSortOptions options;
  options.memory_bytes = request_.sort_memory_bytes;
  options.temp_directory = request_.temp_directory;
  options.expected_rows = request_.group.rows;
  options.threads = request_.threads;
  return SortRows(
      source, [this](const Rows* all) { return MakeOrder(all); }, options, sink);
}

// Deleted rows are not read.
Status Rewrite::CheckRows(const DataFiles& written) const {
  const CompactionGroup& group = request_.group;
  int64_t rows = 0;
  for (const iceberg::DataFile& file : written) rows += file.record_count;
  const bool any_deleted = std::any_of(group.files.begin(), group.files.end(),
                                       [](const auto& task) { return !task.deletes.empty(); });
  const int64_t expected = any_deleted ? rows_read_ : group.rows;
  if (rows == expected && rows == rows_read_) return {};
  return MakeError(ErrorKind::kCorruption,
                   "table " + metadata_.location + ": " + std::to_string(group.files.size()) +
                       " files were rewritten, " + group.files.front().file.file_path +
                       " the first, with " + std::to_string(rows) + " rows instead of " +
                       std::to_string(expected) + "; nothing was changed");
}

std::optional<DataFiles> Rewrite::FilesToMerge() const {
  const CompactionGroup& group = request_.group;
  if (request_.strategy != CompactionStrategy::kBinPack || !request_.one_file ||
      group.spec_id != metadata_.DefaultSpec().spec_id) {
    return std::nullopt;
  }
  DataFiles files;
  for (const iceberg::ScanTask& task : group.files) {
    if (!task.deletes.empty()) return std::nullopt;
    files.push_back(task.file);
  }
  if (!datafile::MergePays(metadata_, files)) return std::nullopt;
  return files;
}

Result<std::optional<DataFiles>> Rewrite::Merge(const DataFiles& files) {
  const auto on_rows = [&](int64_t rows) {
    rows_read_ += rows;
    request_.on_rows(rows);
  };
  OCTO_ASSIGN(auto merged, datafile::MergeFiles(fs_, random_, metadata_,
                                                {files, request_.writer, request_.stop, on_rows}));
  if (!merged) return std::nullopt;
  return Checked({*std::move(merged)});
}

Result<std::optional<DataFiles>> Rewrite::Checked(DataFiles written) const {
  const Status checked = CheckRows(written);
  if (checked) return written;
  datafile::RemoveFiles(fs_, written);
  return tl::unexpected<Error>(checked.error());
}

Result<std::optional<DataFiles>> Rewrite::Run() {
  const auto files = FilesToMerge();
  return files ? Merge(*files) : Encode();
}

Result<std::optional<DataFiles>> Rewrite::Encode() {
  OCTO_ASSIGN(auto table_writer,
              datafile::MakeTableWriter(fs_, random_, metadata_, request_.writer));
  std::vector<std::unique_ptr<datafile::TableWriter>> writers;
  writers.push_back(std::move(table_writer));
  lake::BackgroundWriter writer(
      fs_, std::move(writers), request_.threads == 0 ? WorkIn::kCallersThread : WorkIn::kOwnThread);
  lake::ReadAhead reader(fs_, request_.group.files, metadata_.CurrentSchema(),
                         {kRowsOfABatch, kBytesOfABatch}, request_.threads,
                         lake::ReadAhead::SmallFiles::kJoined);
  const RowSource source = [&]() -> Result<Batch> {
    if (stopped()) return Batch();
    OCTO_ASSIGN(auto next, reader.Next());
    if (next.batch != nullptr) {
      rows_read_ += next.batch->num_rows();
      request_.on_rows(next.batch->num_rows());
    }
    return std::move(next.batch);
  };
  const RowSink sink = [&](Batch batch) -> Status {
    // An end of the sort, which would else go through all that is on disk.
    if (stopped()) return MakeError(ErrorKind::kTransient, "stopped");
    return writer.Write(0, std::move(batch));
  };
  const Status copied =
      request_.strategy == CompactionStrategy::kBinPack ? Copy(source, sink) : Sort(source, sink);
  if (stopped()) return std::nullopt;
  OCTO_TRY(copied);
  OCTO_ASSIGN(auto written, writer.Finish());
  return Checked(std::move(written.front()));
}

}  // namespace

Result<std::optional<DataFiles>> RewriteGroup(io::FileSystem& fs, RandomSource& random,
                                              const iceberg::TableMetadata& metadata,
                                              const RewriteRequest& request) {
  return Rewrite(fs, random, metadata, request).Run();
}

}  // namespace octolake::maintain
