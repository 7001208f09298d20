// Conditions that DuckDB's planner pushed down to a scan, from the text of its plan to a filter
// that file pruning understands. Internal to sql/.
#pragma once

#include <string_view>

#include "iceberg/scan.h"
#include "iceberg/type.h"

namespace octolake::sql {

// `text` is one entry of a scan's "Filters", for example
//   created_at>='2015-01-02 00:00:00+00'::TIMESTAMP WITH TIME ZONE AND (lower(event_type) = 'x')
// Every row that passes the scan passes what is returned; conditions that are not understood are
// left out, so the filter may be empty. Understood are comparisons of a column with a constant, IN,
// IS [NOT] NULL and comparisons of a timestamp's date, on columns of the schema that are boolean,
// int, long, string, date, timestamp or timestamptz. Not floating point: DuckDB takes NaN for the
// greatest value, bounds leave it out.
iceberg::Filter ParsePushedFilter(std::string_view text, const iceberg::Schema& schema);

// Whether DuckDB prints a name as it is and nothing else can be read into it: letters, digits and
// underscores, not beginning with a digit.
bool IsPlainName(std::string_view name);

}  // namespace octolake::sql
