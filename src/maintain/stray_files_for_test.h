// A table of three rows with files beside it that nothing names: what tests of orphans and of their
// quarantine share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lake/warehouse_for_test.h"
#include "maintain/orphans.h"

namespace octolake::maintain {

inline constexpr char kDay[] = "2015-01-01T12:00:00Z";
inline constexpr int64_t kDayMs = int64_t{24} * 3'600'000;

class StrayFilesTest : public lake::WarehouseTest {
 protected:
  void SetUp() override {
    WarehouseTest::SetUp();
    for (int i = 0; i < 3; ++i) {
      const std::string id = std::to_string(i);
      Load({WriteFile(id + ".json", lake::EventLine(id, kDay))});
    }
    root_ = warehouse_->directory() + "/bronze/github_events";
  }

  std::string Put(const std::string& path, const std::string& content = "nobody's") {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << content;
    return path;
  }
  // The store's clock is the real one.
  static void MakeOld(const std::string& path, int64_t days = 4) {
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * days));
  }
  void MakeAllOld() {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(warehouse_->directory())) {
      if (entry.is_regular_file()) MakeOld(entry.path());
    }
  }
  Result<OrphanReport> Try(OrphanOptions options = {}) {
    return RemoveOrphans(*warehouse_, lake::BronzeEvents({}), options, {});
  }
  // Files in quarantine.
  std::vector<std::string> Held() {
    std::vector<std::string> names;
    const std::string quarantine = warehouse_->directory() + "/.quarantine";
    if (!std::filesystem::exists(quarantine)) return names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(quarantine)) {
      const std::string name = entry.path().filename();
      if (entry.is_regular_file() && name != "places") names.push_back(name);
    }
    return names;
  }
  // Where a removal at this time would have put a file of the table.
  std::string Away(const std::string& time, const std::string& path) {
    const std::string removal = warehouse_->directory() + "/.quarantine/" +
                                Bronze().metadata->table_uuid + "/" + time + "-x";
    Put(removal + "/places", "table file://" + root_ + "\n");
    std::string away = removal + "/table" + path.substr(root_.size());
    std::filesystem::create_directories(std::filesystem::path(away).parent_path());
    return away;
  }
  void ExpectWhole() {
    EXPECT_THAT(Column(lake::BronzeEvents({}), "id"), testing::ElementsAre("0", "1", "2"));
  }

  std::string root_;
};

}  // namespace octolake::maintain
