#include "cli/journal_sink.h"

#include "io/file_system.h"
#include "io/local_file_system.h"

namespace octolake::cli {
namespace {

constexpr char kFile[] = "/sink";
constexpr char kKafka[] = "kafka\n";

}  // namespace

Result<Sink> SinkOfJournal(const std::string& directory) {
  const auto files = io::MakeLocalFileSystem();
  const std::string path = directory + kFile;
  const auto text = io::ReadAll(*files, path, sizeof kKafka);
  if (!text && text.error().kind == ErrorKind::kNotFound) return Sink::kBronze;
  if (!text) return tl::unexpected<Error>(text.error());
  if (*text == kKafka) return Sink::kKafka;
  return MakeError(ErrorKind::kCorruption,
                   path +
                       ": expected \"kafka\", found something else; write the former into it if "
                       "this journal was made by octolake up --sink kafka, else remove it");
}

Status ClaimJournal(const std::string& directory, Sink sink) {
  OCTO_ASSIGN(const Sink before, SinkOfJournal(directory));
  if (before == sink) return {};
  if (sink == Sink::kKafka)
    return io::WriteAll(*io::MakeLocalFileSystem(), directory + kFile, kKafka);
  return MakeError(
      ErrorKind::kInvalidArgument,
      "the events in the journal " + directory +
          " go to Kafka: start with --sink kafka (gateway.sink), or give --warehouse or "
          "state_directory another directory");
}

}  // namespace octolake::cli
