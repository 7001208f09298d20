// Which columns of a data file are encoded with a dictionary.
#pragma once

namespace arrow {
class Array;
}

namespace octolake::datafile {

// Whether the values repeat so much that a dictionary makes the column smaller. Looks at the
// beginning only; few values say nothing, and a dictionary of them costs nothing.
bool DictionaryPays(const arrow::Array& sample);

}  // namespace octolake::datafile
