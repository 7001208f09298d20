// Which webhook deliveries were stored in the last days, so that one that comes again is stored
// once. The memory is in the journal itself: the delivery ids of its records, and checkpoints
// (records of source kDeliveriesSource) that carry them on when old segments are removed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "journal/journal.h"

namespace octolake::journal {

// The source of checkpoints, in the journal.
inline constexpr std::string_view kDeliveriesSource = "octolake.deliveries";
// The journal's consumer that keeps segments until their ids are in a checkpoint.
inline constexpr const char kDeliveriesConsumer[] = "deliveries";

struct DeliveryMemoryOptions {
  // Ids are forgotten a UTC day at a time, when the whole day is longer ago than this.
  int64_t keep_micros = int64_t{4} * 24 * 3600 * 1'000'000;
  // 16 bytes each, about 50 in memory. Beyond it the oldest day is forgotten early.
  int64_t max_ids = 2'000'000;
};

struct DeliveryMemoryStats {
  int64_t ids = 0;
  int64_t under_way = 0;
  int64_t forgotten_early = 0;  // because of max_ids
  int64_t checkpoints = 0;
};

// Thread-safe. An id is known by the first 16 bytes of its SHA-256.
class DeliveryMemory {
 public:
  // Reads the journal. Call before any consumer releases records of it. Both must outlive this.
  static Result<std::unique_ptr<DeliveryMemory>> Open(Journal& journal, const Clock& clock,
                                                      const DeliveryMemoryOptions& options);
  virtual ~DeliveryMemory() = default;

  enum class Start {
    kNew,       // the caller stores it, and then calls End
    kSeen,      // it is durable already
    kUnderWay,  // somebody else is storing it; `decided` will be told how that ended
  };
  using Decided = std::function<void(bool durable)>;

  // Of two equal deliveries at once one is kNew. `decided` is kept for kUnderWay only; it is called
  // by the thread that calls End, and must not block.
  virtual Start Begin(std::string_view delivery_id, Decided decided) = 0;
  // How a kNew one ended. Call it in the Done of the journal's Append, or when that refused the
  // record. Only what is durable is remembered; else the next equal delivery is kNew.
  virtual void End(std::string_view delivery_id, TimestampMicros received_at, bool durable) = 0;
  virtual bool Seen(std::string_view delivery_id) const = 0;

  // Call now and then when another consumer has passed `sequence`: if that lets go of whole
  // segments with more than twice the bytes of a checkpoint, or the journal is full, writes one and
  // lets go of them as well. Not from a Done of the journal.
  virtual Status Passed(uint64_t sequence) = 0;

  virtual DeliveryMemoryStats Stats() const = 0;
};

}  // namespace octolake::journal
