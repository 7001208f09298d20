// Which sources' rows of Bronze a step of Silver takes. The position passes over the others, so it
// stands beside the position, in the summary of the same snapshot: who takes more than those before
// it must read Bronze again.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "lake/position.h"

namespace octolake::lake {

// Values of Bronze's source column; empty: all.
using SourceSelection = std::vector<std::string>;

// "octolake.sources.bronze.github_events"
std::string SelectionProperty(const iceberg::TableIdentifier& bronze);
// What a commit's summary says of a selection: a JSON array in order, each source once; nothing of
// all.
iceberg::Properties SelectionSummary(const iceberg::TableIdentifier& bronze,
                                     const SourceSelection& selection);
// What the summary at the position says. kCorruption if it is no array of texts.
Result<SourceSelection> ReadSelection(const iceberg::Table& silver,
                                      const iceberg::TableIdentifier& bronze,
                                      const SourcePosition& position);

// Why Bronze must be read again by a step that takes `now`, after steps that took `before`; empty
// if they took all of that.
std::string ReasonToReadAgain(const SourceSelection& before, const SourceSelection& now);

}  // namespace octolake::lake
