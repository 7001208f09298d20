// Journals of which bytes were changed, lost or moved. What is read is what was written, in its
// order, from its beginning; what was acknowledged after a recovery is there at the next.
#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/fuzz.h"
#include "base/random.h"
#include "journal/inspection.h"
#include "journal/journal.h"
#include "journal/memory_segment_store_for_test.h"
#include "journal/recovery.h"
#include "journal/segment_format.h"

namespace octolake::journal {
namespace {

constexpr int kPassedRecords = 24;
constexpr int kRecords = 48;
constexpr int64_t kSegmentBytes = 8 << 10;
constexpr int kMostEdits = 16;
constexpr size_t kMostAppended = 64;

class Opener {
 public:
  Opener() { options_.segment_bytes = kSegmentBytes; }

  Result<std::unique_ptr<Journal>> Open(MemorySegmentStore& store) {
    return Journal::Open(store, options_, clock_, random_);
  }

 private:
  JournalOptions options_;
  ManualClock clock_{1'420'070'400'000'000};
  SeededRandom random_{1};
};

std::string BodyOf(int number) {
  return "body " + std::to_string(number) + std::string(static_cast<size_t>(number % 7) * 150, 'x');
}

Record MakeRecord(std::string body) {
  Record record;
  record.trace_id.bytes.fill(7);
  record.received_at = 1'420'070'400'000'000;
  record.source = "webhook";
  record.delivery_id = "delivery of " + body.substr(0, 8);
  record.headers = {{"X-GitHub-Event", "push"}};
  record.body = std::move(body);
  return record;
}

// A journal of some segments, as a process left it; some are in files that were written before.
const MemorySegmentStore& Whole() {
  static const auto* const whole = [] {
    auto* store = new MemorySegmentStore;
    Opener opener;
    const auto journal = fuzz::Value(opener.Open(*store), "a new journal");
    for (int i = 0; i < kRecords; ++i) {
      const uint64_t last = fuzz::Value(journal->AppendAndWait(MakeRecord(BodyOf(i))), "an append");
      if (last == kPassedRecords) {
        fuzz::Check(journal->Release("bronze", last).has_value(), "segments cannot be passed");
      }
    }
    return store;
  }();
  return *whole;
}

size_t Number(fuzz::Input& input, size_t below) {
  const size_t number = (size_t{input.Byte()} << 8) | input.Byte();
  return below == 0 ? 0 : number % below;
}

using Files = std::vector<std::pair<std::string, std::string>>;

void Edit(fuzz::Input& input, Files& files) {
  if (files.empty()) return;
  const uint8_t kind = input.Byte() % 6;
  const size_t file = input.Byte() % files.size();
  std::string& bytes = files[file].second;
  const size_t at = Number(input, bytes.size() + 1);
  switch (kind) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ input.Byte());
      return;
    case 1:
      return bytes.resize(at);
    case 2: {
      const size_t length = Number(input, bytes.size() - at + 1);
      return void(bytes.replace(at, length, length, '\0'));
    }
    case 3: {  // a piece of another place, or of another file
      const std::string& from = files[input.Byte() % files.size()].second;
      const std::string piece = from.substr(Number(input, from.size() + 1), Number(input, 600));
      return void(bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece));
    }
    case 4:
      return void(bytes.append(input.Byte() % kMostAppended, static_cast<char>(input.Byte())));
    default:
      files.erase(files.begin() + static_cast<std::ptrdiff_t>(file));
  }
}

void Fill(const Files& files, MemorySegmentStore& store) {
  for (const auto& [name, bytes] : files) {
    auto file = std::make_shared<MemorySegmentStore::File>();
    file->bytes = file->durable = bytes;
    store.files[name] = std::move(file);
  }
}

std::vector<SequencedRecord> ReadAll(Journal& journal, uint64_t after) {
  std::vector<SequencedRecord> all;
  const auto reader = journal.ReadAfter(after);
  while (true) {
    auto next = fuzz::Value(reader->Next(1000), "a journal that was opened cannot be read");
    if (next.empty()) return all;
    for (auto& one : next) all.push_back(std::move(one));
  }
}

// What the bytes of one file are, of which nothing is known, matters only to those who read them.
void ReadWhatever(std::string_view bytes) {
  MemorySegmentStore store;
  Fill({{SegmentName(1), std::string(bytes)}}, store);
  Opener opener;
  (void)VerifyJournal(store);
  const auto journal = opener.Open(store);
  if (journal) (void)(*journal)->ReadAfter(0)->Next(1000);
}

void ReadEdited(fuzz::Input& input) {
  Files files;
  for (const auto& [name, file] : Whole().files) files.emplace_back(name, file->bytes);
  for (int i = 0; i < kMostEdits && !input.Rest().empty(); ++i) Edit(input, files);
  MemorySegmentStore store;
  Fill(files, store);
  const auto verified = fuzz::Value(VerifyJournal(store), "verification fails");
  fuzz::Check(verified.records <= kRecords, "more records than were written");

  Opener opener;
  auto journal = opener.Open(store);
  if (!journal)
    return fuzz::Check(!verified.damages.empty(), "refused, but not damaged",
                       journal.error().message);
  const uint64_t first = (*journal)->first_sequence();
  const auto before = ReadAll(**journal, first - 1);
  for (const auto& [sequence, record] : before) {
    fuzz::Check(sequence >= 1 && sequence <= kRecords, "a record that was never written");
    fuzz::Check(record == MakeRecord(BodyOf(static_cast<int>(sequence) - 1)), "another record");
  }
  const uint64_t added = fuzz::Value((*journal)->AppendAndWait(MakeRecord("later")), "an append");
  journal->reset();
  const auto again = fuzz::Value(opener.Open(store), "a journal that was opened before");
  const auto after = ReadAll(*again, first - 1);
  fuzz::Check(after.size() == before.size() + 1, "another number of records at the next opening");
  fuzz::Check(after.back().sequence == added && after.back().record == MakeRecord("later"),
              "what was acknowledged is not there");
}

}  // namespace
}  // namespace octolake::journal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octolake;
  fuzz::Input input(data, size);
  if (input.Byte() % 4 == 0) {
    journal::ReadWhatever(input.Rest());
  } else {
    journal::ReadEdited(input);
  }
  return 0;
}
