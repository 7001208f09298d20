#include "iceberg/assert_property.h"

#include <utility>
#include <vector>

namespace octolake::iceberg {
namespace {

std::string ValueText(const std::optional<std::string>& value) {
  return value ? "'" + *value + "'" : "not set";
}

class AssertPropertyUpdate final : public TableUpdate {
 public:
  AssertPropertyUpdate(std::string name, std::optional<std::string> value)
      : name_(std::move(name)), value_(std::move(value)) {}

  Status Apply(const UpdateContext& /*context*/, TableMetadata& metadata) override {
    std::optional<std::string> actual;
    const auto found = metadata.properties.find(name_);
    if (found != metadata.properties.end()) actual = found->second;
    if (actual == value_) return {};
    return MakeError(ErrorKind::kCommitConflict,
                     "property " + name_ + " of table " + metadata.location + " is " +
                         ValueText(actual) + ", expected " + ValueText(value_) +
                         "; start again from the present state");
  }

  std::vector<std::string> Unused(const TableMetadata* /*committed*/) const override { return {}; }

 private:
  const std::string name_;
  const std::optional<std::string> value_;
};

}  // namespace

std::unique_ptr<TableUpdate> AssertProperty(std::string name, std::optional<std::string> value) {
  return std::make_unique<AssertPropertyUpdate>(std::move(name), std::move(value));
}

}  // namespace octolake::iceberg
