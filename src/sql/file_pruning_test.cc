#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "datafile/table_for_test.h"
#include "sql/session.h"

namespace octolake::sql {
namespace {

using datafile::MakeBatch;
using datafile::TestTable;

const RelationName kEvents{"demo", "silver", "events"};
const RelationName kOthers{"demo", "silver", "others"};

// Events of four days in 2015, each day and type in a file of its own: (day, type, id).
class FilePruningTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int day = 1; day <= 4; ++day) {
      for (const std::string type : {"ForkEvent", "PushEvent", "WatchEvent"}) AddFile(day, type);
    }
    SessionOptions options;
    options.readable_directories = {table_.directory()};
    auto session = OpenSession(options);
    ASSERT_TRUE(session) << session.error().message;
    session_ = std::move(*session);
    auto whole = OpenSession(options);
    ASSERT_TRUE(whole) << whole.error().message;
    whole_ = std::move(*whole);
    metadata_ = std::make_shared<const iceberg::TableMetadata>(table_.metadata());
    for (const auto& name : {kEvents, kOthers}) {
      ASSERT_TRUE(session_->AddPrunedRelation(name, table_.schema(), tasks_, metadata_));
      ASSERT_TRUE(whole_->AddRelation(name, table_.schema(), tasks_));
    }
    ASSERT_TRUE(session_->UseCatalog("demo"));
    ASSERT_TRUE(whole_->UseCatalog("demo"));
  }

  void Sandbox() { ASSERT_TRUE(session_->Sandbox()); }

  void AddFile(int day, const std::string& type) {
    std::string ids = "[";
    std::string times = "[";
    std::string types = "[";
    for (int row = 0; row < 5; ++row) {
      const int id = static_cast<int>(tasks_.size()) * 10 + row;
      const std::string comma = row == 0 ? "" : ", ";
      ids += comma + (row == 4 ? "null" : std::to_string(id));
      times += comma + "\"2015-01-0" + std::to_string(day) + " 0" + std::to_string(row * 2) +
               ":30:00Z\"";
      types += comma + "\"" + type + "\"";
    }
    const auto files = table_.Write(
        {MakeBatch({{"id", arrow::int64(), ids + "]"},
                    {"created", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), times + "]"},
                    {"type", arrow::utf8(), types + "]"}})});
    ASSERT_EQ(files.size(), 1u);
    tasks_.push_back({files[0], 1, 1});
    names_.push_back(std::to_string(day) + type.substr(0, 1));
  }

  // Removes every file but those named by day and first letter of the type.
  void KeepOnly(const std::vector<std::string>& names) {
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (std::find(names.begin(), names.end(), names_[i]) != names.end()) continue;
      std::filesystem::remove(io::LocalPath(tasks_[i].file.file_path).value());
    }
  }

  static std::string Answer(Session& session, const std::string& sql) {
    auto stream = session.Query(sql);
    std::string text;
    while (true) {
      if (!stream) return "error: " + stream.error().message;
      auto batch = (*stream)->Next();
      if (!batch) return "error: " + batch.error().message;
      if (*batch == nullptr) return text;
      text += (*batch)->ToString();
    }
  }
  // The second column of the first row.
  static std::string Text(Session& session, const std::string& sql) {
    auto stream = session.Query(sql);
    EXPECT_TRUE(stream) << stream.error().message;
    auto batch = stream ? (*stream)->Next() : nullptr;
    if (!batch || *batch == nullptr) return "";
    return static_cast<const arrow::StringArray&>(*(*batch)->column(1)).GetString(0);
  }
  static int64_t Number(Session& session, const std::string& sql) {
    auto number = session.QueryInteger(sql);
    EXPECT_TRUE(number) << sql << ": " << number.error().message;
    return number ? *number : -1;
  }

  TestTable table_{{{1, "id", iceberg::LongType(), false, ""},
                    {2, "created", iceberg::TimestamptzType(), false, ""},
                    {3, "type", iceberg::StringType(), false, ""}},
                   {{.source_id = 2,
                     .field_id = 1000,
                     .name = "at_day",
                     .transform = {iceberg::Transform::Kind::kDay}}}};
  std::vector<iceberg::ScanTask> tasks_;
  std::vector<std::string> names_;
  std::shared_ptr<const iceberg::TableMetadata> metadata_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> whole_;
};

