#include "kafka/position_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/temp_directory_for_test.h"
#include "io/local_file_system.h"
#include "journal/journal_for_test.h"
#include "journal/memory_segment_store_for_test.h"

namespace octolake::kafka {
namespace {

using testing::HasSubstr;

class FakeTopics final : public MessageTopics {
 public:
  Result<std::optional<std::string>> Id() override { return id; }
  Result<int64_t> Ends(std::optional<std::chrono::milliseconds> limit) override {
    last_limit = limit;
    return ends;
  }

  Result<std::optional<std::string>> id = std::optional<std::string>("first");
  Result<int64_t> ends = 5;
  std::optional<std::chrono::milliseconds> last_limit;
};

Error Away() { return {ErrorKind::kTransient, "the broker is away"}; }

class PositionJudgeTest : public testing::Test {
 protected:
  PositionJudgeTest() { journal_ = journal::OpenJournal(store_, journal::SmallSegments()); }

  PositionJudge Start(const std::string& sender) {
    return {*journal_, *files_, {"broker:9092", "events", directory_, sender}, MakeNullLogger()};
  }
  // As a producer does with each connection, where Kafka has this position.
  Status Connect(PositionJudge& judge, const std::optional<SentPosition>& sent) {
    OCTO_TRY(judge.Begin());
    judge.TakeTopicId(topics_);
    OCTO_TRY(judge.Judge(sent, topics_));
    return judge.Note(&topics_);
  }
  // Where Kafka has no position yet, or this one, and then one more transaction is committed.
  void Send(const std::string& sender, const std::optional<SentPosition>& sent, uint64_t sequence) {
    auto judge = Start(sender);
    const Status connected = Connect(judge, sent);
    ASSERT_TRUE(connected) << connected.error().message;
    judge.Committed(sequence);
    ASSERT_TRUE(judge.Note(&topics_));
  }
  void PutRecords(int count) {
    for (int i = 0; i < count; ++i) journal::Put(*journal_, "{}");
  }
  std::optional<SentFloor> Noted() {
    return SentFloorFile(*files_, temp_.path(), journal_->uuid()).Read().value();
  }
  std::string StopFile() const { return temp_.path() + "/kafka.stopped"; }
  // As a person would.
  void RemoveTheStop() {
    ASSERT_TRUE(files_->Stat(StopFile()));
    ASSERT_TRUE(files_->Remove(StopFile()));
  }
  // Of producers that start one after the other.
  void ExpectStopped(const std::optional<SentPosition>& sent, ErrorKind kind,
                     const std::string& why) {
    {
      auto judge = Start("one that stops");
      const Status connected = Connect(judge, sent);
      ASSERT_FALSE(connected);
      EXPECT_EQ(connected.error().kind, kind);
      EXPECT_THAT(connected.error().message, HasSubstr(why));
      EXPECT_THAT(connected.error().message, HasSubstr("remove " + StopFile()));
      EXPECT_TRUE(judge.is_stopped());
    }
    // Whatever Kafka says by then.
    auto judge = Start("the next");
    const Status begun = judge.Begin();
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().kind, ErrorKind::kCorruption);
    EXPECT_THAT(begun.error().message, HasSubstr(why));
  }
  // Where a new producer goes on.
  uint64_t GoesOnBehind(const std::optional<SentPosition>& sent) {
    auto judge = Start("one that goes on");
    const Status connected = Connect(judge, sent);
    EXPECT_TRUE(connected) << connected.error().message;
    return judge.position();
  }

