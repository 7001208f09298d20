// What the gateway is told by the rest of the program, of which it knows nothing.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace octolake::gateway {

// Thread-safe; asked by worker threads, so it must not wait for long.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  // Whether all parts work; the error says which one does not.
  virtual Status Ready() = 0;
  // A JSON object for the status page, and metrics in Prometheus' text format.
  virtual std::string StatusJson() = 0;
  virtual std::string MetricsText() = 0;
  // Where accepted events go and how far behind that is, as a JSON object without texts of errors:
  // anybody may ask.
  virtual std::string SinkJson() = 0;
  // The jobs that run by themselves, as a JSON object.
  virtual Result<std::string> JobsJson() = 0;
  // Has missed webhook deliveries looked for; the number of that run. kNotFound, saying what to do,
  // if no hooks are configured.
  virtual Result<int64_t> StartRecovery() = 0;
};

}  // namespace octolake::gateway
