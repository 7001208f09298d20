#include "kafka/position_judge.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/string_util.h"
#include "kafka/topics.h"

namespace octolake::kafka {
namespace {

// For partitions' ends that are only to be noted: one without a leader, which may be for long, does
// not hold up the others.
constexpr std::chrono::milliseconds kEndsWait{2'000};

}  // namespace

PositionJudge::PositionJudge(journal::Journal& journal, io::FileSystem& files, JudgeOptions options,
                             Logger logger)
    : journal_(journal),
      options_(std::move(options)),
      logger_(std::move(logger)),
      file_(files, options_.directory, journal.uuid()),
      position_(journal.first_sequence() - 1),
      opened_at_(journal.durable_sequence()) {
  const Status read = ReadFloor();
  if (!read) logger_->warn("{}", read.error().message);
}

// What the file says was so; the journal may be an older copy.
uint64_t PositionJudge::position_at_least() const {
  if (!floor_) return position_;
  return std::max(position_, std::min(floor_->sequence, journal_.durable_sequence()));
}

Status PositionJudge::Begin() {
  if (stopped_) return tl::unexpected<Error>(*stopped_);
  OCTO_TRY(ReadFloor());
  return CheckNotStopped();
}

Status PositionJudge::ReadFloor() {
  if (is_floor_read_) return {};
  OCTO_ASSIGN(const auto floor, file_.Read());
  is_floor_read_ = true;
  has_other_note_ = floor && floor->topic != options_.topic;
  if (!floor || has_other_note_) return {};
  floor_ = noted_ = floor;
  topic_id_ = floor->topic_id;
  // Noted, since the next start has more of its own, and may be the first that reaches Kafka.
  opened_at_ = std::min(*opened_at_, floor->opened_at.value_or(*opened_at_));
  floor_->opened_at = opened_at_;
  return Note(nullptr);
}

// By this producer or an earlier one.
Status PositionJudge::CheckNotStopped() {
  OCTO_ASSIGN(const auto why, file_.ReadStop());
  if (!why) return {};
  // The one that stopped may have had no time for it. What is noted of another topic stays.
  if (!has_other_note_) {
    MarkStopped();
    OCTO_TRY(Note(nullptr));
  }
  stopped_ = Error{ErrorKind::kCorruption, "sending was stopped, as " + file_.stop_location() +
                                               " says: " + std::string(Trim(*why, " \n"))};
  return tl::unexpected<Error>(*stopped_);
}

void PositionJudge::TakeTopicId(MessageTopics& topics) {
  const auto id = topics.Id();
  if (id && *id) {
    topic_id_ = **id;
  } else {
    logger_->warn("the id of topic {} is not known: {}", options_.topic,
                  id ? "it is gone" : id.error().message);
  }
}

Status PositionJudge::Judge(const std::optional<SentPosition>& sent, MessageTopics& topics) {
  OCTO_ASSIGN(const Verdict verdict, VerdictOn(sent, topics));
  const Status checked = journal_.CheckPosition({journal_.uuid(), verdict.sequence});
  if (!checked) return WithContext(checked.error(), "topic " + PositionsTopic(options_.topic));
  if (floor_ && !floor_->topic_id.empty() && topic_id_ != floor_->topic_id) {
    logger_->warn(
        "topic {} is not the one that had journal {} up to record {} (its id is {} and was {}): "
        "what was not read of it before is not there",
        options_.topic, journal_.uuid().ToString(), floor_->sequence, topic_id_, floor_->topic_id);
  }
  NowHas(verdict.sequence, sent);
  // With a position it is that by which the next one knows what was decided.
  floor_->decided = verdict.decided && !sent;
  return {};
}

void PositionJudge::Committed(uint64_t sequence) {
  NowHas(sequence, SentPosition{sequence, options_.sender});
}

// The topic of positions says it, unless that contradicts what was noted. Where it has nothing at
// all of the journal, and the events' topic is the one that had it, the topic of positions alone
// was removed or emptied, and what was committed to Kafka is there. Where it has an older position
// the whole cluster may have gone back, events included, and only a person can know.
Result<PositionJudge::Verdict> PositionJudge::VerdictOn(const std::optional<SentPosition>& sent,
                                                        MessageTopics& topics) {
  const uint64_t in_kafka = sent ? sent->sequence : 0;
  const std::string has = "topic " + PositionsTopic(options_.topic) + " has journal " +
                          journal_.uuid().ToString() + " up to record " + std::to_string(in_kafka);
  // Of one that stopped before anything was noted, nobody knows whose the position is.
  if (sent && floor_ && floor_->stopped && floor_->sequence == 0) return GoOnAfterAStop(in_kafka);
  const bool is_behind =
      floor_ && in_kafka < floor_->sequence;  // also of a producer long forgotten
  if (sent && !is_behind && !IsKnown(*sent)) {
    return StopForGood(ErrorKind::kInvalidArgument, in_kafka,
                       has + ", sent by another producer (" + sent->sender +
                           "): the journal's directory was copied, or an octolake that was "
                           "believed dead still runs. End one of them");
  }
  // The very one that was noted may be of another producer, and what it means is noted, too; as it
  // is where there still is none after a person has decided.
  const bool is_seen = floor_ && floor_->seen == sent && (sent || floor_->decided);
  const uint64_t sequence = is_seen ? floor_->sequence : in_kafka;
  if (opened_at_ && sequence > *opened_at_) {
    return StopForGood(ErrorKind::kCorruption, in_kafka,
                       has + ", and when octolake began, the journal ended with record " +
                           std::to_string(*opened_at_) +
                           ": an older copy of its directory was put here. Put the right one back");
  }
  if (is_seen) return Verdict{sequence, floor_->decided};
  if (!is_behind) return Verdict{in_kafka};
  const std::string lost = has + ", and had it up to " + std::to_string(floor_->sequence) +
                           " before: it was removed, or its records were";
  if (sent) return StopForGood(ErrorKind::kCorruption, in_kafka, lost + ". Put the topic back");
  OCTO_ASSIGN(const std::string more, LostBesidePositions(topics));
  if (!more.empty()) {
    return StopForGood(ErrorKind::kCorruption, in_kafka,
                       lost + "; " + more + ". Put the topics back");
  }
  logger_->warn(
      "Kafka at {}: topic {} has no position of journal {} any more, it was removed or emptied; "
      "topic {} is the one that had the journal up to record {}, so sending goes on behind that",
      options_.bootstrap_servers, PositionsTopic(options_.topic), journal_.uuid().ToString(),
      options_.topic, floor_->sequence);
  return Verdict{floor_->sequence};
}

// Empty if the topic of events is the one that had the journal, and has lost nothing of its end.
// Behind the position that is missing: topics that are made again later have one.
Result<std::string> PositionJudge::LostBesidePositions(MessageTopics& topics) {
  OCTO_ASSIGN(const auto id, topics.Id());
  if (!id) return MakeError(ErrorKind::kTransient, "topic " + options_.topic + " is gone");
  if (id->empty() || floor_->topic_id.empty()) {
    return "whether topic " + options_.topic + " is the one it was is not known";
  }
  if (*id != floor_->topic_id) return "topic " + options_.topic + " is not the one it was";
  OCTO_ASSIGN(const int64_t end, topics.Ends(std::nullopt));
  if (end > 0 && end >= floor_->messages_end) return std::string();
  return "the partitions of " + options_.topic + " and " + RejectedTopic(options_.topic) +
         " end at offsets whose sum is " + std::to_string(end) + ", and it was " +
         std::to_string(floor_->messages_end) + ": they have lost messages, too";
}

// A person has removed the file.
PositionJudge::Verdict PositionJudge::GoOnAfterAStop(uint64_t in_kafka) const {
  const uint64_t behind = LowerOf(in_kafka);
  const uint64_t first = journal_.first_sequence();
  const std::string gone = behind + 1 < first
                               ? "; the journal begins with record " + std::to_string(first) +
                                     ", what was before is gone"
                               : "";
  logger_->warn("journal {} is sent on behind record {}, since {} was removed{}",
                journal_.uuid().ToString(), behind, file_.stop_location(), gone);
  return {std::max(behind, first - 1), true};
}

// Each position says who sent it. That another one's has come is certain, however long anything
// took; of an error that looks like a fence that cannot be said: the coordinator answers in the
// same way where it has ended a transaction for its age.
bool PositionJudge::IsKnown(const SentPosition& sent) const {
  return !floor_ || floor_->noted_by.empty() || sent.sender == floor_->noted_by ||
         floor_->seen == sent;
}

// Behind it nothing is passed over that the journal still has, and only the journal's own records
// that Kafka has can come twice. All of them, if nothing was noted.
uint64_t PositionJudge::LowerOf(uint64_t in_kafka) const {
  return std::min({in_kafka, floor_ ? floor_->sequence : 0, opened_at_.value_or(in_kafka)});
}

// Where Kafka and the note contradict each other. Also for those who start later: the journal
// grows, and what was seen now would be seen no more. But behind a stop that a person has ended it
// goes on.
Result<PositionJudge::Verdict> PositionJudge::StopForGood(ErrorKind kind, uint64_t in_kafka,
                                                          const std::string& problem) {
  if (floor_ && floor_->stopped) return GoOnAfterAStop(in_kafka);
  std::string why = "Kafka at " + options_.bootstrap_servers + ": " + problem;
  const std::string file = file_.stop_location();
  if (!file.empty()) {
    why += ". To go on with this journal, remove " + file +
           " and start octolake again: it sends what the journal has behind record " +
           std::to_string(LowerOf(in_kafka)) +
           ", of which nothing is lost, and what Kafka has of it already comes twice";
  }
  MarkStopped();
  stopped_ = Error{kind, why};
  // In this order, or a kill in between would have the next start go on.
  Status written = file_.Stop(why);
  if (written) written = Note(nullptr);
  if (!written) {
    logger_->error("the next start may not know that sending has stopped: {}",
                   written.error().message);
  }
  return tl::unexpected<Error>(*stopped_);
}

void PositionJudge::MarkStopped() {
  if (!floor_) {
    floor_ = SentFloor{options_.topic, topic_id_, 0};
    floor_->opened_at = opened_at_;
  }
  floor_->stopped = true;
}

// Only of what a committed transaction has, or a person has decided.
void PositionJudge::NowHas(uint64_t sequence, const std::optional<SentPosition>& seen) {
  position_ = sequence;
  opened_at_.reset();
  // Asked for where it is noted; of a topic that was made again it is another one.
  const int64_t end = floor_ && floor_->topic_id == topic_id_ ? floor_->messages_end : 0;
  floor_ = SentFloor{options_.topic, topic_id_, sequence, seen, options_.sender};
  floor_->messages_end = end;
}

Status PositionJudge::Note(MessageTopics* topics) {
  if (!floor_ || floor_ == noted_) return {};
  if (topics != nullptr) {
    const auto end = topics->Ends(kEndsWait);
    if (end) {
      floor_->messages_end = *end;
    } else {
      logger_->warn("{}", end.error().message);
    }
  }
  // Behind the wait: the next one is not due as soon as this one is done.
  noted_at_ = std::chrono::steady_clock::now();
  OCTO_TRY(file_.Write(*floor_));
  noted_ = floor_;
  return {};
}

}  // namespace octolake::kafka