  const TempDirectory temp_;
  std::string directory_ = temp_.path();
  const std::unique_ptr<io::FileSystem> files_ = io::MakeLocalFileSystem();
  journal::MemorySegmentStore store_;
  std::unique_ptr<journal::Journal> journal_;
  FakeTopics topics_;
};

TEST_F(PositionJudgeTest, TakesWhatKafkaHas) {
  PutRecords(20);
  auto judge = Start("a");
  EXPECT_EQ(judge.position(), 0u);
  ASSERT_TRUE(Connect(judge, std::nullopt));
  EXPECT_EQ(judge.position(), 0u);
  judge.Committed(10);
  EXPECT_EQ(judge.position(), 10u);
  // A commit whose answer was lost.
  ASSERT_TRUE(Connect(judge, SentPosition{20, "a"}));
  EXPECT_EQ(judge.position(), 20u);
}

TEST_F(PositionJudgeTest, NotesWhatIsCommittedAndWhoSends) {
  PutRecords(20);
  {
    auto judge = Start("a");
    EXPECT_EQ(judge.position_at_least(), 0u);
    ASSERT_TRUE(Connect(judge, std::nullopt));
    EXPECT_EQ(Noted(), (SentFloor{"events", "first", 0, std::nullopt, "a", 5}));
    judge.Committed(10);
    topics_.ends = 9;
    ASSERT_TRUE(judge.Note(&topics_));
    const SentFloor noted{"events", "first", 10, SentPosition{10, "a"}, "a", 9};
    EXPECT_EQ(Noted(), noted);
    // Nothing new, nothing written.
    topics_.ends = 10;
    ASSERT_TRUE(judge.Note(&topics_));
    EXPECT_EQ(Noted(), noted);
  }
  // Nothing is let go of for what was noted.
  EXPECT_EQ(Start("b").position(), 0u);
  EXPECT_EQ(Start("b").position_at_least(), 10u);
}

TEST_F(PositionJudgeTest, NotesOfAnotherTopicSayNothing) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  PositionJudge judge(*journal_, *files_, {"broker:9092", "another", directory_, "b"},
                      MakeNullLogger());
  EXPECT_EQ(judge.position_at_least(), 0u);
  ASSERT_TRUE(Connect(judge, std::nullopt));
  EXPECT_EQ(judge.position(), 0u);
}

TEST_F(PositionJudgeTest, WithoutADirectoryItKnowsWhatItHasSent) {
  directory_.clear();
  PutRecords(20);
  auto judge = Start("a");
  ASSERT_TRUE(Connect(judge, std::nullopt));
  judge.Committed(10);
  const Status connected = Connect(judge, SentPosition{4, "a"});
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(connected.error().message, HasSubstr("up to record 4, and had it up to 10"));
  const Status again = Connect(judge, SentPosition{10, "a"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, connected.error().message);
}

// A cluster that was lost and made anew, and an old journal.
TEST_F(PositionJudgeTest, WhatAPersonDecidedOutlivesStartsThatSendNothing) {
  PutRecords(400);
  Send("a", std::nullopt, 300);
  ASSERT_TRUE(journal_->Release("kafka", 300));
  const uint64_t first = journal_->first_sequence();
  ASSERT_GT(first, 100u);
  topics_.id = std::optional<std::string>("second");
  topics_.ends = 0;
  ExpectStopped(std::nullopt, ErrorKind::kCorruption, "topic events is not the one it was");
  RemoveTheStop();
  EXPECT_EQ(GoesOnBehind(std::nullopt), first - 1);
  {
    auto judge = Start("that loses its connection and the next before a transaction");
    for (int connection = 0; connection < 3; ++connection) {
      const Status connected = Connect(judge, std::nullopt);
      ASSERT_TRUE(connected) << connected.error().message;
      EXPECT_EQ(judge.position(), first - 1);
    }
  }
  // That was no word on what others send.
  ExpectStopped(SentPosition{first, "another one"}, ErrorKind::kInvalidArgument,
                "sent by another producer");
  RemoveTheStop();
  topics_.ends = 9;
  Send("b", SentPosition{first, "another one"}, first + 10);
  // Nor on what is lost once something was sent.
  topics_.ends = 4;
  ExpectStopped(std::nullopt, ErrorKind::kCorruption, "it was removed");
}

// Topics that went back in time: positions, and maybe events.
TEST_F(PositionJudgeTest, DoesNotGoBackBehindWhatWasNoted) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  ExpectStopped(SentPosition{4, "a"}, ErrorKind::kCorruption,
                "up to record 4, and had it up to 10");
  RemoveTheStop();
  EXPECT_EQ(GoesOnBehind(SentPosition{4, "a"}), 4u);
}

// Records that were acknowledged, and are in Kafka under no number: those are another one's.
TEST_F(PositionJudgeTest, StopsWhereAnotherHasSentAndLosesNothing) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  const SentPosition theirs{12, "another one"};
  ExpectStopped(theirs, ErrorKind::kInvalidArgument, "sent by another producer (another one)");
  RemoveTheStop();
  EXPECT_EQ(GoesOnBehind(theirs), 10u);
  // What that position means now outlives a producer that could not send.
  EXPECT_EQ(GoesOnBehind(theirs), 10u);
}

