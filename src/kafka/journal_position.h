// How far a journal has come in Kafka: the last record of <topic>.positions whose key is the
// journal's UUID. It is written in the transaction that has the messages, so that what committed
// readers see of one they see of the other.
#pragma once

#include <cstdint>
#include <string>

#include "base/logging.h"
#include "base/result.h"
#include "base/uuid.h"
#include "kafka/client.h"

namespace octolake::kafka {

// A record's value, and back: {"sequence":N}. kCorruption for anything else.
std::string EncodePosition(uint64_t sequence);
Result<uint64_t> DecodePosition(std::string_view value);

// The sequence of the last record that a committed transaction has; 0: none. Waits for transactions
// of other journals that are under way on the topic, which hide what is behind them: kTransient if
// that takes longer than they may. Partition 0 holds all positions.
Result<uint64_t> ReadJournalPosition(const ClientOptions& options, const std::string& topic,
                                     const Uuid& journal, const Logger& logger);

}  // namespace octolake::kafka
