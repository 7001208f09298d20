// A catalog between a step and the real one, in which others commit at the worst moment, or whose
// answers are lost. For tests only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/catalog.h"

namespace octolake::lake {

class HookedCatalog final : public iceberg::Catalog {
 public:
  explicit HookedCatalog(iceberg::Catalog& inner) : inner_(inner) {}

  // Runs before each of the next commits, one a commit.
  std::vector<std::function<void()>> before_commit;
  // Commits take no effect and nothing is answered from then on.
  bool fall_silent = false;

  Status CreateNamespace(const std::string& name_space,
                         const iceberg::Properties& properties) override {
    return inner_.CreateNamespace(name_space, properties);
  }
  Result<std::vector<std::string>> ListNamespaces() override { return inner_.ListNamespaces(); }
  Result<std::vector<iceberg::TableIdentifier>> ListTables(const std::string& name_space) override {
    return inner_.ListTables(name_space);
  }
  std::string DefaultTableLocation(const iceberg::TableIdentifier& identifier) const override {
    return inner_.DefaultTableLocation(identifier);
  }
  Result<iceberg::Table> LoadTable(const iceberg::TableIdentifier& identifier) override {
    if (silent_) return MakeError(ErrorKind::kIo, "the catalog does not answer");
    return inner_.LoadTable(identifier);
  }
  Result<std::vector<iceberg::Table>> CommitTables(
      std::vector<iceberg::TableChange> changes) override {
    if (fall_silent) {
      silent_ = true;
      return MakeError(ErrorKind::kCommitStateUnknown, "the answer was lost");
    }
    if (!before_commit.empty()) {
      const auto hook = std::move(before_commit.front());
      before_commit.erase(before_commit.begin());
      hook();
    }
    return inner_.CommitTables(std::move(changes));
  }
  Status DropTable(const iceberg::TableIdentifier& identifier) override {
    return inner_.DropTable(identifier);
  }

 private:
  iceberg::Catalog& inner_;
  bool silent_ = false;
};

}  // namespace octolake::lake
