// "Schema Evolution" in the specification.
#include <algorithm>
#include <set>
#include <utility>

#include "iceberg/table_metadata_check.h"
#include "iceberg/update.h"

namespace octolake::iceberg {
namespace {

constexpr ErrorKind kRefused = ErrorKind::kUnsupported;

bool IsWidening(const Type& from, const Type& to) {
  if (from.id == TypeId::kInt) return to.id == TypeId::kLong;
  if (from.id == TypeId::kFloat) return to.id == TypeId::kDouble;
  return from.id == TypeId::kDecimal && to.id == TypeId::kDecimal && from.scale == to.scale &&
         from.precision < to.precision;
}

tl::unexpected<Error> Refuse(const TableMetadata& table, const std::string& column,
                             const std::string& why) {
  return MakeError(kRefused, "table " + table.location + ": column '" + column + "' " + why);
}

// The new columns of one table.
class ColumnEvolution {
 public:
  ColumnEvolution(const TableMetadata& table, const SchemaEvolution& evolution)
      : table_(table), evolution_(evolution), last_column_id_(table.last_column_id) {}

  Status Run() {
    for (const Field& wanted : evolution_.wanted.fields) {
      const Field* own = Find(wanted.name);
      if (own == nullptr) {
        Add(wanted);
      } else {
        OCTO_TRY(Change(*own, wanted));
      }
    }
    for (const Field& own : table_.CurrentSchema().fields) {
      if (taken_.contains(own.id)) continue;
      if (!evolution_.rows_are_replaced) {
        columns_.push_back(own);
      } else if (Places(own.id)) {
        return RefusePlacing(own, "cannot be dropped");
      }
    }
    return {};
  }

  const std::vector<Field>& columns() const { return columns_; }
  int32_t last_column_id() const { return last_column_id_; }

 private:
  const Field* Find(const std::string& name) const {
    const Schema& schema = table_.CurrentSchema();
    if (const Field* own = schema.FindByName(name)) return own;
    const auto former = evolution_.former_names.find(name);
    if (former == evolution_.former_names.end()) return nullptr;
    // A column that is wanted under the former name, too, is another one.
    if (evolution_.wanted.FindByName(former->second) != nullptr) return nullptr;
    return schema.FindByName(former->second);
  }

  // Optional, since the rows that are there have no value.
  void Add(Field column) {
    column.id = ++last_column_id_;
    column.required = false;
    columns_.push_back(std::move(column));
  }

  Status Change(const Field& own, const Field& wanted) {
    taken_.insert(own.id);
    const bool same = *own.type == *wanted.type;
    if (!same && Places(own.id)) {
      return RefusePlacing(own, "cannot become " + TypeName(*wanted.type));
    }
    if (!same && !IsWidening(*own.type, *wanted.type)) {
      if (!evolution_.rows_are_replaced) return RefuseType(own, wanted);
      Add(wanted);
      return {};
    }
    Field column = wanted;
    column.id = own.id;
    column.required = own.required && wanted.required;
    columns_.push_back(std::move(column));
    return {};
  }

  // Whether rows are assigned to partitions, or ordered, by the column. Manifests hold partition
  // values in the type that the column has.
  bool Places(int32_t id) const {
    const auto is_source = [&](const auto& field) { return field.source_id == id; };
    return std::any_of(table_.partition_specs.begin(), table_.partition_specs.end(),
                       [&](const PartitionSpec& spec) {
                         return std::any_of(spec.fields.begin(), spec.fields.end(), is_source);
                       }) ||
           std::any_of(table_.sort_orders.begin(), table_.sort_orders.end(),
                       [&](const SortOrder& order) {
                         return std::any_of(order.fields.begin(), order.fields.end(), is_source);
                       });
  }

  Status RefusePlacing(const Field& own, const std::string& what) const {
    return Refuse(table_, own.name,
                  "(" + TypeName(*own.type) + ") " + what +
                      ": the table is partitioned or sorted by it; drop the "
                      "table, or move it to another name, to make it anew");
  }

  Status RefuseType(const Field& own, const Field& wanted) const {
    return Refuse(table_, own.name,
                  "is " + TypeName(*own.type) + " and should be " + TypeName(*wanted.type) +
                      ": types can only be widened (int to long, float to double, a decimal to "
                      "more digits); rename or drop the column with another engine, and a new one "
                      "is added");
  }

  const TableMetadata& table_;
  const SchemaEvolution& evolution_;
  int32_t last_column_id_;
  std::vector<Field> columns_;
  std::set<int32_t> taken_;  // ids of the table's columns that are wanted
};

// Rows can be identified by required columns only.
std::vector<int32_t> IdentifierFields(const Schema& before, const std::vector<Field>& columns) {
  std::vector<int32_t> kept;
  for (const int32_t id : before.identifier_field_ids) {
    const bool required = std::any_of(columns.begin(), columns.end(), [&](const Field& column) {
      return column.id == id && column.required;
    });
    if (required) kept.push_back(id);
  }
  return kept;
}

void MakeCurrent(TableMetadata& metadata, Schema schema) {
  int32_t highest = 0;
  for (const Schema& known : metadata.schemas) {
    schema.schema_id = known.schema_id;
    if (known == schema) {
      metadata.current_schema_id = known.schema_id;
      return;
    }
    highest = std::max(highest, known.schema_id);
  }
  schema.schema_id = highest + 1;
  metadata.current_schema_id = schema.schema_id;
  metadata.schemas.push_back(std::move(schema));
}

class EvolveSchemaUpdate final : public TableUpdate {
 public:
  explicit EvolveSchemaUpdate(SchemaEvolution evolution) : evolution_(std::move(evolution)) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    ColumnEvolution evolved(metadata, evolution_);
    OCTO_TRY(evolved.Run());
    Schema schema;
    schema.fields = evolved.columns();
    schema.identifier_field_ids = IdentifierFields(metadata.CurrentSchema(), schema.fields);
    OCTO_TRY(CheckSchema(schema, kRefused));
    OCTO_TRY(CheckSpec(schema, metadata.DefaultSpec(), kRefused));
    OCTO_TRY(CheckSpecNames(schema, metadata.DefaultSpec(), kRefused));
    metadata.last_column_id = evolved.last_column_id();
    MakeCurrent(metadata, std::move(schema));
    return {};
  }

  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }

 private:
  const SchemaEvolution evolution_;
};

class AssertColumnsUpdate final : public TableUpdate {
 public:
  explicit AssertColumnsUpdate(std::vector<Field> columns) : columns_(std::move(columns)) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    if (metadata.CurrentSchema().fields == columns_) return {};
    return MakeError(ErrorKind::kCommitConflict,
                     "somebody else changed the columns of table " + metadata.location +
                         " meanwhile; start again from the present state");
  }

  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }

 private:
  const std::vector<Field> columns_;
};

}  // namespace

std::unique_ptr<TableUpdate> EvolveSchema(SchemaEvolution evolution) {
  return std::make_unique<EvolveSchemaUpdate>(std::move(evolution));
}

std::unique_ptr<TableUpdate> AssertColumns(std::vector<Field> columns) {
  return std::make_unique<AssertColumnsUpdate>(std::move(columns));
}

}  // namespace octolake::iceberg
