// What a process gives back when a piece of work is done.
#pragma once

namespace octolake::datafile {

// From now on threads give memory back as soon as a megabyte or so of it is free, rather than keep
// what their busiest moment took. To be called once, before threads start.
void LimitIdleMemory();

// Returns to the system what Arrow keeps for the calling thread and malloc for all. Takes some
// milliseconds; other threads may go on meanwhile.
void ReleaseFreeMemory();

// The same, and takes the code of the program and its libraries out of resident memory: what is
// used comes back from the page cache at its next use, and what is not, such as DuckDB between two
// runs of the pipeline, stays out. Takes some milliseconds; other threads may go on meanwhile.
void GiveBackIdleMemory();

}  // namespace octolake::datafile
