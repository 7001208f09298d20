#include "datafile/column_metrics.h"

#include <arrow/array.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/string_util.h"
#include "datafile/array_value.h"

namespace octolake::datafile {
namespace {

using iceberg::Literal;
using iceberg::TypeId;

// The length in "truncate(n)"; nullopt for anything else.
std::optional<int32_t> TruncateLength(std::string_view text) {
  constexpr std::string_view kPrefix = "truncate(";
  if (!text.starts_with(kPrefix) || !text.ends_with(')')) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  text.remove_suffix(1);
  const std::optional<int32_t> length = ParseNumber<int32_t>(text);
  return length.value_or(0) > 0 ? length : std::nullopt;
}

// The least byte string above all with this prefix.
std::optional<std::string> NextPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  ++prefix.back();
  return prefix;
}

bool IsBytes(TypeId id) { return id == TypeId::kBinary || id == TypeId::kFixed; }

Literal CutLower(TypeId type, Literal bound, int32_t length) {
  auto* text = std::get_if<std::string>(&bound);
  if (text == nullptr || length == 0) return bound;
  if (type == TypeId::kString) return iceberg::TruncateLower(*text, length);
  if (IsBytes(type)) text->resize(std::min(text->size(), static_cast<size_t>(length)));
  return bound;
}

std::optional<Literal> CutUpper(TypeId type, Literal bound, int32_t length) {
  auto* text = std::get_if<std::string>(&bound);
  if (text == nullptr || length == 0) return bound;
  if (type == TypeId::kString) return iceberg::TruncateUpper(*text, length);
  if (!IsBytes(type) || text->size() <= static_cast<size_t>(length)) return bound;
  return NextPrefix(text->substr(0, static_cast<size_t>(length)));
}

// The least and greatest value over all row groups; each unset once a row group does not tell.
struct Bounds {
  std::optional<Literal> lower;
  std::optional<Literal> upper;
  bool lower_known = true;
  bool upper_known = true;
};

Status AddRowGroup(const parquet::EncodedStatistics* statistics, const iceberg::Type& type,
                   Bounds& bounds) {
  if (statistics == nullptr || !statistics->has_min ||
      !statistics->is_min_value_exact.value_or(true)) {
    bounds.lower_known = false;
  } else {
    OCTO_ASSIGN(Literal least, iceberg::DecodeLiteral(type, statistics->min()));
    if (!bounds.lower || iceberg::CompareLiterals(least, *bounds.lower) < 0) {
      bounds.lower = std::move(least);
    }
  }
  if (statistics == nullptr || !statistics->has_max ||
      !statistics->is_max_value_exact.value_or(true)) {
    bounds.upper_known = false;
  } else {
    OCTO_ASSIGN(Literal greatest, iceberg::DecodeLiteral(type, statistics->max()));
    if (!bounds.upper || iceberg::CompareLiterals(greatest, *bounds.upper) > 0) {
      bounds.upper = std::move(greatest);
    }
  }
  return {};
}

// A bound of a fixed that is cut has no longer the type's length.
Result<std::string> EncodeBound(const iceberg::Type& type, const Literal& bound) {
  static const iceberg::TypePtr kAnyLength = iceberg::BinaryType();
  return iceberg::EncodeLiteral(type.id == TypeId::kFixed ? *kAnyLength : type, bound);
}

Status StoreBounds(const iceberg::Field& field, const MetricsMode& mode, Bounds bounds,
                   iceberg::DataFile& file) {
  if (bounds.lower_known && bounds.lower) {
    auto cut = CutLower(field.type->id, std::move(*bounds.lower), mode.length);
    OCTO_ASSIGN(file.lower_bounds[field.id], EncodeBound(*field.type, cut));
  }
  if (bounds.upper_known && bounds.upper) {
    auto cut = CutUpper(field.type->id, std::move(*bounds.upper), mode.length);
    if (cut) {
      OCTO_ASSIGN(file.upper_bounds[field.id], EncodeBound(*field.type, *cut));
    }
  }
  return {};
}

Status FillColumn(const parquet::FileMetaData& footer, const iceberg::Field& field, size_t column,
                  const MetricsMode& mode, const std::vector<RowGroupCounts>& counts,
                  iceberg::DataFile& file) {
  if (!mode.counts) return {};
  const bool floating = field.type->id == TypeId::kFloat || field.type->id == TypeId::kDouble;
  int64_t size = 0;
  int64_t nulls = 0;
  int64_t nans = 0;
  Bounds bounds;
  for (size_t group = 0; group < counts.size(); ++group) {
    const auto row_group = footer.RowGroup(static_cast<int>(group));
    const auto chunk = row_group->ColumnChunk(static_cast<int>(column));
    size += chunk->total_compressed_size();
    nulls += counts[group].nulls[column];
    nans += counts[group].nans[column];
    // Without a value, or with nothing but NaNs, there is no bound to take into account.
    const bool empty =
        counts[group].nulls[column] + counts[group].nans[column] == row_group->num_rows();
    if (!mode.bounds || empty) continue;
    const auto statistics = chunk->is_stats_set() ? chunk->encoded_statistics() : nullptr;
    OCTO_TRY(AddRowGroup(statistics.get(), *field.type, bounds));
  }
  file.column_sizes[field.id] = size;
  file.value_counts[field.id] = footer.num_rows();
  file.null_value_counts[field.id] = nulls;
  if (floating) file.nan_value_counts[field.id] = nans;
  return mode.bounds ? StoreBounds(field, mode, std::move(bounds), file) : Status{};
}

}  // namespace

Result<MetricsMode> MetricsModeOf(const iceberg::Properties& properties,
                                  const std::string& column) {
  auto found = properties.find("write.metadata.metrics.column." + column);
  if (found == properties.end()) found = properties.find("write.metadata.metrics.default");
  if (found == properties.end()) return MetricsMode{};
  const std::string& text = found->second;
  if (text == "none") return MetricsMode{.counts = false, .bounds = false};
  if (text == "counts") return MetricsMode{.bounds = false};
  if (text == "full") return MetricsMode{.length = 0};
  if (auto length = TruncateLength(text)) return MetricsMode{.length = *length};
  return MakeError(ErrorKind::kInvalidArgument,
                   "table property " + found->first + " is '" + text +
                       "'; it must be none, counts, full or truncate(n) with n at least 1");
}

void RowGroupCounts::Add(size_t column, const arrow::Array& array) {
  nulls[column] += array.null_count();
  nans[column] += CountNan(array);
}

Status FillMetrics(const parquet::FileMetaData& footer, const iceberg::Schema& schema,
                   const std::vector<MetricsMode>& modes, const std::vector<RowGroupCounts>& counts,
                   iceberg::DataFile& file) {
  for (size_t column = 0; column < schema.fields.size(); ++column) {
    OCTO_TRY(FillColumn(footer, schema.fields[column], column, modes[column], counts, file));
  }
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto first = footer.RowGroup(group)->ColumnChunk(0);
    file.split_offsets.push_back(
        first->has_dictionary_page()
            ? std::min(first->dictionary_page_offset(), first->data_page_offset())
            : first->data_page_offset());
  }
  return {};
}

}  // namespace octolake::datafile
