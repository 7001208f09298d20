"""From event files to Gold: counts, repetition, order of arrival, time zones."""

import json
from collections import Counter

import pytest

from lake import BRONZE, CIRCUMSTANCES, GOLD, LOADED, PARSED, REJECTED, SILVER, Lake

MODELLED = (PARSED, SILVER, GOLD)


def facts(lake, tables=MODELLED):
    return {table: lake.facts(table) for table in tables}


def distinct_events(files):
    """Events of the synthetic files as a reader of GitHub's documentation would count them."""
    keys = set()
    for path in files:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                event = json.loads(line)
                keys.add((event["id"], event["created_at"]) if "id" in event
                         else json.dumps(event, sort_keys=True))
    return len(keys)


def lines_in(files):
    return sum(path.read_bytes().count(b"\n") for path in files)


class TestRealEvents:
    def test_bronze_holds_every_event_of_every_file(self, real_lake, real_files):
        found = {row["name"]: (row["events"], row["rejected"])
                 for row in real_lake.sql(f"select name, events, rejected from {LOADED}")}
        counts = [4664, 7702, 11351, 800, 100, 99, 30]
        assert found == {str(path): (count, 0) for path, count in zip(real_files, counts)}
        by_file = real_lake.sql(f"select source_file, count(*) n from {BRONZE} group by all")
        assert {row["source_file"]: row["n"] for row in by_file} == {
            str(path): count for path, count in zip(real_files, counts)}
        assert real_lake.value(f"select count(*) from {REJECTED}") == 0
        assert real_lake.value(f"select count(distinct trace_id) from {BRONZE}") == 24746

    @pytest.mark.parametrize("table", [PARSED, SILVER])
    def test_silver_holds_each_event_once(self, real_lake, table):
        by_year = real_lake.sql(
            f"select year(created_at) >= 2015 as recent, count(*) n, count(distinct event_key) keys"
            f" from {table} group by all")
        assert {row["recent"]: (row["n"], row["keys"]) for row in by_year} == {
            False: (4663, 4663), True: (20082, 20082)}

    def test_gold_from_2015_on(self, real_lake):
        recent = f"from {GOLD} where activity_date >= date '2015-01-01'"
        assert real_lake.sql(f"select count(*) n, sum(total_activity_score)::bigint score {recent}"
                             ) == [{"n": 9265, "score": 109148}]
        levels = real_lake.sql(f"select user_activity_level as level, count(*) n {recent} group by all")
        assert {row["level"]: row["n"] for row in levels} == {
            "low_activity": 6790, "moderate": 1952, "active": 359, "highly_active": 164}

    def test_loading_one_by_one_in_another_order(self, real_lake, real_files, lake):
        for index in (6, 2, 0, 5, 3, 1, 4):
            lake.load(real_files[index])
            report = lake.run()
            actions = {model["name"]: model["action"] for model in report["models"]}
        assert actions == {SILVER: "appended", GOLD: "partitions rewritten"}
        assert facts(lake) == facts(real_lake)
        assert lake.facts(BRONZE) == real_lake.facts(BRONZE)


