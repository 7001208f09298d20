// A catalog that passes everything on to another; to derive from where a part is to be different.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/catalog.h"

namespace octolake::iceberg {

class CatalogDecorator : public Catalog {
 public:
  // `inner` must outlive this.
  explicit CatalogDecorator(Catalog& inner) : inner_(inner) {}
  explicit CatalogDecorator(std::unique_ptr<Catalog> inner)
      : owned_(std::move(inner)), inner_(*owned_) {}

  Status CreateNamespace(const std::string& name_space, const Properties& properties) override {
    return inner_.CreateNamespace(name_space, properties);
  }
  Result<std::vector<std::string>> ListNamespaces() override { return inner_.ListNamespaces(); }
  Result<std::vector<TableIdentifier>> ListTables(const std::string& name_space) override {
    return inner_.ListTables(name_space);
  }
  std::string DisplayName() const override { return inner_.DisplayName(); }
  std::string RepairCommand(const TableIdentifier& identifier,
                            const std::string& location) const override {
    return inner_.RepairCommand(identifier, location);
  }
  std::string DefaultTableLocation(const TableIdentifier& identifier) const override {
    return inner_.DefaultTableLocation(identifier);
  }
  Result<Table> LoadTable(const TableIdentifier& identifier) override {
    return inner_.LoadTable(identifier);
  }
  Result<std::vector<Table>> CommitTables(std::vector<TableChange> changes) override {
    return inner_.CommitTables(std::move(changes));
  }
  Result<std::vector<std::string>> MetadataOfOtherCatalogs() override {
    return inner_.MetadataOfOtherCatalogs();
  }
  Status DropTable(const TableIdentifier& identifier) override {
    return inner_.DropTable(identifier);
  }
  Status AwaitCommits() override { return inner_.AwaitCommits(); }

 protected:
  Catalog& inner() { return inner_; }

 private:
  const std::unique_ptr<Catalog> owned_;
  Catalog& inner_;
};

}  // namespace octolake::iceberg
