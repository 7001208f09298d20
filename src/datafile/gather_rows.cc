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

// One column of all batches.
class Column {
 public:
  Column(const Batches& batches, int column) : type_(batches.front()->column(column)->type()) {
    for (const auto& batch : batches) {
      const arrow::ArrayData& data = *batch->column_data(column);
      const bool nulls = data.GetNullCount() > 0;
      any_nulls_ = any_nulls_ || nulls;
      only_nulls_ = only_nulls_ && data.GetNullCount() == data.length;
      parts_.push_back({&data, nulls ? data.buffers[0]->data() : nullptr});
      arrays_.push_back(batch->column(column));
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
  struct Part {
    const arrow::ArrayData* data;
    const uint8_t* valid;  // null: all are
  };

  bool IsValid(const RowPlace& place) const {
    const Part& part = parts_[place.batch];
    return part.valid == nullptr || bits::GetBit(part.valid, part.data->offset + place.row);
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
        const arrow::ArrayData& data = *parts_[place.batch].data;
        const size_t row = static_cast<size_t>(data.offset) + place.row;
        std::memcpy(out, data.buffers[1]->data() + row * size, size);
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
      const arrow::ArrayData& data = *parts_[place.batch].data;
      bits::SetBitTo(values->mutable_data(), i,
                     bits::GetBit(data.buffers[1]->data(), data.offset + place.row));
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
    const arrow::ArrayData& data = *parts_[place.batch].data;
    const int32_t* at = data.GetValues<int32_t>(1) + place.row;
    const auto size = static_cast<size_t>(at[1] - at[0]);
    return size == 0 ? std::span<const uint8_t>()
                     : std::span(data.buffers[2]->data() + at[0], size);
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

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> GatherRows(const Batches& batches, Places places) {
  arrow::ArrayVector columns;
  for (int column = 0; column < batches.front()->num_columns(); ++column) {
    OCTO_ASSIGN(auto gathered, ToResult(Column(batches, column).Gather(places), "copy of rows"));
    columns.push_back(std::move(gathered));
  }
  return arrow::RecordBatch::Make(batches.front()->schema(), static_cast<int64_t>(places.size()),
                                  std::move(columns));
}

}  // namespace octolake::datafile