class TestSyntheticEvents:
    def test_every_event_arrives_once(self, synthetic_lake, synthetic_files):
        events = distinct_events(synthetic_files)
        read = lines_in(synthetic_files)
        assert read > events > 2900  # some come again
        assert synthetic_lake.counts() == {
            BRONZE: read, REJECTED: 0, LOADED: 4, PARSED: events, SILVER: events,
            GOLD: synthetic_lake.value(
                "select count(*) from (select distinct coalesce('id:' || actor_id,"
                f" 'login:' || actor_login), event_date from {SILVER}"
                " where actor_id is not null or actor_login is not null)")}

    def test_every_field_of_bronze_is_the_event(self, synthetic_lake, synthetic_files):
        wanted = Counter()
        for path in synthetic_files[1:]:
            for line in path.read_text(encoding="utf-8").split("\n"):
                if line:
                    event = json.loads(line)
                    wanted[event["id"], event["type"], event["actor"]["login"], event["repo"]["name"],
                           event["created_at"], json.dumps(event["payload"], sort_keys=True)] += 1
        found = Counter(
            (row["id"], row["type"], row["actor_login"], row["repo_name"], row["created_at"],
             json.dumps(json.loads(row["payload"]), sort_keys=True))
            for row in synthetic_lake.sql(
                f"select * from {BRONZE} where source_file not like '%2011.json'"))
        assert found == wanted

    def test_the_same_again_changes_nothing(self, lake, synthetic_files):
        lake.load(*synthetic_files)
        lake.run()
        before = lake.all_rows()
        report = lake.load(*synthetic_files)
        assert {file["outcome"] for file in report["files"]} == {"skipped"}
        report = lake.run()
        assert {model["action"] for model in report["models"]} == {"up to date"}
        assert lake.all_rows() == before

        lake.octolake("load", "--again", *synthetic_files)
        report = lake.run()
        assert report["silver"]["added"] == 0
        assert report["silver"]["duplicates"] == lines_in(synthetic_files)
        after = lake.all_rows()
        assert after[BRONZE].total() == 2 * before[BRONZE].total()
        assert {table: after[table] for table in MODELLED} == {
            table: before[table] for table in MODELLED}

    def test_full_refresh_gives_the_same_rows(self, lake, synthetic_files):
        for part in (synthetic_files[2:], synthetic_files[:2]):
            lake.load(*part)
            lake.run()
        before = facts(lake)
        actions = {model["action"] for model in lake.run("--full-refresh")["models"]}
        assert actions == {"full refresh"}
        assert facts(lake) == before

    def test_one_by_one_equals_all_at_once(self, synthetic_files, tmp_path):
        files = [synthetic_files[index] for index in (2, 0, 3, 1)]  # late days, and copies before their originals
        one_by_one, at_once = Lake(tmp_path / "a"), Lake(tmp_path / "b")
        for path in files:
            one_by_one.load(path)
            one_by_one.run()
        at_once.load(*files)
        at_once.run()
        assert facts(one_by_one, CIRCUMSTANCES) == facts(at_once, CIRCUMSTANCES)

    def test_the_time_zone_of_the_machine_does_not_matter(self, synthetic_lake, synthetic_files, tmp_path):
        lake = Lake(tmp_path / "warehouse", {"TZ": "Pacific/Kiritimati"})
        lake.load(*synthetic_files)
        lake.run()
        assert facts(lake, CIRCUMSTANCES) == facts(synthetic_lake, CIRCUMSTANCES)
        query = f"select min(created_at) as a, created_at::date as d from {SILVER} group by d order by d"
        assert lake.sql(query) == synthetic_lake.sql(query)

    def test_sources_that_were_passed_over_come_later(self, synthetic_lake, synthetic_files, tmp_path):
        few = Lake(tmp_path / "warehouse", {"OCTOLAKE_SILVER_SOURCES": "webhook"})
        few.load(*synthetic_files)
        assert few.run()["silver"]["added"] == 0
        lake = Lake(few.directory)
        reason = lake.run()["silver"]["rescan_reason"]
        assert reason == "it took only webhook before, and takes all sources now"
        assert facts(lake, CIRCUMSTANCES) == facts(synthetic_lake, CIRCUMSTANCES)
        assert few.run()["silver"]["bronze_rows"] == 0
        assert "rescan_reason" not in lake.run()["silver"], "nothing was passed over in between"

    def test_one_model_at_a_time(self, lake, synthetic_lake, synthetic_files):
        lake.load(*synthetic_files)
        lake.run("--select", "silver_github_events")
        assert GOLD not in lake.counts()
        lake.run("--select", "gold_user_activity")
        assert facts(lake) == facts(synthetic_lake)
