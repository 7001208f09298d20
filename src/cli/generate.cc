#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

#include "cli/command.h"
#include "event/generator.h"

namespace octolake::cli {
namespace {

struct GenerateFlags {
  int64_t events = 1000;
  double rate = 0;
  uint64_t seed = 1;
  std::string era = "2025";
  std::string to = "-";
};

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

Result<File> OpenTarget(const std::string& to) {
  if (to.find("://") != std::string::npos) {
    return MakeError(ErrorKind::kUnsupported,
                     "--to " + to + ": events are written to a file or to - (standard output)");
  }
  if (to == "-") return File(stdout, [](std::FILE*) { return 0; });
  File file(std::fopen(to.c_str(), "wb"), std::fclose);
  if (file == nullptr) {
    return MakeError(ErrorKind::kIo, "cannot write " + to + ": " + std::strerror(errno));
  }
  return file;
}

// Writes at most `rate` events a second, by the clock of the run's start, so that it does not
// drift.
class Pace {
 public:
  explicit Pace(double rate) : rate_(rate), start_(std::chrono::steady_clock::now()) {}
  void Wait(int64_t events_written) const {
    if (rate_ <= 0) return;
    const std::chrono::duration<double> due(static_cast<double>(events_written) / rate_);
    std::this_thread::sleep_until(start_ + due);
  }

 private:
  double rate_;
  std::chrono::steady_clock::time_point start_;
};

Status WriteEvents(const Context& context, const GenerateFlags& flags, event::Era era,
                   std::FILE* out) {
  event::GeneratorOptions options;
  options.seed = flags.seed;
  options.era = era;
  if (flags.rate > 0) options.rate = flags.rate;
  event::EventGenerator generator(options);
  const Pace pace(flags.rate);
  for (int64_t written = 0; written < flags.events; ++written) {
    pace.Wait(written);
    const std::string line = generator.Next() + "\n";
    if (std::fwrite(line.data(), 1, line.size(), out) != line.size()) break;
    if (flags.rate > 0) std::fflush(out);
    context.progress.OnProgress({"generate", "events", written + 1, flags.events});
  }
  if (std::fflush(out) == 0 && std::ferror(out) == 0) return {};
  return MakeError(ErrorKind::kIo, "cannot write " + flags.to + ": " + std::strerror(errno));
}

int Generate(const Context& context, const GenerateFlags& flags) {
  Result<event::Era> era = event::ParseEra(flags.era);
  if (!era) return context.FailUsage(era.error());
  Result<File> out = OpenTarget(flags.to);
  if (!out) return context.Fail(out.error());
  Status written = WriteEvents(context, flags, *era, out->get());
  context.progress.Clear();
  return written ? kDone : context.Fail(written.error());
}

}  // namespace

void AddGenerateCommand(CLI::App& app, Action& chosen) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* command = app.add_subcommand("generate", "Write synthetic events");
  command->add_option("--events", flags->events, "How many (1000)")->check(CLI::NonNegativeNumber);
  command->add_option("--rate", flags->rate, "Events a second; as fast as it goes if not given")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", flags->seed, "The same seed gives the same events (1)");
  command->add_option("--era", flags->era, "2011, 2015 or 2025 (the default)");
  command->add_option("--to", flags->to, "A file, or - for standard output (the default)");
  command->callback([flags, &chosen] {
    chosen = [flags](const Context& context) { return Generate(context, *flags); };
  });
}

}  // namespace octolake::cli
