#include "datafile/column_cast.h"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/compute/initialize.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>

#include <string>

#include "datafile/arrow_status.h"

namespace octolake::datafile {
namespace {

enum class Kind {
  kNull,
  kBoolean,
  kExact,
  kFloating,
  kText,
  kBytes,
  kDate,
  kTime,
  kZoned,
  kLocal,
  kOther
};

Kind KindOf(const arrow::DataType& type) {
  const auto id = type.id();
  if (id == arrow::Type::NA) return Kind::kNull;
  if (id == arrow::Type::BOOL) return Kind::kBoolean;
  if (arrow::is_integer(id) || arrow::is_decimal(id)) return Kind::kExact;
  if (arrow::is_floating(id)) return Kind::kFloating;
  if (arrow::is_string(id) || id == arrow::Type::STRING_VIEW) return Kind::kText;
  if (arrow::is_binary_like(id) || id == arrow::Type::LARGE_BINARY ||
      id == arrow::Type::BINARY_VIEW || id == arrow::Type::FIXED_SIZE_BINARY) {
    return Kind::kBytes;
  }
  if (arrow::is_date(id)) return Kind::kDate;
  if (arrow::is_time(id)) return Kind::kTime;
  if (id == arrow::Type::TIMESTAMP) {
    return static_cast<const arrow::TimestampType&>(type).timezone().empty() ? Kind::kLocal
                                                                             : Kind::kZoned;
  }
  if (id == arrow::Type::DICTIONARY) {
    return KindOf(*static_cast<const arrow::DictionaryType&>(type).value_type());
  }
  return Kind::kOther;
}

bool MayCast(const arrow::DataType& from_type, const arrow::DataType& to_type) {
  const Kind from = KindOf(from_type);
  const Kind to = KindOf(to_type);
  if (from == Kind::kOther || to == Kind::kOther) return false;
  if (from == Kind::kNull || from == to) return true;
  if (from == Kind::kExact && to == Kind::kFloating) return arrow::is_integer(from_type.id());
  return from == Kind::kText && to == Kind::kBytes;
}

// Arrow's own check of float for double lets 0.1 become another number.
bool LosesDigits(const arrow::DataType& from, const arrow::DataType& to) {
  return arrow::is_floating(from.id()) && arrow::is_floating(to.id()) &&
         from.bit_width() > to.bit_width();
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> CastColumn(const std::shared_ptr<arrow::Array>& array,
                                                 const std::shared_ptr<arrow::DataType>& type) {
  if (array->type()->Equals(*type)) return array;
  if (!MayCast(*array->type(), *type) || LosesDigits(*array->type(), *type)) {
    return MakeError(ErrorKind::kUnsupported, "a value of type " + array->type()->ToString() +
                                                  " cannot be stored as " + type->ToString() +
                                                  " without loss; cast it first");
  }
  if (array->type_id() == arrow::Type::NA) {
    return ToResult(arrow::MakeArrayOfNull(type, array->length()), "a column of NULLs");
  }
  static const arrow::Status kernels = arrow::compute::Initialize();
  OCTO_TRY(ToStatus(kernels, "Arrow's compute kernels"));
  auto cast = arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe(type));
  if (cast.ok()) return cast.MoveValueUnsafe();
  Error error = FromArrow(cast.status(), "cast to " + type->ToString());
  if (cast.status().IsInvalid()) error.kind = ErrorKind::kInvalidArgument;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace octolake::datafile