TEST_F(FilePruningTest, ReadsOnlyTheFilesOfADayAndAType) {
  Sandbox();
  KeepOnly({"2F"});
  EXPECT_EQ(Number(*session_,
                   "SELECT count(*) FROM silver.events WHERE type = 'ForkEvent' AND "
                   "created >= '2015-01-02' AND created < '2015-01-03'"),
            5);
  EXPECT_EQ(Number(*session_,
                   "SELECT count(*) FROM silver.events WHERE type = 'ForkEvent' AND "
                   "created::DATE = '2015-01-02'"),
            5);
  EXPECT_EQ(Number(*session_,
                   "SELECT count(*) FROM demo.silver.events AS e "
                   "WHERE e.type LIKE 'Fork%' AND date_trunc('day', created) = '2015-01-02'"),
            5);
  EXPECT_EQ(Number(*session_,
                   "SELECT count(id) FROM silver.events WHERE type IN ('ForkEvent', "
                   "'GistEvent') AND created BETWEEN '2015-01-02' AND '2015-01-02 23:00:00'"),
            4);
}

TEST_F(FilePruningTest, OpensNoFileIfNoneCanMatch) {
  Sandbox();
  KeepOnly({});
  EXPECT_EQ(Number(*session_, "SELECT count(*) FROM silver.events WHERE created > '2016-01-01'"),
            0);
  EXPECT_EQ(Number(*session_, "SELECT count(*) FROM silver.events WHERE type = 'x'"), 0);
}

TEST_F(FilePruningTest, ReadsWhatAnyPlaceOfTheStatementNeeds) {
  Sandbox();
  KeepOnly({"1F", "3P"});
  EXPECT_EQ(
      Number(*session_,
             "SELECT (SELECT count(*) FROM silver.events WHERE type = 'ForkEvent' AND "
             "created < '2015-01-02') + count(*) FROM silver.events WHERE type = 'PushEvent' AND "
             "created::date = '2015-01-03'"),
      10);
}

TEST_F(FilePruningTest, KeepsRelationsApart) {
  Sandbox();
  KeepOnly({"1F", "3P"});
  EXPECT_EQ(
      Number(*session_,
             "SELECT count(*) FROM silver.events AS e CROSS JOIN silver.others AS o "
             "WHERE e.type = 'ForkEvent' AND e.created < '2015-01-02' AND "
             "o.type = 'PushEvent' AND o.created >= '2015-01-03' AND o.created < '2015-01-04'"),
      25);
}

TEST_F(FilePruningTest, SeesThroughViewsAndSubqueries) {
  ASSERT_TRUE(session_->AddView({"demo", "silver", "forks"},
                                "SELECT * FROM demo.silver.events WHERE type = 'ForkEvent'"));
  Sandbox();
  KeepOnly({"4F"});
  EXPECT_EQ(Number(*session_,
                   "WITH late AS (SELECT * FROM silver.forks) SELECT count(*) FROM "
                   "(SELECT created FROM late) WHERE created >= '2015-01-04'"),
            5);
}

TEST_F(FilePruningTest, ExplainsWhatItReads) {
  Sandbox();
  const std::string sql = "SELECT count(*) FROM silver.events WHERE created < '2015-01-02'";
  EXPECT_THAT(Text(*session_, "EXPLAIN ANALYZE " + sql), ::testing::HasSubstr("Files Read: 3"));
}

TEST_F(FilePruningTest, LeavesTheRelationWholeForTheNextStatement) {
  Sandbox();
  auto narrow = session_->Query("SELECT id FROM silver.events WHERE created < '2015-01-02'");
  ASSERT_TRUE(narrow);
  EXPECT_EQ(Number(*session_, "SELECT count(*) FROM silver.events"), 60);
  EXPECT_EQ(Number(*session_, "SELECT count(*) FROM silver.events WHERE created > '2016-01-01'"),
            0);
  EXPECT_EQ(Number(*session_, "SELECT count(*) FROM silver.events WHERE created >= '2015-01-04'"),
            15);
  int64_t rows = 0;
  for (auto batch = (*narrow)->Next(); batch && *batch; batch = (*narrow)->Next()) {
    rows += (*batch)->num_rows();
  }
  EXPECT_EQ(rows, 15);
}

