#include "datafile/gather_rows.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "datafile/arrow_status.h"

namespace octolake::datafile {
namespace {

namespace bits = arrow::bit_util;
using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;
using Places = std::span<const RowPlace>;

}  // namespace

// One column of all batches.
class RowGatherer::Column {
 public:
  Column(const Batches& batches, int column) : type_(batches.front()->column(column)->type()) {
    for (const auto& batch : batches) {
      arrays_.push_back(batch->column(column));
      const arrow::ArrayData& data = *arrays_.back()->data();
      const bool nulls = data.GetNullCount() > 0;
      any_nulls_ = any_nulls_ || nulls;
      only_nulls_ = only_nulls_ && data.GetNullCount() == data.length;
      parts_.push_back({.data = &data,
                        .offset = data.offset,
                        .valid = nulls ? data.buffers[0]->data() : nullptr,
                        .values = BytesOf(data, 1),
                        .texts = BytesOf(data, 2)});
    }
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Gather(Places places) const {
    const auto count = static_cast<int64_t>(places.size());
    if (only_nulls_) return arrow::MakeArrayOfNull(type_, count);
    const auto id = type_->id();
    if (id == arrow::Type::STRING || id == arrow::Type::BINARY) return GatherTexts(places);
    if (id == arrow::Type::BOOL) return GatherBooleans(places);
    if (arrow::is_fixed_width(id) && id != arrow::Type::DICTIONARY) return GatherFixed(places);
    return GatherAny(places);
  }

 private:
  // Of one batch, with what of the array is looked at for every row.
  struct Part {
    const arrow::ArrayData* data;
    int64_t offset;
    const uint8_t* valid;   // null: all are
    const uint8_t* values;  // of texts: where they begin
    const uint8_t* texts;
  };

  static const uint8_t* BytesOf(const arrow::ArrayData& data, size_t buffer) {
    if (data.buffers.size() <= buffer || data.buffers[buffer] == nullptr) return nullptr;
    return data.buffers[buffer]->data();
  }

  bool IsValid(const RowPlace& place) const {
    const Part& part = parts_[place.batch];
    return part.valid == nullptr || bits::GetBit(part.valid, part.offset + place.row);
  }

  arrow::Result<std::shared_ptr<arrow::Array>> Make(Places places,
                                                    arrow::BufferVector buffers) const {
    int64_t nulls = 0;
    if (any_nulls_) {
      const auto count = static_cast<int64_t>(places.size());
      ARROW_ASSIGN_OR_RAISE(buffers[0], arrow::AllocateEmptyBitmap(count));
      uint8_t* valid = buffers[0]->mutable_data();
      for (int64_t i = 0; i < count; ++i) {
        const bool is_valid = IsValid(places[static_cast<size_t>(i)]);
        bits::SetBitTo(valid, i, is_valid);
        nulls += is_valid ? 0 : 1;
      }
    }
    return arrow::MakeArray(arrow::ArrayData::Make(type_, static_cast<int64_t>(places.size()),
                                                   std::move(buffers), nulls));
  }

  // Under a NULL may stand anything.
  arrow::Result<std::shared_ptr<arrow::Array>> GatherFixed(Places places) const {
    const auto width = static_cast<size_t>(type_->bit_width() / 8);
    ARROW_ASSIGN_OR_RAISE(auto values,
                          arrow::AllocateBuffer(static_cast<int64_t>(width * places.size())));
    uint8_t* out = values->mutable_data();
    const auto copy = [&](auto fixed_width) {
      constexpr size_t kFixed = decltype(fixed_width)::value;
      const size_t size = kFixed == 0 ? width : kFixed;
      for (const RowPlace& place : places) {
        const Part& part = parts_[place.batch];
        const size_t row = static_cast<size_t>(part.offset) + place.row;
        std::memcpy(out, part.values + row * size, size);
        out += size;
      }
    };
    if (width == 8) {
      copy(std::integral_constant<size_t, 8>());
    } else if (width == 4) {
      copy(std::integral_constant<size_t, 4>());
    } else {
      copy(std::integral_constant<size_t, 0>());
    }
    return Make(places, {nullptr, std::move(values)});
  }

  arrow::Result<std::shared_ptr<arrow::Array>> GatherBooleans(Places places) const {
    const auto count = static_cast<int64_t>(places.size());
    ARROW_ASSIGN_OR_RAISE(auto values, arrow::AllocateEmptyBitmap(count));
    for (int64_t i = 0; i < count; ++i) {
      const RowPlace& place = places[static_cast<size_t>(i)];
      const Part& part = parts_[place.batch];
      bits::SetBitTo(values->mutable_data(), i, bits::GetBit(part.values, part.offset + place.row));
    }
    return Make(places, {nullptr, std::move(values)});
  }

  arrow::Result<std::shared_ptr<arrow::Array>> GatherTexts(Places places) const {
    ARROW_ASSIGN_OR_RAISE(
        auto offsets,
        arrow::AllocateBuffer(static_cast<int64_t>((places.size() + 1) * sizeof(int32_t))));
    auto* ends = reinterpret_cast<int32_t*>(offsets->mutable_data());
    *ends++ = 0;
    int64_t bytes = 0;
    for (const RowPlace& place : places) {
      if (IsValid(place)) bytes += TextAt(place).size();
      if (bytes > INT32_MAX) return arrow::Status::CapacityError("texts of ", bytes, " bytes");
      *ends++ = static_cast<int32_t>(bytes);
    }
    ARROW_ASSIGN_OR_RAISE(auto values, arrow::AllocateBuffer(bytes));
    uint8_t* out = values->mutable_data();
    for (const RowPlace& place : places) {
      if (!IsValid(place)) continue;
      const std::span<const uint8_t> text = TextAt(place);
      if (!text.empty()) std::memcpy(out, text.data(), text.size());
      out += text.size();
    }
    return Make(places, {nullptr, std::move(offsets), std::move(values)});
  }

  std::span<const uint8_t> TextAt(const RowPlace& place) const {
    const Part& part = parts_[place.batch];
    const auto* at = reinterpret_cast<const int32_t*>(part.values) + part.offset + place.row;
    const auto size = static_cast<size_t>(at[1] - at[0]);
    return size == 0 ? std::span<const uint8_t>() : std::span(part.texts + at[0], size);
  }

  arrow::Result<std::shared_ptr<arrow::Array>> GatherAny(Places places) const {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), type_, &builder));
    for (const RowPlace& place : places) {
      ARROW_RETURN_NOT_OK(
          builder->AppendArraySlice(arrow::ArraySpan(*parts_[place.batch].data), place.row, 1));
    }
    return builder->Finish();
  }

  const std::shared_ptr<arrow::DataType> type_;
  std::vector<Part> parts_;
  arrow::ArrayVector arrays_;  // what the parts are of
  bool any_nulls_ = false;
  bool only_nulls_ = true;
};

RowGatherer::RowGatherer(const Batches& batches) : schema_(batches.front()->schema()) {
  for (int column = 0; column < schema_->num_fields(); ++column) {
    columns_.emplace_back(batches, column);
  }
}

RowGatherer::~RowGatherer() = default;
RowGatherer::RowGatherer(RowGatherer&&) noexcept = default;

Result<std::shared_ptr<arrow::RecordBatch>> RowGatherer::Gather(Places places) const {
  arrow::ArrayVector columns;
  columns.reserve(columns_.size());
  for (const Column& column : columns_) {
    OCTO_ASSIGN(auto gathered, ToResult(column.Gather(places), "copy of rows"));
    columns.push_back(std::move(gathered));
  }
  return arrow::RecordBatch::Make(schema_, static_cast<int64_t>(places.size()), std::move(columns));
}

Result<std::shared_ptr<arrow::RecordBatch>> GatherRows(const Batches& batches, Places places) {
  return RowGatherer(batches).Gather(places);
}

}  // namespace octolake::datafile
