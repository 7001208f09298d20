// Where the events of a journal go, kept with the journal: who commits them needs no command line.
#pragma once

#include <string>

#include "base/result.h"

namespace octolake::cli {

enum class Sink { kBronze, kKafka };

// Of the journal in this directory; kBronze for one that never said so.
Result<Sink> SinkOfJournal(const std::string& directory);

// Has the journal's events go there from now on. kInvalidArgument if they went to Kafka and are to
// go to Bronze: what Kafka has of them would come to Bronze from here as well.
Status ClaimJournal(const std::string& directory, Sink sink);

}  // namespace octolake::cli