TEST_F(FilePruningTest, FollowsARelationThatIsReplaced) {
  const std::vector<iceberg::ScanTask> last(tasks_.end() - 1, tasks_.end());
  ASSERT_TRUE(session_->AddPrunedRelation(kEvents, table_.schema(), last, metadata_));
  ASSERT_TRUE(session_->AddView(kOthers, "SELECT 1::BIGINT AS id"));
  Sandbox();
  EXPECT_EQ(Number(*session_, "SELECT count(*) FROM silver.events WHERE created < '2015-01-05'"),
            5);
  EXPECT_EQ(Number(*session_, "SELECT id FROM silver.others WHERE id = 1"), 1);
}

TEST_F(FilePruningTest, FailsAsWithoutPruning) {
  Sandbox();
  EXPECT_THAT(Answer(*session_, "SELECT nothing FROM silver.events WHERE created < '2015-01-02'"),
              ::testing::HasSubstr("nothing"));
  EXPECT_THAT(Answer(*session_, "SELECT * FROM silver.events WHERE id = 'x'"),
              ::testing::HasSubstr("error: "));
}

// Statements put together at random give the same rows with and without pruning.
TEST_F(FilePruningTest, ChangesNoAnswer) {
  Sandbox();
  SeededRandom random(20150101);
  const std::vector<std::string> conditions{
      "type = 'PushEvent'",
      "type > 'G'",
      "type <> 'PushEvent'",
      "type IN ('ForkEvent', 'WatchEvent')",
      "type IS NULL",
      "id IS NULL",
      "id IS NOT NULL",
      "id = 31",
      "id < 40",
      "id BETWEEN 25 AND 65",
      "id IN (1, 2, 50, 51, 119)",
      "id + 1 > 80",
      "created >= '2015-01-02 02:30:00+00'",
      "created::DATE = '2015-01-03'",
      "created::DATE <> '2015-01-03'",
      "created::DATE > DATE '2015-01-01'",
      "hour(created) = 2",
      "(id = 3 OR type = 'ForkEvent')",
      "NOT (created < '2015-01-03')",
      "coalesce(id, 0) = 0",
      "CASE WHEN id > 30 AND type = 'PushEvent' THEN created < '2015-01-03' ELSE id < 5 END"};
  const auto pick = [&] { return conditions[random.Next() % conditions.size()]; };
  const auto where = [&] {
    const std::string join = random.Next() % 3 == 0 ? " OR " : " AND ";
    return pick() + (random.Next() % 2 == 0 ? "" : join + pick());
  };
  for (int round = 0; round < 120; ++round) {
    const std::string source = "(SELECT * FROM silver.events WHERE " + where() + ")";
    std::string sql;
    switch (random.Next() % 6) {
      case 0:
        sql = "SELECT id, created, type FROM " + source + " ORDER BY created, type, id LIMIT 7";
        break;
      case 1:
        sql = "SELECT type, count(*), min(id) FROM " + source + " GROUP BY 1 ORDER BY 1";
        break;
      case 2:
        sql = "SELECT count(*) FROM silver.events AS e LEFT JOIN " + source +
              " AS s USING (id) WHERE s.type IS NULL OR s." + pick();
        break;
      case 3:
        sql = "SELECT count(*) FROM silver.events WHERE id IN (SELECT id FROM " + source + ")";
        break;
      case 4:
        sql = "SELECT count(*) FROM silver.events WHERE " + where() +
              " AND NOT EXISTS (SELECT 1 FROM " + source + " AS s WHERE s.id = events.id)";
        break;
      default:
        sql =
            "SELECT created, row_number() OVER (ORDER BY created, type) FROM silver.events WHERE " +
            where() +
            " QUALIFY row_number() OVER (PARTITION BY type ORDER BY created, id) = 1 ORDER BY "
            "created, type";
    }
    const std::string expected = Answer(*whole_, sql);
    ASSERT_EQ(Answer(*session_, sql), expected) << sql;
  }
}

}  // namespace
}  // namespace octolake::sql
