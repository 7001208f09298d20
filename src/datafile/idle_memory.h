// What a process gives back when a piece of work is done.
#pragma once

namespace octolake::datafile {

// From now on threads give memory back as soon as a megabyte or so of it is free, rather than keep
// what their busiest moment took. To be called once, before threads start.
void LimitIdleMemory();

// From now on all threads share two of malloc's arenas, so that what one has freed another can
// take: by itself malloc has eight for each processor. For work by a few threads, which wait for
// other things than for malloc. To be called once, before threads start.
void LimitArenas();

// Returns to the system what Arrow keeps for the calling thread and malloc for all. Takes some
// milliseconds; other threads may go on meanwhile.
void ReleaseFreeMemory();

// The same, and takes the code of the program and its libraries out of resident memory: what is
// used comes back from the page cache at its next use, and what is not, such as DuckDB between two
// runs of the pipeline, stays out. Takes some milliseconds; other threads may go on meanwhile.
void GiveBackIdleMemory();

}  // namespace octolake::datafile