// Nobody had sent anything when this one began, and somebody has when it looks again.
TEST_F(PositionJudgeTest, StopsWhereAnotherWasTheFirstToSend) {
  PutRecords(5);
  auto judge = Start("a");
  ASSERT_TRUE(Connect(judge, std::nullopt));
  const Status connected = Connect(judge, SentPosition{3, "another one"});
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::kInvalidArgument);
}

// It may never have learned of its last commit.
TEST_F(PositionJudgeTest, KnowsWhatTheOneBeforeItHasSent) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  EXPECT_EQ(GoesOnBehind(SentPosition{15, "a"}), 15u);
}

// It has got more of its own until it reaches Kafka, and would have enough.
TEST_F(PositionJudgeTest, AnOlderCopyOfTheJournalIsToldHoweverMuchComesToIt) {
  PutRecords(10);
  Send("a", std::nullopt, 10);
  static_cast<void>(Start("one that was stopped before it had reached Kafka"));
  PutRecords(10);
  // What the original has sent since the copy, before it was lost.
  const SentPosition sent{15, "a"};
  ExpectStopped(sent, ErrorKind::kCorruption,
                "the journal ended with record 10: an older copy of its directory");
  RemoveTheStop();
  EXPECT_EQ(GoesOnBehind(sent), 10u);
}

// It was killed between the two, and by the next start the journal had more than Kafka.
TEST_F(PositionJudgeTest, AfterAStopWithoutANoteNothingIsPassedOver) {
  PutRecords(20);
  ASSERT_TRUE(SentFloorFile(*files_, directory_, journal_->uuid()).Stop("an older copy"));
  EXPECT_FALSE(Start("a").Begin());
  RemoveTheStop();
  EXPECT_EQ(GoesOnBehind(SentPosition{15, "the original"}), 0u);
}

// It was killed between the two.
TEST_F(PositionJudgeTest, AStopWithoutANoteKeepsWhereTheJournalEnded) {
  PutRecords(10);
  ASSERT_TRUE(SentFloorFile(*files_, directory_, journal_->uuid()).Stop("an older copy"));
  EXPECT_THAT(Start("a").Begin().error().message, HasSubstr("an older copy"));
  const auto noted = Noted();
  ASSERT_TRUE(noted);
  EXPECT_EQ(noted->opened_at, 10u);
  PutRecords(10);
  EXPECT_FALSE(Start("b").Begin());
  RemoveTheStop();
  EXPECT_EQ(GoesOnBehind(SentPosition{15, "the original"}), 0u);
}

TEST_F(PositionJudgeTest, AStopLeavesWhatIsNotedOfAnotherTopic) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  const auto before = Noted();
  ASSERT_TRUE(SentFloorFile(*files_, directory_, journal_->uuid()).Stop("why"));
  PositionJudge judge(*journal_, *files_, {"broker:9092", "another", directory_, "b"},
                      MakeNullLogger());
  EXPECT_FALSE(judge.Begin());
  EXPECT_EQ(Noted(), before);
}

TEST_F(PositionJudgeTest, IsNotWhereTheJournalIsAnother) {
  directory_.clear();
  PutRecords(3);
  auto judge = Start("a");
  PutRecords(3);
  const Status connected = Connect(judge, SentPosition{5, "a"});
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::kCorruption);
  EXPECT_THAT(connected.error().message, HasSubstr("events.positions"));
}

TEST_F(PositionJudgeTest, GoesOnBehindTheNoteWhereThePositionsAloneAreLost) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  EXPECT_EQ(GoesOnBehind(std::nullopt), 10u);
  topics_.ends = 8;
  EXPECT_EQ(GoesOnBehind(std::nullopt), 10u);
}

TEST_F(PositionJudgeTest, StopsWhereMoreThanThePositionsIsLost) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  const SentFloor before = Noted().value();
  const auto expect_stopped = [&](const std::string& why) {
    ExpectStopped(std::nullopt, ErrorKind::kCorruption, why);
    RemoveTheStop();
    EXPECT_EQ(GoesOnBehind(std::nullopt), 0u);
    SentFloorFile file(*files_, directory_, journal_->uuid());
    ASSERT_TRUE(file.Read());
    ASSERT_TRUE(file.Write(before));
  };
  topics_.ends = 4;
  expect_stopped("whose sum is 4, and it was 5: they have lost messages, too");
  topics_.ends = 5;
  topics_.id = std::optional<std::string>("second");
  expect_stopped("topic events is not the one it was");
  topics_.id = std::optional<std::string>("");
  expect_stopped("whether topic events is the one it was is not known");
}

