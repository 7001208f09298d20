#include "spark/native/message_decoder.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <string>
#include <vector>

#include "lake/warehouse_for_test.h"
#include "spark/native/hand_over.h"

namespace octolake::spark {
namespace {

using lake::Must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Adds one rejected row, of which the message's number is the content, times `bytes`.
Status AddNumber(event::MessageRows& rows, int64_t message, size_t bytes = 1) {
  const std::string raw(bytes, static_cast<char>('0' + message));
  event::RejectedMessage rejected;
  rejected.raw = raw;
  rejected.reason = "a test";
  event::MessagePlace place;
  place.offset = message;
  return rows.AddRejected(rejected, place);
}

AddMessage Numbers(size_t bytes = 1) {
  return [bytes](event::MessageRows& rows, int64_t message) {
    return AddNumber(rows, message, bytes);
  };
}

// The messages that the next batch has rows of; empty if there are no more.
std::vector<int64_t> NextMessages(MessageDecoder& decoder) {
  const auto rows = Must(decoder.Next());
  if (!rows) return {};
  EXPECT_EQ(rows->events->num_rows(), 0);
  const auto column = rows->rejected->GetColumnByName("ordinal");
  const auto& ordinals = static_cast<const arrow::Int64Array&>(*column);
  return {ordinals.raw_values(), ordinals.raw_values() + ordinals.length()};
}

TEST(MessageDecoder, CutsByRows) {
  MessageDecoder decoder(BatchLimits{.rows = 4});
  // Five rows of the first message, one of every other.
  Must(decoder.Give(4, [](event::MessageRows& rows, int64_t message) -> Status {
    for (int i = 0; i < (message == 0 ? 5 : 1); ++i) OCTO_TRY(AddNumber(rows, message));
    return {};
  }));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(0));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(1, 2));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(3));
  EXPECT_THAT(NextMessages(decoder), ElementsAre());
}

TEST(MessageDecoder, CutsByBytes) {
  MessageDecoder decoder(BatchLimits{.bytes = 10'000});
  Must(decoder.Give(5, [](event::MessageRows& rows, int64_t message) -> Status {
    const size_t sizes[] = {100, 4'800, 4'800, 20'000, 100};
    return AddNumber(rows, message, sizes[message]);
  }));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(0, 1));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(2));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(3));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(4));
  EXPECT_THAT(NextMessages(decoder), ElementsAre());
}

TEST(MessageDecoder, LimitsOfOneGiveOneRowAtATime) {
  for (const BatchLimits& limits : {BatchLimits{.rows = 1}, BatchLimits{.bytes = 1}}) {
    MessageDecoder decoder(limits);
    Must(decoder.Give(2, Numbers()));
    EXPECT_THAT(NextMessages(decoder), ElementsAre(0));
    EXPECT_THAT(NextMessages(decoder), ElementsAre(1));
    EXPECT_THAT(NextMessages(decoder), ElementsAre());
  }
}

TEST(MessageDecoder, DecodesAMessageOnlyWhenItsRowsAreAskedFor) {
  MessageDecoder decoder(BatchLimits{.rows = 2});
  int64_t decoded = 0;
  Must(decoder.Give(9, [&decoded](event::MessageRows& rows, int64_t message) {
    ++decoded;
    return AddNumber(rows, message);
  }));
  EXPECT_EQ(decoded, 0);
  EXPECT_THAT(NextMessages(decoder), ElementsAre(0));
  EXPECT_EQ(decoded, 1);
}

TEST(MessageDecoder, MessagesWithoutRowsArePassedOver) {
  MessageDecoder decoder;
  Must(decoder.Give(3, [](event::MessageRows& rows, int64_t message) -> Status {
    return message == 1 ? AddNumber(rows, message) : Status();
  }));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(1));
  EXPECT_THAT(NextMessages(decoder), ElementsAre());
  Must(decoder.Give(0, Numbers()));
  EXPECT_THAT(NextMessages(decoder), ElementsAre());
}

// What fails has added a row by then.
void ExpectNothingIsLeft(MessageDecoder& decoder) {
  EXPECT_THAT(NextMessages(decoder), ElementsAre());
  Must(decoder.Give(1, Numbers()));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(0)) << "rows came of a message that failed";
  EXPECT_THAT(NextMessages(decoder), ElementsAre());
}

TEST(MessageDecoder, NothingIsLeftAfterAnError) {
  MessageDecoder decoder;
  Must(decoder.Give(9, [](event::MessageRows& rows, int64_t message) -> Status {
    OCTO_TRY(AddNumber(rows, message));
    if (message == 5) return MakeError(ErrorKind::kResourceExhausted, "no memory");
    return {};
  }));
  const auto failed = decoder.Next();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kResourceExhausted);
  EXPECT_THAT(failed.error().message, HasSubstr("no memory"));
  ExpectNothingIsLeft(decoder);
}

TEST(MessageDecoder, NothingIsLeftAfterAnErrorInALaterBatch) {
  MessageDecoder decoder(BatchLimits{.rows = 4});
  Must(decoder.Give(9, [](event::MessageRows& rows, int64_t message) -> Status {
    OCTO_TRY(AddNumber(rows, message));
    if (message == 3) return MakeError(ErrorKind::kResourceExhausted, "no memory");
    return {};
  }));
  EXPECT_THAT(NextMessages(decoder), ElementsAre(0, 1));
  EXPECT_FALSE(decoder.Next());
  ExpectNothingIsLeft(decoder);
}

TEST(MessageDecoder, NothingIsLeftAfterAnException) {
  MessageDecoder decoder;
  Must(decoder.Give(9, [](event::MessageRows& rows, int64_t message) -> Status {
    OCTO_TRY(AddNumber(rows, message));
    if (message == 5) throw std::bad_alloc();
    return {};
  }));
  EXPECT_THROW((void)decoder.Next(), std::bad_alloc);
  ExpectNothingIsLeft(decoder);
}

TEST(HandOver, GivesNeitherBatchAfterAnException) {
  MessageDecoder decoder(BatchLimits{.rows = 1});
  Must(decoder.Give(2, Numbers()));
  const auto rows = Must(decoder.Next());
  ArrowArray array{};
  ArrowSchema schema{};
  const auto fail_between = [&] {
    HandOver hand_over(decoder);
    Must(hand_over.ExportFirst(*rows->rejected, &array, &schema));
    EXPECT_NE(array.release, nullptr);
    throw std::bad_alloc();
  };
  EXPECT_THROW(fail_between(), std::bad_alloc);
  EXPECT_EQ(array.release, nullptr);
  EXPECT_EQ(schema.release, nullptr);
  ExpectNothingIsLeft(decoder);
}

TEST(HandOver, GivesBothAndWhatFollowsIsLeft) {
  MessageDecoder decoder(BatchLimits{.rows = 1});
  Must(decoder.Give(2, Numbers()));
  const auto rows = Must(decoder.Next());
  ArrowArray rejected{}, events{};
  ArrowSchema rejected_schema{}, events_schema{};
  {
    HandOver hand_over(decoder);
    Must(hand_over.ExportFirst(*rows->rejected, &rejected, &rejected_schema));
    Must(hand_over.ExportLast(*rows->events, &events, &events_schema));
  }
  EXPECT_THAT(NextMessages(decoder), ElementsAre(1));
  ASSERT_NE(rejected.release, nullptr);
  ASSERT_NE(events.release, nullptr);
  rejected.release(&rejected);
  rejected_schema.release(&rejected_schema);
  events.release(&events);
  events_schema.release(&events_schema);
}

}  // namespace
}  // namespace octolake::spark
