// A catalog between a step and the real one, in which others commit at the worst moment, or whose
// answers are lost. For tests only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "iceberg/catalog_decorator.h"

namespace octolake::lake {

// Which replies to commits are lost; shared by the catalogs of several processes.
struct ReplyLoss {
  int64_t commits_before = 0;  // that are answered
  int replies = 1;
  bool takes_effect = true;  // what is not answered
  bool then_silent = false;  // nothing is answered from then on, and nothing takes effect
  int64_t commits = 0;       // asked for so far
  int lost = 0;

  // Counts a commit.
  bool LosesNext() {
    if (commits++ < commits_before || lost == replies) return false;
    ++lost;
    return true;
  }
};

class HookedCatalog final : public iceberg::CatalogDecorator {
 public:
  using CatalogDecorator::CatalogDecorator;

  // Runs before each of the next commits, one a commit.
  std::vector<std::function<void()>> before_commit;
  // Runs before each table is loaded.
  std::function<void()> before_load;
  // Commits take no effect and nothing is answered from then on.
  bool fall_silent = false;
  std::shared_ptr<ReplyLoss> loss;
  // Once it has fallen silent.
  void AnswerAgain() { silent_ = false; }

  Result<iceberg::Table> LoadTable(const iceberg::TableIdentifier& identifier) override {
    if (silent_) return MakeError(ErrorKind::kIo, "the catalog does not answer");
    if (before_load) before_load();
    return inner().LoadTable(identifier);
  }
  Result<std::vector<iceberg::Table>> CommitTables(
      std::vector<iceberg::TableChange> changes) override {
    if (fall_silent || silent_) {
      silent_ = true;
      return MakeError(ErrorKind::kCommitStateUnknown, "the answer was lost");
    }
    if (!before_commit.empty()) {
      const auto hook = std::move(before_commit.front());
      before_commit.erase(before_commit.begin());
      hook();
    }
    if (loss && loss->LosesNext()) {
      silent_ = loss->then_silent;
      if (loss->takes_effect) OCTO_TRY(inner().CommitTables(std::move(changes)));
      return MakeError(ErrorKind::kCommitStateUnknown, "the answer was lost");
    }
    return inner().CommitTables(std::move(changes));
  }

 private:
  bool silent_ = false;
};

}  // namespace octolake::lake
