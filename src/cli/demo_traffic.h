// Synthetic events sent to a gateway through its own door.
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include "base/logging.h"
#include "base/pause.h"
#include "base/result.h"

namespace octolake::cli {

struct DemoOptions {
  std::string host;
  int port = 0;
  std::string token;  // empty: none
  double rate = 50;   // events a second
  uint64_t seed = 1;
};

class DemoTraffic {
 public:
  DemoTraffic(DemoOptions options, Logger logger);
  // Ends after the request at hand.
  ~DemoTraffic();

  // Once.
  Status Start();

 private:
  void Work();

  const DemoOptions options_;
  Logger logger_;
  EndablePause pause_;
  std::jthread thread_;  // last: it uses all the others
};

}  // namespace octolake::cli