// What cannot be asked may be known the next time.
TEST_F(PositionJudgeTest, WhatIsNotAnsweredIsNoContradiction) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  auto judge = Start("b");
  topics_.ends = tl::unexpected(Away());
  EXPECT_EQ(Connect(judge, std::nullopt).error().kind, ErrorKind::kTransient);
  topics_.id = std::optional<std::string>();
  EXPECT_EQ(Connect(judge, std::nullopt).error().kind, ErrorKind::kTransient);
  EXPECT_FALSE(judge.is_stopped());
  topics_ = {};
  ASSERT_TRUE(Connect(judge, std::nullopt));
  EXPECT_EQ(judge.position(), 10u);
}

TEST_F(PositionJudgeTest, NotesTheEndsThatItKnewWhereTheyAreNotAnswered) {
  PutRecords(20);
  auto judge = Start("a");
  ASSERT_TRUE(Connect(judge, std::nullopt));
  judge.Committed(10);
  topics_.ends = tl::unexpected(Away());
  ASSERT_TRUE(judge.Note(&topics_));
  EXPECT_EQ(Noted(), (SentFloor{"events", "first", 10, SentPosition{10, "a"}, "a", 5}));
}

// They have a while to be judged by, and hold up nothing where they are only noted.
TEST_F(PositionJudgeTest, WaitsLittleForTheEndsThatItNotes) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  ASSERT_TRUE(topics_.last_limit);
  EXPECT_LE(*topics_.last_limit, std::chrono::seconds(5));
  auto judge = Start("b");
  ASSERT_TRUE(judge.Begin());
  ASSERT_TRUE(judge.Judge(std::nullopt, topics_));
  EXPECT_FALSE(topics_.last_limit);
}

TEST_F(PositionJudgeTest, NotesNoEndOfATopicThatWasMadeAgain) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  topics_.id = std::optional<std::string>("second");
  topics_.ends = tl::unexpected(Away());
  EXPECT_EQ(GoesOnBehind(SentPosition{10, "a"}), 10u);
  EXPECT_EQ(Noted(),
            (SentFloor{"events", "second", 10, SentPosition{10, "a"}, "one that goes on", 0}));
}

TEST_F(PositionJudgeTest, KnowsWhetherItsSenderIsNoted) {
  PutRecords(20);
  Send("a", std::nullopt, 10);
  auto judge = Start("b");
  ASSERT_TRUE(judge.Begin());
  judge.TakeTopicId(topics_);
  ASSERT_TRUE(judge.Judge(SentPosition{10, "a"}, topics_));
  EXPECT_FALSE(judge.is_sender_noted());
  ASSERT_TRUE(judge.Note(&topics_));
  EXPECT_TRUE(judge.is_sender_noted());
}

TEST_F(PositionJudgeTest, BeginsNothingWithoutKnowingWhatWasNoted) {
  ASSERT_TRUE(io::WriteAll(*files_, temp_.path() + "/kafka.1", "damaged\n"));
  EXPECT_EQ(Start("a").Begin().error().kind, ErrorKind::kCorruption);
}

TEST_F(PositionJudgeTest, ReadsAgainWhatCouldNotBeRead) {
  namespace fs = std::filesystem;
  PutRecords(20);
  Send("a", std::nullopt, 10);
  const std::string file = files_->List(temp_.path()).value().front().location;
  ASSERT_TRUE(fs::create_directory(temp_.path() + "/away"));
  const std::string away = temp_.path() + "/away/kafka.1";
  fs::rename(file, away);
  // Neither a loop of links nor what it stands for is a file.
  fs::create_symlink(file, file);
  auto judge = Start("b");
  EXPECT_EQ(judge.position_at_least(), 0u);
  ASSERT_FALSE(judge.Begin());
  fs::remove(file);
  fs::rename(away, file);
  ASSERT_TRUE(judge.Begin());
  EXPECT_EQ(judge.position_at_least(), 10u);
}

}  // namespace
}  // namespace octolake::kafka
