// What a process takes of memory, and gives back when a piece of work is done.
#pragma once

namespace octolake::datafile {

// From now on threads give memory back as soon as a megabyte or so of it is free, rather than keep
// what their busiest moment took. To be called once, before threads start.
void LimitIdleMemory();

// From now on all threads share two of malloc's arenas, so that what one has freed another can
// take: by itself malloc has eight for each processor. For work by a few threads, which wait for
// other things than for malloc. To be called once, before threads start.
void LimitArenas();

// From now on memory is taken from the system by the page, not by the 2 MiB, which Arrow's
// allocator asks for: its pieces, of many sizes, lie on many of those, a quarter of which is never
// used, and all of which the system has to clear. For work that holds much for a short time. To be
// called once, before there is much.
void TakeMemoryByThePage();

// Returns to the system what Arrow keeps for the calling thread and malloc for all. Takes some
// milliseconds; other threads may go on meanwhile.
void ReleaseFreeMemory();

// The same, and takes the code of the program and its libraries out of resident memory: what is
// used comes back from the page cache at its next use, and what is not, such as DuckDB between two
// runs of the pipeline, stays out. Takes some milliseconds; other threads may go on meanwhile.
void GiveBackIdleMemory();

}  // namespace octolake::datafile
