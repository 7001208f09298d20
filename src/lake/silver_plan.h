// What a run of Silver reads, cut into commits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/scan.h"
#include "io/file_system.h"
#include "lake/position.h"
#include "lake/source_selection.h"

namespace octolake::lake {

// The files of one or several whole snapshots of Bronze; read and committed together.
struct SilverChunk {
  std::vector<iceberg::ScanTask> files;
  int64_t rows = 0;  // of the files, deleted ones too
  // Everything up to this snapshot is consumed once the chunk is committed; nullopt: nothing can be
  // said before the last chunk.
  std::optional<int64_t> position;
};

struct SilverPlan {
  std::vector<SilverChunk> chunks;  // none if there is nothing to do
  int64_t rows = 0;
  std::string rescan_reason;  // why Bronze is read as a whole, if it is and was not before
};

struct SilverPlanRequest {
  SourcePosition position;
  bool rescan = false;
  int64_t commit_rows = 0;
  SourceSelection sources;
  SourceSelection sources_before;  // of those who brought the position to where it is
};

// Bronze must have a current snapshot.
Result<SilverPlan> PlanSilver(io::FileSystem& fs, const iceberg::Table& bronze,
                              const SilverPlanRequest& request);

}  // namespace octolake::lake
