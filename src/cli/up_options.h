// The configuration of `octolake up` as the gateway and the journal take it.
#pragma once

#include <string>

#include "base/config.h"
#include "base/result.h"
#include "gateway/gateway.h"
#include "journal/journal.h"
#include "lake/commit_loop.h"

namespace octolake::cli {

// `listen` is HOST:PORT, [IPv6]:PORT, or :PORT for loopback.
Result<gateway::GatewayOptions> GatewayOptionsOf(const Config& config, const std::string& listen);
Result<journal::JournalOptions> JournalOptionsOf(const Config& config);
lake::CommitLoopOptions CommitLoopOptionsOf(const Config& config);

}  // namespace octolake::cli
